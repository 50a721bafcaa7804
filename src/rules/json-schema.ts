/**
 * The rules language as a JSON Schema, for editors.
 *
 * @module
 */

import * as z from 'zod';
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
