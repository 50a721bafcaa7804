/**
 * What is said of a value that does not fit its schema.
 *
 * @module
 */

import type * as z from 'zod';
import { kindNames, type PositionedNode, type ScalarNode } from './nodes.ts';
import { either, quote } from './quote.ts';
import type { Problem } from './report.ts';
import {
  type BlockInfo,
  blocks,
  type Kind,
  lists,
  maps,
  type ScalarInfo,
  type Site,
  scalars,
} from './shape.ts';
import { nearest, suggest } from './suggest.ts';

/** The kind of value that a schema is for. */
export function kindOf(schema: z.ZodType): Kind | undefined {
  if (lists.has(schema)) return 'list';
  if (blocks.has(schema) || maps.has(schema)) return 'map';
  return scalars.get(schema)?.kind;
}

/** What a schema wants, as in "must be …". */
function expectedOf(schema: z.ZodType): string {
  const kind = kindOf(schema);
  return kind === 'list' || kind === 'map'
    ? kindNames[kind]
    : (scalars.get(schema)?.expected ?? '');
}

/**
 * A value of another kind than expected.
 *
 * @param schemas Those that the value could have been for.
 * @param key Quoted.
 */
export function wrongKind(
  schemas: readonly z.ZodType[],
  node: PositionedNode,
  key: string,
  isSecret: boolean,
): Problem {
  const kinds = schemas.map(kindOf);
  const expected = either(schemas.map(expectedOf));
  if (node.kind === 'nothing') {
    return {
      code: 'FM013',
      message: `${key} has no value`,
      label: `expected ${expected}`,
      help: 'write one, or take the key out',
    };
  }
  const message = `${key} must be ${expected}, not ${kindNames[node.kind]}`;
  const isUnquoted = node.kind === 'number' || node.kind === 'boolean';
  const isText = isUnquoted && !isSecret && schemas.some((schema) => isTextFor(schema, node));
  if (isText) return { code: 'FM013', message, help: 'quote it', fix: `"${node.written}"` };
  const isQuoted = node.kind === 'text' && /^-?\d+(\.\d+)?$/.test(String(node.value));
  if (isQuoted && kinds.includes('number')) {
    return { code: 'FM013', message, help: 'take the quotes off' };
  }
  const isOff = node.kind === 'text' && node.value === 'off' && kinds.includes('number');
  const nothing = schemas.some(
    (schema) => kindOf(schema) === 'number' && schema.safeParse(0).success,
  );
  if (isOff && nothing) return { code: 'FM013', message, help: 'write 0', fix: '0' };
  const truth = kinds.includes('boolean') ? truthOf(node) : undefined;
  if (truth !== undefined) return { code: 'FM013', message, help: `write ${truth}`, fix: truth };
  const help = formHelp(schemas, node, isSecret);
  return {
    code: 'FM013',
    message,
    ...(help === undefined ? { label: `expected ${expected}` } : { help }),
  };
}

/** Whether it would do in quotes. */
function isTextFor(schema: z.ZodType, node: ScalarNode): boolean {
  return scalars.get(schema)?.kind === 'text' && schema.safeParse(node.written).success;
}

/** What other languages, and YAML before 1.2, write for `true` and `false`. */
const truths: Readonly<Record<string, string>> = {
  ...{ yes: 'true', on: 'true', true: 'true', enabled: 'true' },
  ...{ no: 'false', off: 'false', false: 'false', disabled: 'false' },
};

function truthOf(node: PositionedNode): string | undefined {
  const word = node.kind === 'text' ? String(node.value).toLowerCase() : '';
  return Object.hasOwn(truths, word) ? truths[word] : undefined;
}

function isYes(node: PositionedNode): boolean {
  return node.kind === 'boolean' ? node.value === true : truthOf(node) === 'true';
}

