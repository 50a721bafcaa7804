/**
 * A gateway as a Worker: rules that change without a deployment, service bindings as upstreams, traces that delay nobody.
 *
 * @module
 */

import { type Clock, sleep, systemClock } from '../core/clock.ts';
import { type Duration, parseDuration } from '../core/duration.ts';
import { inform } from '../core/event.ts';
import { knownOptions } from '../core/option.ts';
import { reject } from '../core/rejection.ts';
import { createGateway, type Gateway, type GatewayOptions } from '../gateway/gateway.ts';
import { lateVotes } from '../gateway/late-votes.ts';
import type { Rules } from '../rules/model.ts';
import { compiledRules } from '../rules/sources/compiled.ts';
import { type FollowedRules, followRules, type RulesEvent } from '../rules/sources/follow.ts';
import { InvalidRulesError } from '../rules/sources/source.ts';
import type { PlatformLimiter } from '../stores/cf-ratelimit.ts';
import type { FleetMetrics } from '../telemetry/metrics-object.ts';
import { createRegistry } from '../telemetry/registry.ts';
import type { WorkerOptions, WorkerTelemetry } from './worker-options.ts';
import { surroundingsOf } from './worker-surroundings.ts';

export type { Rules } from '../rules/model.ts';
export { compiledRules, parseCompiledRules } from '../rules/sources/compiled.ts';
export {
  type FollowedRules,
  type FollowOptions,
  followRules,
  type RulesEvent,
} from '../rules/sources/follow.ts';
export {
  type CurrentRules,
  type KvNamespace,
  type KvRulesOptions,
  kvRules,
  type RulesKeys,
  rulesKeys,
} from '../rules/sources/kv.ts';
export { InvalidRulesError, type Publication, type RulesSource } from '../rules/sources/source.ts';
export {
  publishRules,
  type RollBackOptions,
  rollBackRules,
  type StoreRulesOptions,
  storeRules,
} from '../rules/sources/store.ts';
export type { WorkerOptions, WorkerTelemetry } from './worker-options.ts';

/** In place of limiters that need `env`. */
const later: PlatformLimiter = { name: 'later', allows: async () => true };

/** What is used of a Worker's execution context. */
export interface WorkerContext {
  waitUntil(work: Promise<unknown>): void;
}

/** A Worker, for `export default`. */
export interface GatewayWorker<Env> {
  fetch(request: Request, env: Env, context: WorkerContext): Promise<Response>;
}

/** A gateway of one isolate. */
interface Running {
  /** `undefined` as long as there are no rules. */
  readonly gateway: Gateway | undefined;
  readonly followed: FollowedRules | undefined;
  readonly telemetry: WorkerTelemetry | undefined;
  readonly metrics: FleetMetrics | undefined;
  /** When requests no longer wait for the first rules. */
  readonly waitsUntil: number;
}

/**
 * Makes a gateway as a Worker.
 *
 * Rules are looked at when a request finds them older than `refresh`, in `waitUntil`: no request waits for that but the
 * first of an isolate, and those no longer than `startupDeadline`. A version of a service that names a `binding` is reached
 * through that service binding, where the Worker has it. What the rules name as metrics path counts one isolate only,
 * unless there are `metrics`.
 *
 * Needs no compatibility flag, and a compatibility date of 2024-10-14 or later.
 *
 * @throws {RangeError | InvalidRulesError} for options that make no sense and bundled rules that cannot be put in force:
 * while the Worker loads, so that such a one cannot be deployed.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('{ services: { shop: { binding: SHOP } }, routes: [{ path: /** }] }');
 * const gateway = worker<{ SHOP: { fetch(url: string): Promise<Response> } }>({ bundled: rules });
 * const env = { SHOP: { fetch: async (url: string) => new Response(url) } };
 * const response = await gateway.fetch(new Request('http://shop.example/a'), env, { waitUntil() {} });
 * await response.text(); // 'http://shop/a'
 * ```
 */
