/**
 * Rules that were checked beforehand, as JSON: what runs without a parser of rules files, such as a Worker, is given.
 *
 * @module
 */

import { priorities } from '../../core/priority.ts';
import { retryConditions } from '../../policies/retry-options.ts';
import { balancePolicies } from '../../routing/balance.ts';
import type { HealthSettings } from '../../routing/health.ts';
import type { OutlierSettings } from '../../routing/outlier-options.ts';
import {
  type Balance,
  type Destination,
  deepFreeze,
  type Health,
  type Hedge,
  type MatchConditions,
  type RateLimitRule,
  type Retries,
  type Route,
  type Rules,
  type Service,
  type ServiceVersion,
  type Shed,
  type Sticky,
  type Telemetry,
} from '../model.ts';
import { InvalidRulesError } from './source.ts';

/** Accepts a value or throws; `path` is where it stands. */
type Check = (value: unknown, path: string) => void;

/** Made at its first use. */
let shape: Check | undefined;

/**
 * Takes data for rules after a look at their shape: a trip through a store must not hand a gateway half a set, or one of a
 * later version whose blocks it would pass over. What the rules mean was checked by `parseRules`, which made them.
 *
 * @returns The same data, frozen.
 * @throws {InvalidRulesError} that names the place.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('routes: [{ path: /api/**, timeout: 3s }]');
 * compiledRules(JSON.parse(JSON.stringify(rules))).routes[0]?.timeoutMs; // 3000
 * ```
 */
export function compiledRules(data: unknown): Rules {
  shape ??= shapeOfRules();
  shape(data, '');
  return deepFreeze(data as Rules);
}

/** Reads {@link compiledRules} from JSON. */
export function parseCompiledRules(text: string): Rules {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    const isYaml = /^\s*(#|[\w-]+\s*:)/.test(text);
    throw new InvalidRulesError(
      `the text is not JSON${isYaml ? '; a rules file has to go through `fetchmesh build` first' : ''}`,
    );
  }
  return compiledRules(data);
}

function refuse(path: string, value: unknown, wanted: string): never {
  const what =
    value === undefined ? 'is missing' : `is ${JSON.stringify(value)?.slice(0, 60)}, not ${wanted}`;
  throw new InvalidRulesError(`${path === '' ? 'the whole' : path.slice(1)} ${what}`);
}

function value(wanted: string, fits: (value: unknown) => boolean): Check {
  return (value, path) => {
    if (!fits(value)) refuse(path, value, wanted);
  };
}

function text(value: unknown, path: string): void {
  if (typeof value !== 'string') refuse(path, value, 'a text');
}

function url(value: unknown, path: string): void {
  const protocol = typeof value === 'string' ? URL.parse(value)?.protocol : undefined;
  if (protocol !== 'http:' && protocol !== 'https:') refuse(path, value, 'an http or https URL');
}

function flag(value: unknown, path: string): void {
  if (typeof value !== 'boolean') refuse(path, value, 'true or false');
}

function number(least: number, most: number): Check {
  const wanted = most === Number.MAX_VALUE ? `${least} or more` : `from ${least} to ${most}`;
  return value(
    `a number, ${wanted}`,
    (value) => typeof value === 'number' && value >= least && value <= most,
  );
}

function oneOf(...values: readonly unknown[]): Check {
  return value(`one of ${values.join(', ')}`, (value) => values.includes(value));
}

function list(item: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) refuse(path, value, 'a list');
    for (const [index, entry] of value.entries()) item(entry, `${path}[${index}]`);
  };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function texts(value: unknown, path: string): void {
  if (!isMap(value)) refuse(path, value, 'a map');
  for (const [name, entry] of Object.entries(value)) text(entry, `${path}.${name}`);
}

/** A check for each member of a block, so that none is forgotten. A name that ends with `?` may be missing. */
type Members<T> = {
  readonly [Name in keyof T & string as object extends Pick<T, Name> ? `${Name}?` : Name]-?: Check;
};

function block<T>(members: Members<T>): Check {
  const checks = Object.entries<Check>(members).map(([name, check]) => ({
    name: name.replace('?', ''),
    isOptional: name.endsWith('?'),
    check,
  }));
  const known = new Set(checks.map(({ name }) => name));
  return (value, path) => {
    if (!isMap(value)) refuse(path, value, 'a map');
    for (const name of Object.keys(value)) {
      if (known.has(name)) continue;
      const place = `${path}.${name}`.slice(1);
      throw new InvalidRulesError(`${place} is unknown to this version of fetchmesh`);
    }
    for (const { name, isOptional, check } of checks) {
      if (!isOptional || value[name] !== undefined) check(value[name], `${path}.${name}`);
    }
  };
}

