/** Recording a duration under four labels. */

import { Histogram, Registry } from 'prom-client';
import { createRegistry } from '../../src/telemetry/registry.ts';
import type { Pair } from './pair.ts';

const name = 'http_request_duration_seconds';
const help = 'Durations.';
const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const labelNames = ['method', 'route', 'status', 'env'] as const;
const labels = { method: 'GET', route: '/api/users', status: '200', env: 'canary' };

const ours = createRegistry().histogram({ name, help, buckets, labels: labelNames });
const bound = ours.with(labels);
const peer = new Histogram({ name, help, buckets, labelNames, registers: [new Registry()] });

/** Many at once: one takes less than the loop around it. */
const times = 100;

function repeat(record: () => void): () => void {
  return () => {
    for (let index = 0; index < times; index++) record();
  };
}

export const pairs: readonly Pair[] = [
  {
    name: 'histogram with label lookup / prom-client',
    ours: repeat(() => ours.with(labels).observe(0.012)),
    peer: repeat(() => peer.observe(labels, 0.012)),
    goal: { id: 'P4', atMost: 0.12, floor: 0.25 },
  },
  {
    name: 'histogram, bound / prom-client',
    ours: repeat(() => bound.observe(0.012)),
    peer: repeat(() => peer.observe(labels, 0.012)),
  },
];
