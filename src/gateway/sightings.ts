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

const open = {
  name: 'fetchmesh_circuit_breaker_open',
  help: 'Whether a circuit is open: 1 where it is, 0.5 where it is half open.',
  labels,
};
const inFlight = {
  name: 'fetchmesh_bulkhead_in_flight',
  help: 'Calls under way behind a bulkhead.',
  labels,
};
const waiting = {
  name: 'fetchmesh_bulkhead_waiting',
  help: 'Calls that wait for their turn at a bulkhead.',
  labels,
};

/**
 * Shows breakers and bulkheads in a registry: `fetchmesh_circuit_breaker_open` (1 while open, isolated or forced, 0.5 while
 * half open), `fetchmesh_bulkhead_in_flight` and `fetchmesh_bulkhead_waiting`. The series of those that the rules no longer
 * name go with them.
 *
 * @param current The sightings of the rules in force, at the time of a scrape.
 */
export function showPolicies(registry: Registry, current: () => readonly Sighting[]): void {
  let before = new Map<string, Sighting>();
  registry.onCollect(() => {
    const shown = new Map(current().map((one) => [keyOf(one), one] as const));
    for (const [key, one] of before) if (!shown.has(key)) hide(registry, one);
    for (const one of shown.values()) show(registry, one);
    before = shown;
  });
}

function keyOf({ labels, breaker }: Sighting): string {
  return JSON.stringify([labels, breaker === undefined ? 'bulkhead' : 'breaker']);
}

function show(registry: Registry, { labels: values, breaker, bulkhead }: Sighting): void {
  if (breaker !== undefined) registry.gauge(open).set(values, openness(breaker));
  if (bulkhead === undefined) return;
  const status = bulkhead.status();
  registry.gauge(inFlight).set(values, status.inFlight);
  registry.gauge(waiting).set(values, status.waiting);
}

function hide(registry: Registry, { labels: values, breaker, bulkhead }: Sighting): void {
  if (breaker !== undefined) registry.gauge(open).remove(values);
  if (bulkhead === undefined) return;
  for (const gauge of [inFlight, waiting]) registry.gauge(gauge).remove(values);
}

function openness(breaker: Breaker): number {
  const { state } = breaker.status();
  if (state === 'half_open') return 0.5;
  return state === 'closed' || state === 'disabled' ? 0 : 1;
}