/** The shape of `Rules`; the compiler asks for a check of every member that the model gets. */
function shapeOfRules(): Check {
  const milliseconds = number(0, Number.MAX_VALUE);
  const count = number(0, Number.MAX_SAFE_INTEGER);
  const span = value('a number above 0', (value) => typeof value === 'number' && value > 0);
  const conditions = block<MatchConditions>({
    'headers?': texts,
    'query?': texts,
    'cookies?': texts,
    'baggage?': texts,
  });
  const retryCondition = value(
    `a status, ${retryConditions.join(', ')}`,
    (value) => Number.isInteger(value) || retryConditions.some((word) => word === value),
  );
  const unsafeMethods = oneOf('never', 'always', 'idempotency_key');

  return block<Rules>({
    version: oneOf(1),
    services: list(
      block<Service>({
        name: text,
        versions: list(
          block<ServiceVersion>({
            name: text,
            urls: list(url),
            'weights?': list(number(0, Number.MAX_VALUE)),
            'binding?': text,
            environment: text,
          }),
        ),
        'balance?': block<Balance>({
          'policy?': oneOf(...balancePolicies),
          'bias?': number(0, Number.MAX_VALUE),
          'panic?': number(0, 1),
        }),
        'outlier?': block<OutlierSettings>({
          failures: count,
          gatewayFailures: count,
          localFailures: count,
          intervalMs: span,
          ejectForMs: span,
          maxEjectForMs: span,
          maxEjected: number(0, 1),
          'successRate?': block<NonNullable<OutlierSettings['successRate']>>({
            deviations: number(0, Number.MAX_VALUE),
            minEndpoints: count,
            minRequests: count,
          }),
          'failureRate?': block<NonNullable<OutlierSettings['failureRate']>>({
            threshold: number(0, 1),
            minEndpoints: count,
            minRequests: count,
          }),
        }),
        'health?': block<HealthSettings>({
          path: text,
          intervalMs: span,
          timeoutMs: span,
          downAfter: count,
          upAfter: count,
        }),
      }),
    ),
    routes: list(
      block<Route>({
        name: text,
        line: number(0, Number.MAX_VALUE),
        path: text,
        trailingSlash: oneOf('strict', 'ignore'),
        'methods?': list(text),
        'hosts?': list(text),
        match: list(conditions),
        to: list(block<Destination>({ service: text, version: text, weight: number(0, 100) })),
        'sticky?': block<Sticky>({ by: list(text), ttlMs: milliseconds }),
        'timeoutMs?': milliseconds,
        'retries?': block<Retries>({
          max: number(0, Number.MAX_SAFE_INTEGER),
          backoff: oneOf('exponential', 'linear', 'constant'),
          baseDelayMs: milliseconds,
          maxDelayMs: milliseconds,
          jitter: oneOf('full', 'equal', 'decorrelated', 'none'),
          'perTryMs?': milliseconds,
          'retryOn?': list(retryCondition),
          'retriableHeaders?': list(text),
          'budget?': number(0, 1),
          unsafeMethods,
        }),
        'hedge?': block<Hedge>({
          max: number(1, 4),
          delay: text,
          'budget?': number(0, 1),
          unsafeMethods,
        }),
        'rateLimits?': list(
          block<RateLimitRule>({
            'name?': text,
            limit: number(1, Number.MAX_SAFE_INTEGER),
            perMs: number(1, Number.MAX_VALUE),
            burst: number(1, Number.MAX_SAFE_INTEGER),
            by: list(text),
            anonymous: oneOf('shared', 'skip'),
            maxWaitMs: milliseconds,
            enforce: flag,
            onStoreError: oneOf('local', 'open', 'closed'),
          }),
        ),
        'shed?': block<Shed>({
          from: number(0, Number.MAX_VALUE),
          full: number(0, Number.MAX_VALUE),
          priority: oneOf(...priorities),
          retryAfterMs: milliseconds,
        }),
      }),
    ),
    telemetry: block<Telemetry>({
      service: text,
      metrics: block<Telemetry['metrics']>({
        'path?': text,
        names: oneOf('article', 'otel', 'istio'),
      }),
      traces: block<Telemetry['traces']>({
        'otlp?': text,
        'sample?': number(0, 1),
        propagation: list(oneOf('w3c', 'b3', 'b3multi')),
      }),
      baggage: list(text),
      revisionHeader: flag,
    }),
    health: block<Health>({ 'path?': text, 'readyPath?': text }),
  });
}
