/**
 * What a Worker finds in its environment. A binding that is missing is told, and the gateway serves without it.
 *
 * @module
 */

import type { Clock } from '../core/clock.ts';
import type { GatewayOptions } from '../gateway/gateway.ts';
import type { BreakerFleet } from '../policies/breaker/fleet/fleet.ts';
import { sharedStore } from '../policies/shared-store.ts';
import type { RulesSource } from '../rules/sources/source.ts';
import {
  type FleetMetrics,
  fleetMetrics,
  type MetricsNamespace,
} from '../telemetry/metrics-object.ts';
import type { Registry } from '../telemetry/registry.ts';
import type { WorkerOptions, WorkerTelemetry } from './worker-options.ts';

/** What was found: of a gateway's settings those that are there, and what the Worker itself uses. */
export interface Surroundings
  extends Pick<GatewayOptions, 'transport' | 'random' | 'store' | 'keysFetch' | 'platformLimiter'> {
  readonly source: RulesSource | undefined;
  readonly telemetry: WorkerTelemetry | undefined;
  readonly metrics: FleetMetrics | undefined;
  readonly breakers: BreakerFleet | undefined;
}

/** What reading the environment takes beside it. */
export interface ReadingOptions {
  /** Whose counts the metrics are. */
  readonly registry: Registry;
  readonly clock: Clock;
  /** Gets what keeps a part from being there. */
  readonly onError: (error: unknown) => void;
}

/** Asks for each part once. */
export function surroundingsOf<Env>(
  options: WorkerOptions<Env>,
  env: Env,
  { registry, clock, onError }: ReadingOptions,
): Surroundings {
  /** A bad address of a collector, say, must not end the traffic. */
  function found<T>(ask: () => T): T | undefined {
    try {
      return ask();
    } catch (error) {
      onError(error);
      return undefined;
    }
  }

  const { transport, random, platformLimiter } = options;
  const keysFetch = options.keysFetch?.(env);
  const store = found(() => {
    const given = options.store?.(env);
    // One that cannot count is found out here, not by every request.
    return given && sharedStore(given, { owner: 'worker', clock, random });
  });
  return {
    ...(transport && { transport }),
    ...(random && { random }),
    ...(store && { store }),
    ...(keysFetch && { keysFetch }),
    ...(platformLimiter && {
      platformLimiter: (name) => {
        try {
          return platformLimiter(env, name);
        } catch (error) {
          onError(error);
          // Treated as a store that is out: `on_store_error` says how.
          return { name: 'missing', allows: () => Promise.reject(error) };
        }
      },
    }),
    source: sourceIn(options, env),
    telemetry: found(() => options.telemetry?.(env)),
    metrics: found(() => {
      const namespace = options.metrics?.(env) as MetricsNamespace;
      return options.metrics && fleetMetrics(registry, namespace, { clock });
    }),
    // Without it breakers decide alone.
    breakers: found(() => options.breakers?.(env)),
  };
}

function sourceIn<Env>({ source }: WorkerOptions<Env>, env: Env): RulesSource | undefined {
  try {
    return source?.(env);
  } catch (error) {
    // A binding that is missing is told as a store that is down is: the bundled rules serve.
    return { name: 'rules', latest: () => Promise.reject(error) };
  }
}
