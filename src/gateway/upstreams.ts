/**
 * The services of a rules file, as places to send requests to.
 *
 * @module
 */

import { describe, layer, type Middleware } from '../core/chain.ts';
import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { type Endpoint, endpoint, recordPick } from '../core/endpoint.ts';
import type { Transport } from '../core/transport.ts';
import { balanceSettings } from '../routing/balance-options.ts';
import type { CheckTransport } from '../routing/health-checks.ts';
import { createPool, type Pool } from '../routing/pool.ts';
import type { Service, ServiceVersion } from '../rules/model.ts';
import type { Keep } from './kept.ts';

/** One version of a service. */
export interface Upstream {
  readonly service: string;
  /** Empty where the service has no versions. */
  readonly version: string;
  readonly environment: string;
  /** Picks an endpoint for each try and puts it into the context. */
  readonly balance: Middleware;
  readonly pool: Pool;
}

/** All versions of all services. */
export interface Upstreams {
  /** @throws {RangeError} where there is no such version. */
  find(destination: { readonly service: string; readonly version: string }): Upstream;
  readonly pools: readonly Pool[];
}

/** What upstreams need beside the rules. */
export interface UpstreamSurroundings {
  readonly clock: Clock;
  readonly random: () => number;
  /** Sends health checks. */
  readonly send: CheckTransport;
  /** Sends what goes to this service in particular. */
  readonly transportOf: ((service: Service) => Transport | undefined) | undefined;
  /** An endpoint of which nothing has changed keeps its counts, its ejections and its health over a reload. */
  readonly keep: Keep;
}

/**
 * Prepares the services of a rules file.
 *
 * @throws {RangeError} where a service asks for TLS that nothing here carries out.
 */
export function compileUpstreams(
  services: readonly Service[],
  around: UpstreamSurroundings,
): Upstreams {
  const upstreams = new Map<string, Upstream>();
  for (const service of services) {
    const send = transportFor(service, around);
    for (const version of service.versions) {
      const upstream = compileUpstream(service, version, { ...around, transport: send });
      upstreams.set(`${service.name}@${version.name}`, upstream);
    }
  }
  return {
    find({ service, version }) {
      const upstream = upstreams.get(`${service}@${version}`);
      if (upstream === undefined) {
        throw new RangeError(`to: there is no version '${version}' of a service '${service}'`);
      }
      return upstream;
    },
    pools: Array.from(upstreams.values(), ({ pool }) => pool),
  };
}

/** What is sent without the certificates that the rules ask for would be sent to anybody: never. */
function transportFor(
  service: Service,
  { transportOf }: Pick<UpstreamSurroundings, 'transportOf'>,
): Transport | undefined {
  const transport = transportOf?.(service);
  if (transport !== undefined || service.tls === undefined) return transport;
  const { name, versions } = service;
  if (versions.some(({ binding }) => binding === undefined)) {
    throw new RangeError(
      `services.${name}.tls: nothing here carries it out; serve does, and on Workers a binding: mtls_certificates`,
    );
  }
  return async function unbound() {
    throw new Error(`services.${name}: its binding is not there, and nothing else carries out tls`);
  };
}

function compileUpstream(
  { name: service, balance = {}, outlier, health, tls }: Service,
  { name: version, urls, weights, binding, environment }: ServiceVersion,
  {
    keep,
    transport,
    ...around
  }: UpstreamSurroundings & { readonly transport: Transport | undefined },
): Upstream {
  const name = version === '' ? service : `${service}@${version}`;
  const pool = createPool({
    ...around,
    name,
    endpoints: urls.map((url, index) => {
      const target: Endpoint = { url, service, version, send: transport };
      return { endpoint: target, weight: weights?.[index] ?? 1 };
    }),
    balance: balanceSettings('balance', balance),
    outlier,
    health,
    // An endpoint holds what sends to it.
    remember: (part, settings, make) =>
      keep({ kind: `upstream ${part}`, owner: name, settings: [settings, tls] }, make),
  });
  return {
    service,
    version,
    environment,
    pool,
    balance:
      binding === undefined
        ? pool.balance
        : boundOrBalanced(pool, binding, { url: urls[0] ?? `http://${service}`, service, version }),
  };
}

/** A service binding of Workers where this platform has one of that name: a single endpoint, whatever is behind it. */
function boundOrBalanced(pool: Pool, name: string, target: Endpoint): Middleware {
  return layer(`binding ${name}, else ${describe(pool.balance)}`, (next) => {
    const balanced = pool.balance(next);
    return function bound(request, context) {
      const binding = bindingOf(context, name);
      if (binding === undefined) return balanced(request, context);
      // Called as a method: Workers refuse a detached one.
      const send: Endpoint['send'] = (url, init) => binding.fetch(url, init);
      const chosen: Endpoint = { ...target, send };
      recordPick(context, chosen, 1);
      return next(request, context.with(endpoint, chosen));
    };
  });
}

interface Binding {
  fetch(url: string, init: RequestInit): Promise<Response>;
}

function bindingOf(context: Context, name: string): Binding | undefined {
  const environment = context.platform[0] as Record<string, Binding> | undefined;
  const found = environment?.[name];
  return typeof found?.fetch === 'function' ? found : undefined;
}
