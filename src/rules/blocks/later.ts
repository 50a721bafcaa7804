/**
 * Keys of the rules language that this version does not carry out. They are recognised and refused (FM060), never ignored.
 *
 * Whoever adds a block takes its key out of here and puts it into the schema.
 *
 * @module
 */

const policies: readonly string[] = ['adaptive_concurrency'];

/** By the map that they belong to. */
export const later: Readonly<
  Record<'file' | 'defaults' | 'route' | 'service' | 'match' | 'telemetry', readonly string[]>
> = {
  file: ['store', 'admin'],
  defaults: policies,
  route: [...policies, 'canary'],
  service: ['breaker', 'bulkhead', 'limits', 'headers'],
  match: [],
  telemetry: [],
};