export function worker<Env>(options: WorkerOptions<Env> = {}): GatewayWorker<Env> {
  knownOptions('worker', options, {
    bundled: true,
    source: true,
    refresh: true,
    startupDeadline: true,
    telemetry: true,
    metrics: true,
    store: true,
    platformLimiter: true,
    breakers: true,
    keysFetch: true,
    onError: true,
    onEvent: true,
    clock: true,
    random: true,
    registry: true,
    transport: true,
  });
  const {
    clock = systemClock,
    onEvent: told = toConsole,
    onError: failed = errorToConsole,
  } = options;
  const onEvent = (event: RulesEvent): void => inform(() => told(event));
  const onError = (error: unknown): void => inform(() => failed(error));
  const refreshMs = milliseconds('refresh', options.refresh ?? '30s', 1);
  const startupMs = milliseconds('startupDeadline', options.startupDeadline ?? '250ms', 0);
  const bundled = options.bundled === undefined ? undefined : compiledRules(options.bundled);
  if (bundled !== undefined) {
    checkDestinations(bundled);
    // Thrown away: shows while the Worker loads that they can be put in force. Spans need `env`, which comes later.
    const { platformLimiter } = options;
    createGateway(bundled, platformLimiter && { platformLimiter: () => later });
  }

  function start(env: Env): Running {
    const registry = options.registry ?? createRegistry();
    const around = { registry, clock, onError };
    const { source, telemetry, metrics, breakers, ...given } = surroundingsOf(options, env, around);
    const settings: GatewayOptions = {
      registry,
      clock,
      onError,
      ...given,
      ...(breakers && { breakers }),
      ...(telemetry && { tracerProvider: telemetry.tracerProvider }),
      ...(metrics && { exposed: metrics.totals }),
    };
    let gateway: Gateway | undefined;
    async function apply(rules: Rules, revision: string): Promise<void> {
      checkDestinations(rules);
      if (gateway === undefined) gateway = createGateway(rules, { ...settings, revision });
      else await gateway.replaceGradually(rules, revision);
      doubt(rules, Number(revision));
    }
    function doubt(rules: Rules, revision: number | undefined): void {
      const what = breakers && lateVotes(rules, breakers.staleMs);
      if (what !== undefined) onEvent({ type: 'doubtful', revision, message: what });
    }
    if (bundled !== undefined) {
      gateway = createGateway(bundled, { ...settings, revision: 'bundled' });
      doubt(bundled, undefined);
    }
    const followed =
      source &&
      followRules({
        source,
        apply: (rules, revision) => apply(rules, String(revision)),
        refreshMs,
        // With rules to go by there is no hurry.
        retryMs: bundled === undefined ? Math.min(1_000, refreshMs) : refreshMs,
        onEvent,
        clock,
      });
    return {
      get gateway() {
        return gateway;
      },
      followed,
      telemetry,
      metrics,
      waitsUntil: clock.monotonic() + startupMs,
    };
  }

  let running: Running | undefined;
  return {
    async fetch(request, env, context) {
      // Bindings and secrets come with the first request.
      running ??= start(env);
      const { followed, telemetry, metrics } = running;
      if (followed !== undefined) {
        if (followed.isDue) context.waitUntil(followed.refresh());
        const patienceMs = running.waitsUntil - clock.monotonic();
        const { looking } = followed;
        if (followed.revision === 0 && looking !== undefined && patienceMs > 0) {
          await firstOf(looking, patienceMs, clock);
        }
      }
      const { gateway } = running;
      if (gateway === undefined) {
        return reject('no_rules', { detail: 'The gateway has no rules yet.', retryAfterMs: 1_000 });
      }
      try {
        return await gateway.fetch(request, env, context);
      } finally {
        if (telemetry !== undefined) context.waitUntil(flushLater(telemetry, clock));
        if (metrics !== undefined) context.waitUntil(metrics.report());
      }
    },
  };
}

/** Rules for a library leave requests to where they go by themselves, and that is the Worker. */
function checkDestinations({ routes }: Rules): void {
  for (const route of routes) {
    if (route.to.length > 0 || 'redirect' in route || 'respond' in route) continue;
    throw new InvalidRulesError(`route '${route.name}' leads nowhere: a gateway needs a \`to\``);
  }
}

/** Resolves when the work ends, at the latest after some time. */
async function firstOf(work: Promise<void>, limitMs: number, clock: Clock): Promise<void> {
  const ended = new AbortController();
  await Promise.race([work, sleep(clock, limitMs, ended.signal).catch(() => {})]);
  ended.abort();
}

/** Encoding spans takes time as well: it begins when the response is on its way. */
async function flushLater(telemetry: WorkerTelemetry, clock: Clock): Promise<void> {
  await sleep(clock, 0, undefined);
  await telemetry.flush();
}

function milliseconds(option: string, text: Duration, least: number): number {
  const read = parseDuration(text);
  if (read === undefined || read < least) {
    throw new RangeError(
      `worker.${option}: '${text}' is not a duration${least > 0 ? ' above 0' : ''}, such as '30s' or '250ms'`,
    );
  }
  return read;
}

function errorToConsole(error: unknown): void {
  console.error('fetchmesh: internal error', error);
}

function toConsole({ type, message }: RulesEvent): void {
  const line = `fetchmesh: rules: ${message}`;
  if (type === 'applied') console.log(line);
  else console.warn(line);
}
