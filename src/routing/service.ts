/**
 * A service: where it is, how load is spread over its endpoints, and which of them are left out.
 *
 * @module
 */

import { describe, layer, type Middleware } from '../core/chain.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { type Key, key } from '../core/context.ts';
import { knownOptions, type OptionNames, shown, shownUrl } from '../core/option.ts';
import { toEndpoint } from '../core/to-endpoint.ts';
import type { BalancePolicy, Picker } from './balance.ts';
import { type BalanceOptions, balanceSettings } from './balance-options.ts';
import { type HealthOptions, healthSettings } from './health.ts';
import type { CheckTransport } from './health-checks.ts';
import { type OutlierOptions, outlierSettings } from './outlier-options.ts';
import { createPool, type EndpointStatus, type Pool, type WeightedEndpoint } from './pool.ts';
import { compileSplit } from './split.ts';

export type { Endpoint } from '../core/endpoint.ts';
export type { BalancePolicy, Candidate, Picker } from './balance.ts';
export type { BalanceOptions } from './balance-options.ts';
export type { HealthOptions } from './health.ts';
export type { CheckTransport } from './health-checks.ts';
export type { FailureRateOptions, OutlierOptions, SuccessRateOptions } from './outlier-options.ts';
export type { EndpointStatus } from './pool.ts';

/** Where an endpoint is: an absolute http or https URL, with a path in front if need be. */
export type EndpointWritten = string | { readonly url: string; readonly weight?: number };

/** Settings of {@link service}. */
export interface ServiceOptions {
  /** Shown in diagnostics and metrics. */
  readonly name: string;
  /** Where it is. Either this or `versions`. A weight is a number of 0 or more, 0 for never; default: 1. */
  readonly endpoints?: readonly EndpointWritten[];
  /** Its versions by name, each with endpoints of its own. */
  readonly versions?: Readonly<Record<string, readonly EndpointWritten[]>>;
  /** Default: `'least_request'`. */
  readonly balance?: BalancePolicy | Picker | BalanceOptions;
  /** Leaves out endpoints that fail, for a while. Default: none; `{}` takes Envoy's settings. */
  readonly outlier?: OutlierOptions;
  /** Asks endpoints how they are, and leaves out those that do not answer. Default: none. */
  readonly health?: HealthOptions;
  /** Sends health checks. Default: the runtime's `fetch`. */
  readonly fetch?: CheckTransport;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1). Default: `Math.random`. */
  readonly random?: () => number;
}

/** A service to send requests to. */
export interface Service {
  readonly name: string;
  /**
   * Sends each try to an endpoint: inside of `retry`, so that another try goes to another one. With versions, to those of
   * the version that {@link split} has chosen.
   */
  readonly middleware: Middleware;
  /** Sends each try to an endpoint of this version. */
  version(name: string): Middleware;
  /** Chooses a version by weight, once for a request: outside of `retry`. Weights may sum to anything above 0. */
  split(weights: Readonly<Record<string, number>>): Middleware;
  /** How its endpoints are at this moment. */
  readonly endpoints: readonly EndpointStatus[];
  /** How long until the next health check is due, in milliseconds; 0 or less: now; `Infinity`: there are none. */
  readonly nextCheckMs: number;
  /**
   * Runs the health checks that are due. Requests do so as well, in the background: to be called where checks should not
   * wait for traffic, such as in a cron trigger of Workers.
   */
  checkHealth(signal?: AbortSignal): Promise<void>;
}

/**
 * Makes a service. Requests keep path and query; what answers them is one of its endpoints.
 *
 * A try avoids the endpoints that earlier tries of its request went to. Where no endpoint is left, the answer is a 503,
 * `no_healthy_upstream`. Nothing runs by itself: ejected endpoints come back, and health checks begin, when requests come.
 *
 * Semantics: Envoy's load balancing, outlier detection, health checks and panic threshold.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 *
 * @example
 * ```ts
 * const users = service({ name: 'users', endpoints: ['http://10.0.0.11:8080', 'http://10.0.0.12:8080'], outlier: {} });
 * const fetchUsers = outbound(async ({ url }) => new Response(new URL(url).pathname), users.middleware);
 * await (await fetchUsers('http://users/api/users/42')).text(); // '/api/users/42'
 * ```
 */
