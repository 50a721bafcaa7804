/**
 * What a scrape is told of upstreams, under Envoy's names.
 *
 * @module
 */

import type { Pool } from '../routing/pool.ts';
import type { Registry } from '../telemetry/registry.ts';

/**
 * Reports the pools that there are at the moment of each scrape; the series of those that are gone go with them.
 *
 * @param pools Those in force.
 */
export function reportUpstreams(registry: Registry, pools: () => readonly Pool[]): void {
  const labels = ['envoy_cluster_name'] as const;
  const total = registry.gauge({
    name: 'envoy_cluster_membership_total',
    help: 'Endpoints of an upstream.',
    labels,
  });
  const healthy = registry.gauge({
    name: 'envoy_cluster_membership_healthy',
    help: 'Endpoints of an upstream that are neither ejected nor down.',
    labels,
  });
  const ejected = registry.gauge({
    name: 'envoy_cluster_outlier_detection_ejections_active',
    help: 'Endpoints of an upstream that outlier detection leaves out.',
    labels,
  });
  const ejections = registry.counter({
    name: 'envoy_cluster_outlier_detection_ejections_enforced_total',
    help: 'Ejections of endpoints of an upstream.',
    labels,
  });
  const all = [total, healthy, ejected, ejections];

  let reported = new Set<string>();
  const counted = new WeakMap<object, number>();
  registry.onCollect(() => {
    const now = new Set<string>();
    for (const { name, status, ejections: byReason } of pools()) {
      now.add(name);
      const values = { envoy_cluster_name: name };
      total.with(values).set(status.length);
      healthy.with(values).set(status.filter(({ isEjected, isUp }) => isUp && !isEjected).length);
      ejected.with(values).set(status.filter(({ isEjected }) => isEjected).length);
      let sum = 0;
      for (const count of byReason.values()) sum += count;
      // By the record and not by the name: a reload may have begun a new one.
      ejections.with(values).increment(sum - (counted.get(byReason) ?? 0));
      counted.set(byReason, sum);
    }
    for (const name of reported) {
      if (!now.has(name)) for (const metric of all) metric.remove({ envoy_cluster_name: name });
    }
    reported = now;
  });
}
