/**
 * The endpoints of one version of a service: picks one for each try and learns from what became of it.
 *
 * @module
 */

import { signalOf } from '../core/abort.ts';
import { call, layer, type Middleware } from '../core/chain.ts';
import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { type Endpoint, endpoint, recordPick, triedEndpoints } from '../core/endpoint.ts';
import { type Outcome, outcomeOfError, outcomeOfResponse } from '../core/outcome.ts';
import { reject } from '../core/rejection.ts';
import type { BalanceSettings } from './balance-options.ts';
import { createEjection } from './ejection.ts';
import type { HealthSettings } from './health.ts';
import { type CheckTransport, createHealthChecks } from './health-checks.ts';
import { Host, type PoolState } from './host.ts';
import type { EjectionReason } from './outlier.ts';
import type { OutlierSettings } from './outlier-options.ts';

/** An endpoint and its share. */
export interface WeightedEndpoint {
  readonly endpoint: Endpoint;
  /** 0: never. */
  readonly weight: number;
}

/** Hands out what an earlier pool had for the same part with the same settings, else makes it. */
export type Remember = <T>(part: string, settings: unknown, make: () => T) => T;

/** Settings of {@link createPool}. */
export interface PoolOptions {
  /** Such as `users@v1`. */
  readonly name: string;
  readonly endpoints: readonly WeightedEndpoint[];
  readonly balance: BalanceSettings;
  readonly outlier: OutlierSettings | undefined;
  readonly health: HealthSettings | undefined;
  /** Sends health checks. */
  readonly send: CheckTransport;
  readonly clock: Clock;
  readonly random: () => number;
  /** Default: nothing is remembered. */
  readonly remember?: Remember | undefined;
}

/** How an endpoint is at this moment. */
export interface EndpointStatus {
  readonly url: string;
  readonly service: string;
  readonly version: string;
  /** Requests whose response headers have not come yet. */
  readonly active: number;
  /** Whether outlier detection leaves it out. */
  readonly isEjected: boolean;
  /** What health checks say; true without them. */
  readonly isUp: boolean;
}

/** The endpoints of one version. */
export interface Pool {
  readonly name: string;
  /** Picks an endpoint for each try and puts it into the context, under `endpoint`. */
  readonly balance: Middleware;
  readonly status: readonly EndpointStatus[];
  /** Ejections so far, by reason. */
  readonly ejections: ReadonlyMap<EjectionReason, number>;
  /** How long until the next health check is due, in milliseconds; 0 or less: now; `Infinity`: there are none. */
  readonly nextCheckMs: number;
  /** Runs the health checks that are due; resolves when they are done. */
  checkHealth(signal?: AbortSignal): Promise<void>;
}

/** How often a picker is asked again where its pick was tried already (RT-14). */
const repicks = 5;

/** Checks that one request may cause: on Workers it shares six connections with them. */
const checksPerRequest = 2;

/** Prepares a pool. Reads neither clock nor random source before the first request. */
export function createPool(options: PoolOptions): Pool {
  const { name, balance, outlier, health, clock, random } = options;
  const remember: Remember = options.remember ?? ((_part, _settings, make) => make());
  const hosts = options.endpoints
    .filter(({ weight }) => weight > 0)
    .map(({ endpoint: { url }, endpoint: whole, weight }) =>
      remember('endpoint', [url, weight, outlier, health], () => new Host(whole, weight)),
    );
  const state = remember('pool', [outlier, health], (): PoolState => {
    return { sweptAt: undefined, changes: 0, ejections: new Map() };
  });
  const picker = remember('balance', balance.name, () => balance.makePicker(random));
  const ejection = outlier && createEjection({ hosts, state, settings: outlier, clock });
  const checks = health && createHealthChecks({ ...options, hosts, state, settings: health });

  let available: readonly Host[] = hosts;
  let changesSeen = -1;
  function candidates(): readonly Host[] {
    if (state.changes !== changesSeen) {
      changesSeen = state.changes;
      const healthy = hosts.filter(({ isHealthy }) => isHealthy);
      const isPanicking = healthy.length < balance.panic * hosts.length;
      available = isPanicking ? hosts : healthy;
    }
    return available;
  }

  function pick(context: Context, now: number): Host | undefined {
    const all = candidates();
    if (all.length <= 1) return all[0];
    const tried = context.get(triedEndpoints)?.tried;
    let picked = picker.pick(all, now) as Host;
    if (tried === undefined || tried.length === 0) return picked;
    for (let count = 0; tried.includes(picked.endpoint.url); count++) {
      if (count === repicks) {
        return all.find((host) => !tried.includes(host.endpoint.url)) ?? picked;
      }
      picked = picker.pick(all, now) as Host;
    }
    return picked;
  }

  function settle(host: Host, begin: number, outcome: Outcome, context: Context): void {
    host.active -= 1;
    if (picker.observe !== undefined) {
      const end = clock.monotonic();
      picker.observe(host, outcome, end - begin, end);
    }
    ejection?.learn(host, outcome, context);
  }

  const middleware = layer(label(options), (next) => {
    return function balance(request, context) {
      const now = clock.monotonic();
      ejection?.sweepIfDue(now, context);
      if (checks !== undefined && checks.dueAt <= now) {
        context.waitUntil(checks.run(checksPerRequest));
      }
      const host = pick(context, now);
      if (host === undefined) {
        const detail = 'The service has no healthy endpoint.';
        return Promise.resolve(reject('no_healthy_upstream', { detail }));
      }
      recordPick(context, host.endpoint, available.length);

      const signal = signalOf(request, context);
      host.active += 1;
      return call(next, request, context.with(endpoint, host.endpoint)).then(
        (response) => {
          settle(host, now, outcomeOfResponse(response), context);
          return response;
        },
        (error) => {
          settle(host, now, outcomeOfError(error, signal), context);
          throw error;
        },
      );
    };
  });

  return {
    name,
    balance: middleware,
    ejections: state.ejections,
    get status() {
      return hosts.map(({ endpoint: { url, service, version }, active, isEjected, vitals }) => {
        return { url, service, version, active, isEjected, isUp: vitals.isUp };
      });
    },
    get nextCheckMs() {
      return checks === undefined ? Infinity : checks.dueAt - clock.monotonic();
    },
    async checkHealth(signal) {
      await checks?.run(hosts.length, signal);
    },
  };
}

function label({ name, endpoints, balance, outlier, health }: PoolOptions): string {
  const parts = [`service ${name}: ${balance.name} over ${endpoints.length}`];
  if (outlier !== undefined) parts.push('outlier ejection');
  if (health !== undefined) parts.push(`health ${health.path}`);
  return parts.join(', ');
}
