/**
 * What a rules file says about telemetry, as middlewares.
 *
 * @module
 */

import type { TracerProvider } from '@opentelemetry/api';
import { baggageOf, serializeBaggage } from '../core/baggage.ts';
import { layer, type Middleware } from '../core/chain.ts';
import type { Clock } from '../core/clock.ts';
import { removeHeader, setHeader } from '../core/outgoing.ts';
import { editResponse } from '../core/response-headers.ts';
import type { Rules, Telemetry } from '../rules/model.ts';
import { type AccessLogOptions, accessLog } from '../telemetry/access-log.ts';
import { metrics } from '../telemetry/metrics.ts';
import {
  b3,
  compositePropagator,
  type Propagator,
  w3c,
} from '../telemetry/propagation/propagator.ts';
import type { Registry } from '../telemetry/registry.ts';
import { tracing } from '../telemetry/tracing.ts';

/** What the rules do not say. */
export interface ObservationOptions {
  readonly registry: Registry;
  readonly clock: Clock;
  readonly tracerProvider?: TracerProvider | undefined;
  readonly revision: string;
  readonly random: () => number;
  readonly onAccessLog?: AccessLogOptions['write'] | undefined;
}

/** Middlewares around a whole request, outermost first, and around each try. */
export interface Observation {
  readonly aroundRequest: readonly Middleware[];
  readonly aroundTry: Middleware;
}

/** Builds the middlewares. */
export function observation({ telemetry, auth }: Rules, options: ObservationOptions): Observation {
  const { registry, clock, tracerProvider, revision, random, onAccessLog } = options;
  const { service, baggage, logs } = telemetry;
  const tokens = placesOfTokens(auth);
  const spans = {
    redact: tokens,
    propagator: propagatorOf(telemetry),
    baggage,
    ...(tracerProvider && { tracerProvider }),
  };
  const aroundRequest = [
    tracing({ kind: 'server', ...spans }),
    metrics({ registry, service, clock, names: telemetry.metrics.names, baggage }),
  ];
  if (logs !== undefined) {
    const write = onAccessLog && { write: onAccessLog };
    const redact = [...(logs.redact ?? []), ...tokens];
    aroundRequest.push(accessLog({ service, clock, random, ...logs, redact, ...write }));
  }
  if (telemetry.revisionHeader) aroundRequest.push(revisionHeader(revision));
  if (baggage.length > 0) aroundRequest.push(baggageFilter(baggage));
  return { aroundRequest, aroundTry: tracing({ kind: 'client', ...spans }) };
}

/** Whatever the rules call what tokens stand in: they are secrets. */
function placesOfTokens(auth: Rules['auth'] = []): readonly string[] {
  return auth.flatMap(({ from }) => [
    ...(from?.query ?? []),
    ...(from?.headers.map(({ name }) => name) ?? []),
  ]);
}

const propagators: Readonly<Record<string, () => Propagator>> = {
  w3c,
  b3: () => b3({ encoding: 'single' }),
  b3multi: () => b3({ encoding: 'multi' }),
};

function propagatorOf({ traces }: Telemetry): Propagator {
  return compositePropagator(...traces.propagation.map((name) => (propagators[name] ?? w3c)()));
}

/** Says on every answer which rules it was made by. */
function revisionHeader(revision: string): Middleware {
  return layer(
    'revision header',
    (next) =>
      async function revisionHeader(request, context) {
        const response = await next(request, context);
        return editResponse(response, context, (headers) => {
          headers.set('x-fetchmesh-revision', revision);
        });
      },
  );
}

/** Passes on what is on the list: services behind a gateway may act on baggage, and anyone can send some. */
function baggageFilter(allowed: readonly string[]): Middleware {
  return layer(
    `baggage ${allowed.join(', ')}`,
    (next) =>
      function baggageFilter(request, context) {
        if (!request.headers.has('baggage')) return next(request, context);
        const all = baggageOf(request);
        const kept = new Map(Array.from(all).filter(([key]) => allowed.includes(key)));
        if (kept.size === all.size && all.size > 0) return next(request, context);
        const filtered =
          kept.size === 0
            ? removeHeader(context, 'baggage')
            : setHeader(context, 'baggage', serializeBaggage(kept));
        return next(request, filtered);
      },
  );
}
