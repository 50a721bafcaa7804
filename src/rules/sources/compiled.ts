/**
 * Rules that were checked beforehand, as JSON: what runs without a parser of rules files, such as a Worker, is given.
 *
 * @module
 */

import { systemClock } from '../../core/clock.ts';
import { priorities } from '../../core/priority.ts';
import { inOneGo, inSlices, type Steps } from '../../core/steps.ts';
import { retryConditions } from '../../policies/retry-options.ts';
import { balancePolicies } from '../../routing/balance.ts';
import type { HealthSettings } from '../../routing/health.ts';
import type { OutlierSettings } from '../../routing/outlier-options.ts';
import type { TrustedProxiesOptions } from '../../security/trusted-proxies.ts';
import {
  type AccessLogRule,
  type Balance,
  type BreakerRule,
  type BudgetRule,
  type BulkheadRule,
  type Destination,
  deepFreeze,
  type HalfOpenRule,
  type Health,
  type Hedge,
  type RateLimitRule,
  type RequestRule,
  type Retries,
  type Route,
  type Rules,
  type Service,
  type ServiceVersion,
  type SharedState,
  type Shed,
  type Sticky,
  type Telemetry,
  type ThrottleRule,
  type Tls,
  type UpstreamTls,
} from '../model.ts';
import { accessMembers, authRules, rolesShape } from './access-shape.ts';
import { block, type Check, flag, list, number, oneOf, text, url, value } from './checks.ts';
import { jsonSteps } from './json-steps.ts';
import { InvalidRulesError } from './source.ts';
import { conditions, trafficMembers } from './traffic-shape.ts';

/** Checks for the whole, with or without its lists, and for an entry of each. */
interface Shape {
  readonly rules: Check;
  readonly service: Check;
  readonly route: Check;
}

/** Made at its first use. */
let shape: Shape | undefined;

/** Entries of a list that are checked in a step. */
const entriesOfStep = 8;

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
  return inOneGo(checkingSteps(data));
}

/** Reads {@link compiledRules} from JSON. */
export function parseCompiledRules(text: string): Rules {
  return inOneGo(parsingSteps(text));
}

/** The same in slices of a few milliseconds, between which requests are served. */
export async function parseCompiledRulesGradually(text: string): Promise<Rules> {
  return await inSlices(parsingSteps(text), { clock: systemClock });
}

function* checkingSteps(data: unknown): Steps<Rules> {
  shape ??= shapeOfRules();
  const { services, routes } = (data ?? {}) as Partial<Rules>;
  if (!Array.isArray(services) || !Array.isArray(routes)) {
    shape.rules(data, '');
    return deepFreeze(data as Rules);
  }
  shape.rules({ ...(data as Rules), services: [], routes: [] }, '');
  const lists = { services: shape.service, routes: shape.route };
  for (const [name, check] of Object.entries(lists)) {
    for (const [index, entry] of (data as Rules)[name as keyof typeof lists].entries()) {
      check(entry, `.${name}[${index}]`);
      deepFreeze(entry);
      if (index % entriesOfStep === 0) yield;
    }
  }
  return deepFreeze(data as Rules);
}

