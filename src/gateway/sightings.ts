/**
 * The state of policies, as gauges that are read when somebody asks.
 *
 * @module
 */

import type { Breaker } from '../policies/breaker/breaker.ts';
import type { Bulkhead } from '../policies/bulkhead.ts';
import type { Registry } from '../telemetry/registry.ts';

/** A policy whose state can be seen, and whose it is. */
export interface Sighting {
  readonly labels: Readonly<Record<'route' | 'service' | 'version', string>>;
  readonly breaker?: Breaker;
  readonly bulkhead?: Bulkhead;
}

const labels = ['route', 'service', 'version'] as const;

/**
 * Shows breakers and bulkheads in a registry: `fetchmesh_circuit_breaker_open` (1 while open, isolated or forced, 0.5 while
 * half open), `fetchmesh_bulkhead_in_flight` and `fetchmesh_bulkhead_waiting`.
 *
 * @param current The sightings of the rules in force, at the time of a scrape. What the rules no longer name reads 0.
 */
export function showPolicies(registry: Registry, current: () => readonly Sighting[]): void {
  const before = new Map<string, Sighting>();
  registry.onCollect(() => {
    const shown = new Map(current().map((one) => [keyOf(one), one] as const));
    for (const [key, one] of before) if (!shown.has(key)) show(registry, one, false);
    for (const [key, one] of shown) {
      show(registry, one, true);
      before.set(key, one);
    }
  });
}

function keyOf({ labels, breaker }: Sighting): string {
  return JSON.stringify([labels, breaker === undefined ? 'bulkhead' : 'breaker']);
}

function show(
  registry: Registry,
  { labels: values, breaker, bulkhead }: Sighting,
  isInForce: boolean,
): void {
  if (breaker !== undefined) {
    registry
      .gauge({
        name: 'fetchmesh_circuit_breaker_open',
        help: 'Whether a circuit is open: 1 where it is, 0.5 where it is half open.',
        labels,
      })
      .set(values, isInForce ? openness(breaker) : 0);
  }
  if (bulkhead !== undefined) {
    const { inFlight, waiting } = isInForce ? bulkhead.status() : { inFlight: 0, waiting: 0 };
    registry
      .gauge({
        name: 'fetchmesh_bulkhead_in_flight',
        help: 'Calls under way behind a bulkhead.',
        labels,
      })
      .set(values, inFlight);
    registry
      .gauge({
        name: 'fetchmesh_bulkhead_waiting',
        help: 'Calls that wait for their turn at a bulkhead.',
        labels,
      })
      .set(values, waiting);
  }
}

function openness(breaker: Breaker): number {
  const { state } = breaker.status();
  if (state === 'half_open') return 0.5;
  return state === 'closed' || state === 'disabled' ? 0 : 1;
}
