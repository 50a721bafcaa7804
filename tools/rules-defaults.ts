/**
 * What each key of the rules language is where it is left out, for `docs/rules.md`.
 *
 * No default is written down here: each is read from rules that do not say it, or from the constant that its policy uses.
 * Where nothing happens without the key, a word says so.
 */

import { formatDuration } from '../src/core/duration.ts';
import { defaultAnswerStatus } from '../src/core/fixed-answer.ts';
import { defaultReplayBytes } from '../src/core/replay.ts';
import { defaultMinSamples } from '../src/policies/hedge.ts';
import { limitDefaults } from '../src/policies/limits.ts';
import { defaultMaxCopies } from '../src/policies/mirror.ts';
import { retrySettings } from '../src/policies/retry-options.ts';
import { balancePolicies } from '../src/routing/balance.ts';
import { balanceSettings } from '../src/routing/balance-options.ts';
import { outlierSettings } from '../src/routing/outlier-options.ts';
import { defaultRedirectStatus } from '../src/routing/redirect.ts';
import type { Retries, Route, Rules } from '../src/rules/model.ts';
import { parseRules } from '../src/rules/parse.ts';
import { externalDefaults } from '../src/security/authorize/external.ts';
import { defaultMethods } from '../src/security/cors.ts';
import { issuerDefaults } from '../src/security/jwt/options.ts';
import { remoteKeysDefaults } from '../src/security/jwt/remote-keys.ts';
import { defaultSampler } from '../src/telemetry/setup.ts';

/** Rules that say nothing beyond this. */
function rulesOf(text: string): Rules {
  const { rules, diagnostics } = parseRules(text);
  if (rules === undefined) throw new Error(diagnostics.map(({ message }) => message).join('\n'));
  return rules;
}

/** A route that says nothing beyond this. */
function routeOf(blocks: string): Route {
  const services =
    'services: { a: "https://a", b: { versions: { v1: "https://b", v2: "https://c" } } }';
  return rulesOf(`${services}\nroutes: [{ path: /a, to: { b@v1: 50, b@v2: 50 }, ${blocks} }]`)
    .routes[0] as Route;
}

function code(value: string | number | boolean): string {
  return `\`${value}\``;
}

function duration(milliseconds: number): string {
  return code(formatDuration(milliseconds));
}

function share(part: number): string {
  return code(`${Number((part * 100).toPrecision(12))}%`);
}

function size(bytes: number): string {
  return code(bytes % 1_024 === 0 ? `${bytes / 1_024}KiB` : `${bytes}B`);
}

function words(list: readonly string[]): string {
  return list.map(code).join(', ');
}

/** A default that another key gives; the proof is that both are the same. */
function sameAs(key: string, value: unknown, other: unknown): string {
  if (value !== other) throw new Error(`${key}: ${value} is not ${other}`);
  return code(key);
}

/**
 * By the path that the reference gives a key: `breaker.open_for` for routes and defaults alike. A path that is missing here
 * is an error of the page.
 */
