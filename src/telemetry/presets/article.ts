/**
 * The names of the article that fetchmesh grew out of.
 *
 * @module
 */

import { type MetricsPreset, withBaggage } from './preset.ts';

/** The article's buckets, in seconds. */
const buckets = [0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/**
 * `http_server_duration_seconds{method,status,env}`, `app_active_connections{service}`, `<service>_request_total{env}`
 * and `istio_requests_total{destination_service,response_code}`; baggage labels on the first and the third.
 */
export const articlePreset: MetricsPreset = ({ registry, service, baggageLabels }) => {
  const duration = registry.histogram({
    name: 'http_server_duration_seconds',
    help: 'Time from request to response headers.',
    labels: ['method', 'status', 'env', ...baggageLabels],
    buckets,
  });
  const active = registry
    .gauge({
      name: 'app_active_connections',
      help: 'Requests under way.',
      labels: [],
      constantLabels: { service },
    })
    .with({});
  const requests = registry.counter({
    name: `${service.replace(/[^a-zA-Z0-9_]/g, '_')}_request_total`,
    help: `Requests served by ${service}.`,
    labels: ['env', ...baggageLabels],
  });
  const destinations = registry.counter({
    name: 'istio_requests_total',
    help: 'Requests by destination and response code.',
    labels: ['destination_service', 'response_code'],
  });
  return {
    begin: () => active.increment(),
    end(facts) {
      const { method, status, environment, destinationService, durationSeconds, baggage } = facts;
      active.decrement();
      const code = String(status);
      duration
        .with(withBaggage({ method, status: code, env: environment }, baggageLabels, baggage))
        .observe(durationSeconds, facts.exemplar);
      requests.with(withBaggage({ env: environment }, baggageLabels, baggage)).increment();
      destinations
        .with({ destination_service: destinationService, response_code: code })
        .increment();
    },
  };
};