/** How to write what is expected, where a map or a list is. */
function formHelp(
  schemas: readonly z.ZodType[],
  node: PositionedNode,
  isSecret: boolean,
): string | undefined {
  const map = schemas.map((schema) => blocks.get(schema)).find((info) => info !== undefined);
  if (map !== undefined && node.kind !== 'map') return mapHelp(map, node, isSecret);
  const isList = schemas.some((schema) => lists.has(schema));
  return isList && node.kind === 'map' ? 'put a hyphen in front of each entry: `- `' : undefined;
}

/** What a map needs, or else takes; the value itself in it, where it is what the only key wants. */
function mapHelp(block: BlockInfo, node: PositionedNode, isSecret: boolean): string {
  const { shape, required, later, hasDefaults } = block;
  const [key, ...others] = required;
  if (key === undefined) {
    // An empty map elsewhere does nothing, or is for everybody.
    if (hasDefaults && isYes(node)) return 'write `{}` for a map with nothing but defaults';
    return `a map here takes ${listed(Object.keys(shape).filter((name) => !later.includes(name)))}`;
  }
  const member = shape[key];
  if (others.length === 0 && member !== undefined) {
    const isIt = !isSecret && 'value' in node && member.safeParse(node.value).success;
    if (isIt) return `write { ${key}: ${node.written} }`;
    if (node.kind === 'list' && lists.has(member)) return `write \`${key}:\` above it`;
  }
  const keys = required.map((name) => `\`${name}\``);
  return `a map here needs ${either(keys).replace(' or ', ' and ')}`;
}

/**
 * A value of the right kind that is not allowed.
 *
 * @param options What else it could be for.
 */
export function notAllowed(
  info: ScalarInfo,
  node: ScalarNode,
  { key, value, isSecret }: Site,
  options?: readonly z.ZodType[],
): Problem {
  const { code, words } = info;
  // A single word, such as `off`, is hardly what was meant.
  const others = words?.length === 1 ? options : undefined;
  const expected = others === undefined ? info.expected : either(others.map(expectedOf));
  const message = `${key} must be ${expected}, not ${value}`;
  const meant = words && suggest(String(node.value), words);
  if (meant !== undefined) {
    return { code, message, label: `did you mean \`${meant}\`?`, fix: meant };
  }
  const help = others && formHelp(others, node, isSecret);
  return { code, message, label: words === undefined ? 'out of range' : 'no such word', help };
}

/** Where more keys are missing, the rest is counted. */
const mostKeys = 20;

/**
 * A key that the language does not have.
 *
 * @param known Those that it has there.
 * @param missing Of these, those that can be used and are not there yet.
 */
export function unknownKey(
  key: string,
  title: string,
  known: readonly string[],
  missing: readonly string[],
): Problem {
  const message = `unknown key ${quote(key)} in ${title}`;
  const [meant, ...others] = nearest(key, known);
  if (meant !== undefined && others.length <= 2) {
    const label = `did you mean ${either([meant, ...others].map(quote))}?`;
    return { code: 'FM001', message, label, ...(others.length === 0 && { fix: meant }) };
  }
  return {
    code: 'FM001',
    message,
    label: `${title} has no such key`,
    ...(missing.length > 0 && { help: `it takes ${listed(missing)}` }),
  };
}

function listed(keys: readonly string[]): string {
  const rest = keys.length > mostKeys ? ` and ${keys.length - mostKeys} more` : '';
  return `${keys.slice(0, mostKeys).join(', ')}${rest}`;
}

/** A key that the language has, and this version does not. */
export function notAvailable(key: string): Problem {
  return {
    code: 'FM060',
    message: `${quote(key)} is not available in this version`,
    label: 'part of the rules language, but not of this version',
    help: 'remove it: rules that would not be in force are refused rather than ignored',
  };
}

/** A problem of a value that came from the environment: nothing that repeats the value, which may be a secret. */
export function aboutEnvironment({ code, severity, message }: Problem): Problem {
  return {
    code,
    ...(severity !== undefined && { severity }),
    message,
    label: 'as filled in from the environment',
  };
}