export function ruleDefaults(): Readonly<Record<string, string>> {
  const {
    breaker,
    throttle,
    bulkhead,
    retries,
    rateLimits,
    shed,
    sticky,
    mirror,
    deadline,
    fault,
    authorizer,
  } = routeOf(`breaker: {}, throttle: {}, bulkhead: { limit: 7 }, retries: {},
      rate_limit: { limit: 7, per: 1s }, shed: { from: 1, full: 2 }, sticky: { by: ip }, mirror: { to: a }, deadline: {}, authorizer: { to: a },
      fault: { abort: {}, percent: 1%, only_if: { query: { a: b } } }`) as Required<Route>;
  const { cors, auth, hedge, trailingSlash } = routeOf(
    'cors: { origins: "*" }, hedge: {}',
  ) as Required<Route>;
  const authorized = rulesOf(`auth: { a: { issuer: i, jwks: "https://a.example" } }
routes: [{ path: /a, auth: a }]`);
  const bare = rulesOf('routes: [{ path: /a }]');
  const { telemetry } = bare;
  const whole = rulesOf(`telemetry: { logs: {} }
state: { store: "memory:" }
tls: { cert: a, key: b }
services: { a: { urls: ["https://a.example", "https://b.example"], health: { path: /h }, outlier: {} } }
routes: [{ path: /a }]`);
  const { health, versions } = whole.services[0] as Required<Rules['services'][number]>;
  const { halfOpen } = breaker;
  const [limit] = rateLimits as [
    Route['rateLimits'] extends readonly (infer T)[] | undefined ? T : never,
  ];
  const [copy] = mirror as [NonNullable<Route['mirror']>[number]];
  const balance = balanceSettings('balance', {});
  const rates = outlierSettings('outlier', { successRate: {}, failureRate: {} });
  const tries = retrySettings({});
  if (auth !== undefined) throw new Error('auth: a route asks for a token by itself');
  if (tries.retryOn !== undefined || tries.perTry !== undefined)
    throw new Error('retries: changed');

  const { budget } = routeOf('retries: { budget: {} }').retries as Required<Retries>;
  const timed = rulesOf('routes: [{ path: /a, timeout: { limit: 1s } }]').routes[0] as Route;
  const budgeting = {
    ratio: share(budget.ratio),
    ttl: duration(budget.ttlMs),
    min_per_second: code(budget.minPerSecond),
    shared: code(budget.shared),
  };
  const off = 'off';
  const none = 'none';
  const any = 'any';
  const retrying = {
    backoff: code(retries.backoff),
    base_delay: duration(retries.baseDelayMs),
    max_delay: `${retries.maxDelayMs / retries.baseDelayMs} times \`base_delay\``,
    jitter: code(retries.jitter),
    per_try: 'what `timeout` leaves',
    retry_on: '5xx but 501 and 505, 429, 413 that says when, no answer, `per_try`',
    retriable_headers: none,
    budget: any,
    unsafe_methods: code(retries.unsafeMethods),
    max_replay_bytes: size(defaultReplayBytes),
  };
  const asked = {
    ...{ claims: any, subjects: any, roles: any, principals: any, namespaces: any },
    ...{ ips: any, client_ips: any, ports: any, methods: any, headers: any },
  };
  const entry = { ...asked, not: none, dry_run: code(false) };
  return {
    version: code(bare.version),
    defaults: none,
    telemetry: 'see there',
    health: none,
    trusted_proxies: 'nobody',
    tls: off,
    state: 'nothing is shared',
    limits: off,
    auth: none,
    roles: none,
    services: none,
    ...{ name: 'the path', path: '', methods: any, hosts: any, match: any },
    ...{
      timeout: off,
      deadline: off,
      retries: off,
      hedge: off,
      rate_limit: off,
      shed: off,
      breaker: off,
    },
    ...{ throttle: off, bulkhead: off, allow: 'anybody', deny: 'nobody', authorizer: none },
    ...{ cors: off, headers: off },
    ...{ fallback: off, fault: off, mirror: off, sticky: 'by chance', rewrite: off },
    ...{ redirect: off, respond: off },
    to: 'the only service; else `serve --upstream`',
    trailing_slash: code(trailingSlash),
    ...retrying,
    ...prefixed('budget', budgeting),
    ...prefixed('timeout', { body: code(timed.timeoutBody ?? false) }),
    ...prefixed('retries', { max: code(retries.max), ...retrying }),
    ...prefixed('hedge', {
      max: code(hedge.max),
      delay: code(hedge.delay),
      min_samples: code(defaultMinSamples),
      budget: any,
      unsafe_methods: code(hedge.unsafeMethods),
      max_replay_bytes: size(defaultReplayBytes),
    }),
    ...prefixed('rate_limit', {
      name: none,
      mode: 'as the store of all',
      cost: code(1),
      fields: 'all answers',
      legacy: none,
      burst: sameAs('limit', limit.burst, limit.limit),
      by: words(limit.by),
      anonymous: code(limit.anonymous),
      max_wait: duration(limit.maxWaitMs),
      enforce: code(limit.enforce),
      on_store_error: code(limit.onStoreError),
    }),
    ...prefixed('shed', {
      priority: code(shed.priority),
      retry_after: duration(shed.retryAfterMs),
      trusted_ips: 'nobody',
    }),
    ...prefixed('breaker', {
      failures: off,
      error_rate: share(breaker.errorRate as number),
      slow_rate: off,
      slow_after: none,
      min_requests: code(breaker.minRequests as number),
      window: duration(breaker.windowMs as number),
      bucket: 'a tenth of `window`',
      last_requests: '`window` counts',
      open_for: duration(breaker.openForMs),
      max_open_for: `${duration(breaker.maxOpenForMs)}, or \`open_for\` where that is longer`,
      retry_after: code(breaker.retryAfter),
      half_open: code(halfOpen.probes),
      mode: code(breaker.mode),
    }),
    ...prefixed('breaker.half_open', {
      probes: code(halfOpen.probes),
      successes: `${code(halfOpen.successes)}, or \`probes\` where that is more`,
      tolerated_failures: code(halfOpen.toleratedFailures),
      timeout: duration(halfOpen.timeoutMs),
    }),
    ...prefixed('throttle', {
      multiplier: code(throttle.multiplier),
      window: duration(throttle.windowMs),
      min_requests: code(throttle.minRequests),
      max_rejection: share(throttle.maxRejection),
    }),
    ...prefixed('bulkhead', {
      queue: code(bulkhead.queue),
      max_wait: 'as long as the request may',
      release: code(bulkhead.release),
      by: 'all share the limit',
    }),
    ...prefixed('auth', {
      ...{
        optional: code(authorized.routes[0]?.auth?.optional as boolean),
        allow: 'anybody with a token',
      },
      preflights: code(authorized.routes[0]?.auth?.preflights as string),
    }),
    ...prefixed('allow', entry),
    ...prefixed('allow.not', asked),
    ...prefixed('deny', entry),
    ...prefixed('authorizer', {
      path: code(authorizer.path),
      headers: words(externalDefaults.headers),
      forward: none,
      timeout: code(externalDefaults.timeout),
    }),
    ...prefixed('limits', {
      url: size(limitDefaults.urlBytes),
      headers: size(limitDefaults.headerBytes),
      header_count: code(limitDefaults.headerCount),
      concurrent: any,
      body: any,
      body_rate: any,
      body_grace: code(limitDefaults.bodyGrace),
    }),
    ...prefixed('cors', {
      methods: words(defaultMethods),
      headers: 'those that are asked for',
      expose: none,
      credentials: code(cors.credentials),
      max_age: "the browser's",
    }),
    ...prefixed('headers', { request: none, response: none }),
    ...prefixed('headers.request', { set: none, add: none, remove: none }),
    ...prefixed('fallback', {
      respond: none,
      to: none,
      when: '5xx but 501, no answer, time limits, what a policy refused',
    }),
    ...prefixed('fault', {
      delay: none,
      abort: none,
      percent: 'that of `delay` or `abort`; one is needed',
      only_if: 'every request',
      until: 'for ever',
      max_active: any,
      header_trigger: code(fault.headerTrigger),
      counted: code(fault.counted),
    }),
    ...prefixed('fault.delay', { percent: 'that of `fault`' }),
    ...prefixed('fault.abort', {
      status: code(fault.abort?.status as number),
      percent: 'that of `fault`',
    }),
    ...prefixed('mirror', {
      percent: share(copy.percent / 100),
      credentials: `${code(copy.credentials)}; within one service \`include\``,
      headers: none,
      timeout: duration(copy.timeoutMs),
      max_replay_bytes: size(defaultReplayBytes),
      max_active: code(defaultMaxCopies),
    }),
    ...prefixed('deadline', {
      trusted_ips: 'everybody, who can only shorten it',
      header: code(deadline.header),
      forward: code(deadline.forward),
    }),
    ...prefixed('telemetry', {
      service: code(telemetry.service),
      metrics: 'see there',
      traces: 'see there',
      logs: off,
      baggage: none,
      revision_header: code(telemetry.revisionHeader),
    }),
    ...prefixed('telemetry.metrics', {
      path: 'on the admin port alone',
      names: code(telemetry.metrics.names),
    }),
    ...prefixed('telemetry.traces', {
      otlp: '`$OTEL_EXPORTER_OTLP_ENDPOINT`, else off',
      sample: share(defaultSampler),
      propagation: words(telemetry.traces.propagation),
    }),
    ...prefixed('telemetry.logs', {
      format: code('json'),
      sample: share(whole.telemetry.logs?.sample as number),
      query: code(whole.telemetry.logs?.query as boolean),
      headers: none,
      redact: 'those named after credentials, which are masked in any case',
    }),
    ...prefixed('health', { ready_path: none }),
    ...prefixed('trusted_proxies', {
      hops: none,
      networks: none,
      client_certificates: code(false),
    }),
    ...prefixed('tls', { client_ca: none, client_cert: code(whole.tls?.clientCert as string) }),
    ...prefixed('state', {
      store: none,
      mode: code(whole.state?.mode as string),
      breakers: code(whole.state?.breakers as string),
      instances: code(whole.state?.instances as number),
    }),
    ...prefixed('auth.NAME', {
      audience: any,
      jwks: none,
      public_key: none,
      secret: none,
      algorithms: "all that the keys' kinds allow",
      from: '`authorization: Bearer …`',
      type: any,
      clock_skew: code(issuerDefaults.clockSkew),
      require_expiry: code(issuerDefaults.requireExpiry),
      claim_headers: none,
      payload_header: none,
      forward: code(authorized.auth?.[0]?.forward ?? false),
      space_delimited_claims: '`scope`, `permission`',
    }),
    ...prefixed('auth.NAME.jwks', {
      refresh: code(remoteKeysDefaults.refresh),
      stale_for: code(remoteKeysDefaults.staleFor),
      timeout: code(remoteKeysDefaults.timeout),
      cool_down: code(remoteKeysDefaults.coolDown),
    }),
    ...prefixed('auth.NAME.from', { headers: none, cookies: none, query: none }),
    ...prefixed('roles', {
      claim: none,
      header: none,
      trusted_ips: none,
      trusted_principals: none,
    }),
    ...prefixed('services.NAME in a list', { weight: code(versions[0]?.weights?.[0] ?? 1) }),
    ...prefixed('services.NAME', {
      ...{ url: none, urls: none, binding: none, env: code(versions[0]?.environment as string) },
      versions: 'a single one',
      balance: code(balance.name),
      outlier: off,
      health: off,
      tls: 'what the runtime trusts',
    }),
    ...prefixed('services.NAME.versions.NAME', {
      ...{ url: none, urls: none, binding: none, env: code(versions[0]?.environment as string) },
    }),
    ...prefixed('services.NAME.balance', {
      policy: code(balancePolicies.find((name) => name === balance.name) as string),
      bias: code(1),
      panic: share(balance.panic),
    }),
    ...prefixed('services.NAME.outlier', {
      failures: code(rates.failures),
      gateway_failures: code(rates.gatewayFailures),
      local_failures: code(rates.localFailures),
      interval: duration(rates.intervalMs),
      eject_for: duration(rates.ejectForMs),
      max_eject_for: duration(rates.maxEjectForMs),
      max_ejected: share(rates.maxEjected),
      success_rate: off,
      failure_rate: off,
    }),
    ...prefixed('services.NAME.outlier.success_rate', {
      deviations: code(rates.successRate?.deviations as number),
      min_endpoints: code(rates.successRate?.minEndpoints as number),
      min_requests: code(rates.successRate?.minRequests as number),
    }),
    ...prefixed('services.NAME.outlier.failure_rate', {
      threshold: share(rates.failureRate?.threshold as number),
      min_endpoints: code(rates.failureRate?.minEndpoints as number),
      min_requests: code(rates.failureRate?.minRequests as number),
    }),
    ...prefixed('services.NAME.health', {
      interval: duration(health.intervalMs),
      timeout: duration(health.timeoutMs),
      down_after: code(health.downAfter),
      up_after: code(health.upAfter),
    }),
    ...prefixed('services.NAME.tls', {
      ca: 'what the runtime trusts',
      cert: none,
      key: none,
      server_name: 'the host of the URL',
    }),
    ...prefixed('match', { headers: any, query: any, cookies: any, baggage: any, claims: any }),
    ...prefixed('sticky', { ttl: duration(sticky.ttlMs) }),
    ...prefixed('rewrite', { path: none, prefix: none, regex: none, host: none }),
    ...prefixed('redirect', {
      ...{ scheme: "the request's", host: "the request's", path: "the request's" },
      port: 'that of a given `scheme` or `host`, else of the request',
      ...{ prefix: none, regex: none },
      status: code(defaultRedirectStatus),
    }),
    ...prefixed('respond', { status: code(defaultAnswerStatus), body: none, headers: none }),
  };
}

function prefixed(path: string, members: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(members).map(([key, value]) => [`${path}.${key}`, value]),
  );
}