export function service(options: ServiceOptions): Service {
  knownOptions('service', options, known);
  const { name, endpoints, versions, balance = {} } = options;
  const { clock = systemClock, random = Math.random } = options;
  if (typeof name !== 'string' || name === '') {
    throw new RangeError(`service.name: ${shown(name)} is not a name`);
  }
  if ((endpoints === undefined) === (versions === undefined)) {
    throw new RangeError('service: give either endpoints or versions');
  }
  const shared = {
    balance: balanceSettings('service.balance', balance),
    outlier: options.outlier && outlierSettings('service.outlier', options.outlier),
    health: options.health && healthSettings('service.health', options.health),
    send: options.fetch ?? ((url, init) => fetch(url, init)),
    clock,
    random,
  } as const;
  const pools = new Map<string, Pool>();
  for (const [version, written] of Object.entries(versions ?? { '': endpoints })) {
    const option = version === '' ? 'service.endpoints' : `service.versions.${version}`;
    pools.set(
      version,
      createPool({
        ...shared,
        name: version === '' ? name : `${name}@${version}`,
        endpoints: readEndpoints(option, written, name, version),
      }),
    );
  }
  if (pools.size === 0) throw new RangeError('service.versions: there is none');

  const chosen: Key<string | undefined> = key<string>(`version of ${name}`);
  function poolOf(option: string, version: string): Pool {
    const pool = pools.get(version);
    if (pool === undefined) {
      const names = [...pools.keys()].join(', ');
      throw new RangeError(`${option}: there is no version ${shown(version)}, only ${names}`);
    }
    return pool;
  }
  const send = (pool: Pool): Middleware =>
    layer(describe(pool.balance), (next) => pool.balance(toEndpoint(next)));
  const senders = new Map(Array.from(pools, ([version, pool]) => [version, send(pool)]));
  return {
    name,
    middleware:
      senders.get('') ??
      layer(`service ${name}`, (next) => {
        const byVersion = new Map(Array.from(senders, ([version, to]) => [version, to(next)]));
        return function service(request, context) {
          const to = byVersion.get(context.get(chosen) ?? '');
          if (to !== undefined) return to(request, context);
          return Promise.reject(
            new RangeError(`service ${name}: no version was chosen; put split(…) outside of it`),
          );
        };
      }),
    version(version) {
      poolOf('version', version);
      return senders.get(version) as Middleware;
    },
    split(weights) {
      const names = Object.keys(weights);
      for (const version of names) poolOf('split', version);
      const shared = compileSplit(names.map((version) => ({ weight: weights[version] as number })));
      const shares = names.map((version) => `${version}=${weights[version]}`).join(' ');
      return layer(`split ${name} ${shares}`, (next) => {
        return function split(request, context) {
          return next(request, context.with(chosen, names[shared.choose(random())] as string));
        };
      });
    },
    get endpoints() {
      return Array.from(pools.values(), ({ status }) => status).flat();
    },
    get nextCheckMs() {
      return Math.min(...Array.from(pools.values(), ({ nextCheckMs }) => nextCheckMs));
    },
    async checkHealth(signal) {
      await Promise.all(Array.from(pools.values(), (pool) => pool.checkHealth(signal)));
    },
  };
}

const known: OptionNames<ServiceOptions> = {
  name: true,
  endpoints: true,
  versions: true,
  balance: true,
  outlier: true,
  health: true,
  fetch: true,
  clock: true,
  random: true,
};

function readEndpoints(
  option: string,
  written: readonly EndpointWritten[] | undefined,
  name: string,
  version: string,
): readonly WeightedEndpoint[] {
  if (!Array.isArray(written) || written.length === 0) {
    throw new RangeError(`${option}: ${shown(written)} is not a list of at least one endpoint`);
  }
  const seen = new Set<string>();
  const read = (written as readonly EndpointWritten[]).map((one, index) => {
    const { url: text, weight = 1 } = typeof one === 'string' ? { url: one } : (one ?? {});
    const url = readUrl(`${option}[${index}]`, text);
    if (seen.has(url)) throw new RangeError(`${option}[${index}]: '${url}' is listed twice`);
    seen.add(url);
    return { endpoint: { url, service: name, version }, weight };
  });
  try {
    compileSplit(read);
  } catch (error) {
    throw new RangeError(`${option}: ${(error as Error).message}`);
  }
  return read;
}

function readUrl(option: string, text: unknown): string {
  const url = typeof text === 'string' ? URL.parse(text) : null;
  const isPlain =
    url !== null &&
    /^https?:$/.test(url.protocol) &&
    `${url.username}${url.password}${url.search}${url.hash}` === '';
  if (!isPlain) {
    throw new RangeError(
      `${option}: ${shownUrl(text)} is not an absolute http or https URL without credentials, query and fragment`,
    );
  }
  return url.href.replace(/\/+$/, '');
}
