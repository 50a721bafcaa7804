/**
 * The rules language as a JSON Schema, for editors.
 *
 * @module
 */

import * as z from 'zod';
import { type Merged, overlaid } from './merge.ts';
import { rulesFile } from './schema.ts';
import { type BlockInfo, blocks, lists, maps, scalars } from './shape.ts';

/** What an editor shows beside a key. */
export interface KeyWords {
  readonly description: string;
  /** What holds where the key is left out, if that is a value. */
  readonly default?: string | number | boolean;
}

/** Finds the words for a key of a map of the language. */
export type KeyWordsOf = (block: BlockInfo, key: string) => KeyWords | undefined;

/**
 * Makes the JSON Schema of rules files, draft 2020-12. It knows keys, kinds of values, words, and the form of durations and their
 * like; what expressions and references may be, `parseRules` alone knows.
 *
 * @param wordsOf Default: keys are not described.
 */
export function rulesJsonSchema(wordsOf?: KeyWordsOf): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(rulesFile, { io: 'input' });
  return {
    $schema,
    title: 'fetchmesh rules',
    description: 'Routes, the services that they lead to, and the policies in between.',
    ...annotated(schema as Schema, rulesFile, wordsOf),
  };
}

/** Grammars of single values that an expression can tell, by what messages call them. */
const forms: Readonly<Record<string, string>> = {
  'a duration such as 3s': '(\\d+(\\.\\d+)?(ms|s|m|h|d))+',
  'a percentage such as 10%': '(100(\\.0{1,6})?|[1-9]?\\d(\\.\\d{1,6})?)%',
  'a size such as 10MiB': '\\d+(\\.\\d+)?[A-Za-z]{1,3}',
  'a path': '/[^?#]*|~.*',
  'a host name': '(\\*\\.)?[^\\s*:/]+|\\[.*\\]',
  'an address or a network': '[0-9A-Fa-f:.]+(/\\d{1,3})?',
  'an origin': '\\*|null|[A-Za-z][\\w+.-]*://.+',
  'a route name': '[A-Za-z0-9_][A-Za-z0-9._-]{0,62}',
  'a URL': '([A-Za-z]+://.+)?',
  'an HTTP method': '[A-Z][A-Z-]*',
  'a header name': '[^\\s:]+',
  'a key expression such as cookie:sid':
    'ip(/\\d+)?|route|global|(header|cookie|query|jwt|baggage):.+',
  'a destination such as users@v2': '[^\\s/:]+',
};

/** Adds what zod does not know: the words for keys, and the form of values. */
function annotated(schema: Schema, of: z.ZodType, wordsOf?: KeyWordsOf): Schema {
  const block = blocks.get(of);
  const { name, value } = maps.get(of) ?? {};
  const item = lists.get(of);
  const info = scalars.get(of);
  const form = info && forms[info.expected];
  const { properties, propertyNames, additionalProperties, items, anyOf } = schema;
  const options = of instanceof z.ZodUnion ? (of.options as readonly z.ZodType[]) : [];
  return {
    ...schema,
    // References to the environment are filled in later.
    ...(form && {
      pattern: `^(${form})$|\\$\\{`,
      patternErrorMessage: `must be ${info?.expected}`,
    }),
    ...(item && items && { items: annotated(items, item, wordsOf) }),
    ...(value &&
      typeof additionalProperties === 'object' && {
        additionalProperties: annotated(additionalProperties, value, wordsOf),
      }),
    ...(name && propertyNames && { propertyNames: annotated(propertyNames, name, wordsOf) }),
    ...(anyOf && {
      anyOf: anyOf.map((option, index) => annotated(option, options[index] as z.ZodType, wordsOf)),
    }),
    ...(block &&
      properties && {
        properties: Object.fromEntries(
          Object.entries(properties).map(([key, member]) => [
            key,
            {
              ...wordsOf?.(block, key),
              ...annotated(member, block.shape[key] as z.ZodType, wordsOf),
            },
          ]),
        ),
      }),
  };
}

/**
 * Makes the JSON Schema of overlays: the same language, where nothing is required that the files below may say, and `null`
 * removes what they say.
 */
export function overlayJsonSchema(wordsOf?: KeyWordsOf): Readonly<Record<string, unknown>> {
  const { title: _, description: __, ...schema } = rulesJsonSchema(wordsOf);
  const { $schema, ...relaxed } = relax(schema, overlaid) as Schema;
  const { routes, ...properties } = relaxed.properties ?? {};
  const list = (schema as Schema).properties?.['routes'] as Schema;
  const items = { ...relax(list.items as Schema, {}), anyOf: [named('name'), named('path')] };
  return {
    $schema,
    title: 'fetchmesh rules, overlay',
    description: 'What differs from the rules below for one environment.',
    ...relaxed,
    properties: { ...properties, routes: { ...list, items } },
  };
}

/** As far as the schemas of the language go. */
interface Schema {
  readonly $schema?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: boolean | Schema;
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  readonly description?: string;
}

/** Keys may be left out, or be null. */
function relax(schema: Schema, plan: Merged): Schema {
  const { required: _, properties, additionalProperties, anyOf, ...rest } = schema;
  function child(key: string, { description, ...value }: Schema): Schema {
    const inside = Object.hasOwn(plan, key) ? plan[key] : plan['*'];
    return {
      ...(description !== undefined && { description }),
      anyOf: [inside === undefined ? value : relax(value, inside), { type: 'null' } as Schema],
    };
  }
  return {
    ...rest,
    ...(anyOf && { anyOf: anyOf.map((option) => relax(option, plan)) }),
    ...(properties && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([key, value]) => [key, child(key, value)]),
      ),
    }),
    ...(additionalProperties !== undefined && {
      additionalProperties:
        typeof additionalProperties === 'boolean'
          ? additionalProperties
          : child('*', additionalProperties),
    }),
  };
}

function named(key: string): Schema {
  return { required: [key] };
}
