/**
 * The rules language as a JSON Schema, for editors.
 *
 * @module
 */

import * as z from 'zod';
import { type Merged, overlaid } from './merge.ts';
import { rulesFile } from './schema.ts';

/**
 * Makes the JSON Schema of rules files, draft 2020-12. It knows keys, kinds of values and words; what durations, paths and
 * references may be, `parseRules` alone knows.
 */
export function rulesJsonSchema(): Readonly<Record<string, unknown>> {
  const { $schema, ...schema } = z.toJSONSchema(rulesFile, { io: 'input' });
  return {
    $schema,
    title: 'fetchmesh rules',
    description: 'Routes, the services that they lead to, and the policies in between.',
    ...schema,
  };
}

/**
 * Makes the JSON Schema of overlays: the same language, where nothing is required that the files below may say, and `null`
 * removes what they say.
 */
export function overlayJsonSchema(): Readonly<Record<string, unknown>> {
  const { title: _, description: __, ...schema } = rulesJsonSchema();
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
  readonly items?: Schema;
}

/** Keys may be left out, or be null. */
function relax(schema: Schema, plan: Merged): Schema {
  const { required: _, properties, additionalProperties, anyOf, ...rest } = schema;
  function child(key: string, value: Schema): Schema {
    const inside = Object.hasOwn(plan, key) ? plan[key] : plan['*'];
    return {
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
