/**
 * The names of the OpenTelemetry semantic conventions for HTTP, version 1.44, as Prometheus spells them.
 *
 * @module
 */

import { type MetricsPreset, withBaggage } from './preset.ts';

/** The buckets that the conventions advise, in seconds. */
const buckets = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];

/** `http_server_request_duration_seconds` and `http_server_active_requests`. */
export const openTelemetryPreset: MetricsPreset = ({ registry, baggageLabels }) => {
  const duration = registry.histogram({
    name: 'http_server_request_duration_seconds',
    help: 'Duration of HTTP server requests.',
    labels: [
      'http_request_method',
      'url_scheme',
      'http_response_status_code',
      'http_route',
      'error_type',
      ...baggageLabels,
    ],
    buckets,
  });
  const active = registry.gauge({
    name: 'http_server_active_requests',
    help: 'Number of active HTTP server requests.',
    labels: ['http_request_method', 'url_scheme'],
  });
  return {
    begin({ method, scheme }) {
      active.with({ http_request_method: method, url_scheme: scheme }).increment();
    },
    end(facts) {
      const { method, scheme, status, route, errorType, durationSeconds, baggage } = facts;
      active.with({ http_request_method: method, url_scheme: scheme }).decrement();
      const labels = {
        http_request_method: method,
        url_scheme: scheme,
        http_response_status_code: String(status),
        http_route: route ?? '',
        error_type: errorType ?? '',
      };
      duration
        .with(withBaggage(labels, baggageLabels, baggage))
        .observe(durationSeconds, facts.exemplar);
    },
  };
};
