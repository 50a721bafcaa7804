/**
 * What a Worker is told.
 *
 * @module
 */

import type { TracerProvider } from '@opentelemetry/api';
import type { Clock } from '../core/clock.ts';
import type { Duration } from '../core/duration.ts';
import type { GatewayOptions } from '../gateway/gateway.ts';
import type { BreakerFleet } from '../policies/breaker/fleet/fleet.ts';
import type { RulesEvent } from '../rules/sources/follow.ts';
import type { RulesSource } from '../rules/sources/source.ts';
import type { KeysFetch } from '../security/jwt/jwt.ts';
import type { PlatformLimiter } from '../stores/cf-ratelimit.ts';
import type { Store } from '../stores/contract.ts';
import type { MetricsNamespace } from '../telemetry/metrics-object.ts';

/** What makes a Worker's spans and sends them off: the result of `telemetry` from `fetchmesh/telemetry`. */
export interface WorkerTelemetry {
  readonly tracerProvider: TracerProvider;
  flush(): Promise<void>;
}

/** Settings of {@link import('./workers.ts').worker}. */
export interface WorkerOptions<Env>
  extends Pick<GatewayOptions, 'transport' | 'registry' | 'random'> {
  /**
   * Rules that are deployed with the Worker, as compiled JSON: in force until `source` gives others. Default: none; until
   * then every request gets a 503.
   */
  readonly bundled?: unknown;
  /** Where rules come from while the Worker runs, such as `(env) => kvRules(env.RULES)`. Default: nowhere. */
  readonly source?: (env: Env) => RulesSource | undefined;
  /** How old the rules may be before a request has them looked at, without waiting. Default: `'30s'`. */
  readonly refresh?: Duration;
  /** How long the first requests of an isolate wait for `source` before they take what there is. Default: `'250ms'`. */
  readonly startupDeadline?: Duration;
  /** Makes the spans of the gateway; flushed after each response. Default: ids travel, and nothing is recorded. */
  readonly telemetry?: (env: Env) => WorkerTelemetry | undefined;
  /**
   * The Durable Objects that add up what all isolates count, made by `metricsObject`: what the rules name as metrics path
   * shows their sum. Default: each isolate shows its own.
   */
  readonly metrics?: (env: Env) => MetricsNamespace | undefined;
  /**
   * Where limits count over all isolates, such as `(env) => durableObjectStore(env.STORE)`. Default: in each isolate's memory.
   */
  readonly store?: (env: Env) => Store | undefined;
  /**
   * Keeps the limits of `mode: platform`, by their name (`default` where they have none), such as
   * `(env) => cfRateLimit(env.LIMITER)`. Default: rules with such a limit are refused.
   */
  readonly platformLimiter?: (env: Env, name: string) => PlatformLimiter | undefined;
  /**
   * Whose breakers hear of each other over all isolates, such as
   * `(env) => breakerFleet({ store: workersKvStore(env.KV) })`. Default: each isolate finds out by itself.
   */
  readonly breakers?: (env: Env) => BreakerFleet | undefined;
  /**
   * Fetches the key sets that `auth` names, such as `({ AUTH }) => (url, init) => AUTH.fetch(url, init)` where a binding
   * leads to the issuer. Default: the platform's `fetch`.
   */
  readonly keysFetch?: (env: Env) => KeysFetch | undefined;
  /** Gets errors that no upstream explains, and what `telemetry` throws; what it throws itself is lost. Default: the console. */
  readonly onError?: (error: unknown) => void;
  /** Told what became of the rules. What it throws is lost. Default: the console. */
  readonly onEvent?: (event: RulesEvent) => void;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
}
