/**
 * The names of Istio's standard metrics, so that its Grafana boards work unchanged.
 *
 * @module
 */

import { type MetricsPreset, withBaggage } from './preset.ts';

/** Envoy's default buckets, in milliseconds. */
const buckets = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
  600_000, 1_800_000, 3_600_000,
];

const labelNames = [
  'reporter',
  'source_workload',
  'destination_service',
  'destination_version',
  'response_code',
  'response_flags',
] as const;

/** `istio_requests_total` and `istio_request_duration_milliseconds`. */
export const istioPreset: MetricsPreset = ({ registry, service, baggageLabels }) => {
  const labels = [...labelNames, ...baggageLabels];
  const requests = registry.counter({
    name: 'istio_requests_total',
    help: 'Requests by source, destination and response code.',
    labels,
  });
  const duration = registry.histogram({
    name: 'istio_request_duration_milliseconds',
    help: 'Time from request to response headers, in milliseconds.',
    labels,
    buckets,
  });
  return {
    begin() {},
    end(facts) {
      const isServer = facts.direction === 'inbound' && facts.destinationService === service;
      const values = withBaggage(
        {
          reporter: isServer ? 'destination' : 'source',
          source_workload: isServer ? 'unknown' : service,
          destination_service: facts.destinationService,
          destination_version: facts.destinationVersion ?? 'unknown',
          response_code: String(facts.status),
          response_flags: facts.flags,
        },
        baggageLabels,
        facts.baggage,
      );
      requests.with(values).increment();
      duration.with(values).observe(facts.durationSeconds * 1_000, facts.exemplar);
    },
  };
};