function* parsingSteps(text: string): Steps<Rules> {
  let data: unknown;
  try {
    data = yield* jsonSteps(text);
  } catch {
    const isYaml = /^\s*(#|[\w-]+\s*:)/.test(text);
    throw new InvalidRulesError(
      `the text is not JSON${isYaml ? '; a rules file has to go through `fetchmesh build` first' : ''}`,
    );
  }
  return yield* checkingSteps(data);
}

function isVariable(store: unknown): boolean {
  const { env } = (store ?? {}) as { env?: unknown };
  return typeof env === 'string';
}

/** The shape of `Rules`; the compiler asks for a check of every member that the model gets. */
function shapeOfRules(): Shape {
  const milliseconds = number(0, Number.MAX_VALUE);
  const count = number(0, Number.MAX_SAFE_INTEGER);
  const span = value('a number above 0', (value) => typeof value === 'number' && value > 0);
  const positive = number(1, Number.MAX_SAFE_INTEGER);
  const share = number(0, 1);
  const retryCondition = value(
    `a status, ${retryConditions.join(', ')}`,
    (value) => Number.isInteger(value) || retryConditions.some((word) => word === value),
  );
  const budget = block<BudgetRule>({
    ratio: share,
    ttlMs: number(1_000, 60_000),
    minPerSecond: number(0, Number.MAX_VALUE),
    shared: flag,
  });
  const unsafeMethods = oneOf('never', 'always', 'idempotency_key');

  const service = block<Service>({
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
    'tls?': block<UpstreamTls>({
      'ca?': text,
      'cert?': text,
      'key?': text,
      'serverName?': text,
    }),
  });
  const route = block<Route>({
    name: text,
    line: number(0, Number.MAX_VALUE),
    'file?': text,
    path: text,
    trailingSlash: oneOf('strict', 'ignore'),
    'methods?': list(text),
    'hosts?': list(text),
    match: list(conditions()),
    to: list(block<Destination>({ service: text, version: text, weight: number(0, 100) })),
    'sticky?': block<Sticky>({ by: list(text), ttlMs: milliseconds }),
    'timeoutMs?': milliseconds,
    'timeoutBody?': oneOf(true),
    'retries?': block<Retries>({
      max: number(0, Number.MAX_SAFE_INTEGER),
      backoff: oneOf('exponential', 'linear', 'constant'),
      baseDelayMs: milliseconds,
      maxDelayMs: milliseconds,
      jitter: oneOf('full', 'equal', 'decorrelated', 'none'),
      'perTryMs?': milliseconds,
      'retryOn?': list(retryCondition),
      'retriableHeaders?': list(text),
      'budget?': budget,
      unsafeMethods,
      'maxReplayBytes?': number(0, Number.MAX_SAFE_INTEGER),
    }),
    'hedge?': block<Hedge>({
      max: number(1, 4),
      delay: text,
      'minSamples?': number(0, Number.MAX_SAFE_INTEGER),
      'budget?': budget,
      unsafeMethods,
      'maxReplayBytes?': number(0, Number.MAX_SAFE_INTEGER),
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
        'cost?': count,
        'mode?': oneOf('local', 'exact', 'leased', 'platform'),
        'fields?': oneOf('always', 'rejections', 'never'),
        'legacy?': oneOf('draft-6'),
      }),
    ),
    'shed?': block<Shed>({
      from: number(0, Number.MAX_VALUE),
      full: number(0, Number.MAX_VALUE),
      priority: oneOf(...priorities),
      retryAfterMs: milliseconds,
      'trustedIps?': list(text),
    }),
    ...accessMembers(),
    ...trafficMembers(),
    'breaker?': block<BreakerRule>({
      'failures?': positive,
      'errorRate?': share,
      'slowRate?': share,
      'slowAfterMs?': milliseconds,
      'minRequests?': positive,
      'windowMs?': milliseconds,
      'bucketMs?': span,
      'lastRequests?': positive,
      openForMs: milliseconds,
      maxOpenForMs: milliseconds,
      retryAfter: flag,
      halfOpen: block<HalfOpenRule>({
        probes: positive,
        successes: positive,
        toleratedFailures: number(0, Number.MAX_SAFE_INTEGER),
        timeoutMs: milliseconds,
      }),
      mode: oneOf('on', 'metrics_only', 'forced_open', 'disabled'),
    }),
    'throttle?': block<ThrottleRule>({
      multiplier: number(1, Number.MAX_VALUE),
      windowMs: milliseconds,
      minRequests: positive,
      maxRejection: share,
    }),
    'bulkhead?': block<BulkheadRule>({
      limit: positive,
      queue: number(0, Number.MAX_SAFE_INTEGER),
      'maxWaitMs?': milliseconds,
      release: oneOf('headers', 'body'),
      'by?': list(text),
    }),
  });
  const rules = block<Rules>({
    version: oneOf(1),
    'tls?': block<Tls>({
      cert: text,
      key: text,
      'clientCa?': text,
      clientCert: oneOf('required', 'optional'),
    }),
    'state?': block<SharedState>({
      'store?': value(
        'a URL or { env }',
        (store) => typeof store === 'string' || isVariable(store),
      ),
      mode: oneOf('leased', 'exact'),
      breakers: oneOf('quorum', 'any', 'alone'),
      instances: positive,
    }),
    'limits?': block<RequestRule>({
      'urlBytes?': positive,
      'headerBytes?': positive,
      'headerCount?': positive,
      'concurrent?': positive,
    }),
    'auth?': authRules(),
    'roles?': rolesShape(),
    services: list(service),
    routes: list(route),
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
      'logs?': block<AccessLogRule>({
        sample: number(0, 1),
        query: flag,
        headers: list(text),
        redact: list(text),
      }),
      baggage: list(text),
      revisionHeader: flag,
    }),
    health: block<Health>({ 'path?': text, 'readyPath?': text }),
    'trustedProxies?': block<TrustedProxiesOptions>({
      'hops?': number(1, 10),
      'networks?': list(text),
      'clientCertificates?': flag,
    }),
  });
  return { rules, service, route };
}
