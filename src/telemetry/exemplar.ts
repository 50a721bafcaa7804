/**
 * What tracing tells metrics: the trace of a request, as an example of what was measured.
 *
 * @module
 */

import { type Key, key } from '../core/context.ts';

/** The ids of the request's server span, where it is recorded and sampled: others lead nowhere. */
export const sampledSpan: Key<SampledSpan | undefined> = key<SampledSpan>('sampled span');

/** Named as Prometheus and Grafana look for them. A type and no interface, so that these are labels. */
export type SampledSpan = {
  readonly trace_id: string;
  readonly span_id: string;
};
