/**
 * What is said of a value that does not fit its schema.
 *
 * @module
 */

import type * as z from 'zod';
import { kindNames, type PositionedNode, type ScalarNode } from './nodes.ts';
import { either, quote } from './quote.ts';
import type { Problem } from './report.ts';
import { blocks, type Kind, lists, maps, type ScalarInfo, type Site, scalars } from './shape.ts';
import { suggest } from './suggest.ts';

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
    return { code: 'FM013', message: `${key} has no value`, label: `expected ${expected}` };
  }
  const message = `${key} must be ${expected}, not ${kindNames[node.kind]}`;
  const isUnquoted = node.kind === 'number' || node.kind === 'boolean';
  if (isUnquoted && kinds.includes('text') && !isSecret) {
    return { code: 'FM013', message, help: 'quote it', fix: `"${node.written}"` };
  }
  const isQuoted = node.kind === 'text' && /^-?\d+(\.\d+)?$/.test(String(node.value));
  if (isQuoted && kinds.includes('number')) {
    return { code: 'FM013', message, help: 'take the quotes off' };
  }
  return { code: 'FM013', message };
}

/** A value of the right kind that is not allowed. */
export function notAllowed(info: ScalarInfo, node: ScalarNode, { key, value }: Site): Problem {
  const { code, expected, words } = info;
  const meant = words && suggest(String(node.value), words);
  return {
    code,
    message: `${key} must be ${expected}, not ${value}`,
    ...(meant !== undefined && { label: `did you mean \`${meant}\`?`, fix: meant }),
  };
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
  const meant = suggest(key, known);
  if (meant !== undefined) {
    return { code: 'FM001', message, label: `did you mean \`${meant}\`?`, fix: meant };
  }
  const shown = missing.slice(0, mostKeys).join(', ');
  const rest = missing.length > mostKeys ? ` and ${missing.length - mostKeys} more` : '';
  return {
    code: 'FM001',
    message,
    label: `${title} has no such key`,
    ...(shown !== '' && { help: `it takes ${shown}${rest}` }),
  };
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
