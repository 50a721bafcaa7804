/**
 * An endpoint and all that is known of it.
 *
 * @module
 */

import type { Endpoint } from '../core/endpoint.ts';
import type { Candidate } from './balance.ts';
import { unchecked, type Vitals } from './health.ts';
import { type EjectionReason, goodStanding, type Standing } from './outlier.ts';

/** The record of one endpoint; the same object over all revisions of the rules in which nothing of it changed. */
export class Host implements Candidate {
  readonly endpoint: Endpoint;
  readonly weight: number;
  active = 0;
  standing: Standing = goodStanding;
  vitals: Vitals = unchecked;
  /** When the next check is due, on the monotonic clock; before the first one it is due at once. */
  checkAt: number = Number.NEGATIVE_INFINITY;

  constructor(endpoint: Endpoint, weight: number) {
    this.endpoint = endpoint;
    this.weight = weight;
  }

  get isEjected(): boolean {
    return this.standing.ejectedAt !== undefined;
  }

  get isHealthy(): boolean {
    return this.vitals.isUp && !this.isEjected;
  }
}

/** What the hosts of one pool share, over revisions too. */
export interface PoolState {
  /** When the last interval of outlier detection ended; `undefined` before the first request. */
  sweptAt: number | undefined;
  /** Grows whenever an endpoint has become healthy or unhealthy. */
  changes: number;
  /** Ejections so far. */
  readonly ejections: Map<EjectionReason, number>;
}
