/**
 * Where the traces of a gateway go: by its arguments, its rules, and OpenTelemetry's environment variables, in this order.
 *
 * @module
 */

import process from 'node:process';
import type { Rules } from '../rules/model.ts';
import { checkCollectorUrl } from '../telemetry/otlp-endpoint.ts';
import type { Sampler, TracerSdk } from '../telemetry/sdk.ts';
import type { Telemetry } from '../telemetry/setup.ts';
import { type OtelSettings, readOtelEnvironment, type SamplerSetting } from './otel-environment.ts';
import { UsageError } from './usage.ts';

/** Where traces go, and what is said of them elsewhere than in the rules. */
export interface TraceDestination extends OtelSettings {
  readonly endpoint: string;
}

/**
 * `undefined` where traces go nowhere.
 *
 * @param given The argument; an empty one is a word too: nowhere.
 * @param say Told what is wrong with a variable.
 * @throws {UsageError} where it is no address.
 */
export function traceDestination(
  given: string | undefined,
  rules: Rules['telemetry'],
  say: (message: string) => void,
): TraceDestination | undefined {
  const settings = readOtelEnvironment(process.env);
  const endpoint = given ?? rules.traces.otlp ?? settings.endpoint ?? '';
  if (endpoint !== '') {
    checkAddress(endpoint, given === endpoint ? '--otlp-endpoint' : 'the endpoint for traces');
  }
  for (const warning of settings.warnings) {
    // Where nothing is sent nobody misses the others.
    if (endpoint !== '' || warning.includes('_ENDPOINT ')) say(warning);
  }
  return settings.isOff || endpoint === '' ? undefined : { ...settings, endpoint };
}

function checkAddress(endpoint: string, source: string): void {
  try {
    checkCollectorUrl(source, endpoint);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

/** Sets up the SDK, which is loaded only now. */
export async function startTraces(
  destination: TraceDestination,
  { service, traces }: Rules['telemetry'],
  say: (message: string) => void,
): Promise<Telemetry> {
  const { telemetry } = await import('../telemetry/setup.ts');
  const sdk = await loadSdk();
  const { endpoint, headers, timeoutMillis, compression, serviceName, resource } = destination;
  const sampler =
    traces.sample ?? (destination.sampler && samplerOf(sdk, destination.sampler)) ?? 1;
  return telemetry({
    sdk,
    serviceName: serviceName ?? service,
    endpoint,
    exporterOptions: {
      headers,
      ...(timeoutMillis !== undefined && { timeoutMillis }),
      ...(compression !== undefined && { compression }),
    },
    resource,
    sampler,
    onDiagnostic: say,
  });
}

/** Of a CommonJS module a bundle exports the whole alone, as its default. */
async function loadSdk(): Promise<TracerSdk> {
  const loaded: object = await import('@opentelemetry/sdk-trace-web');
  const { default: whole } = loaded as { readonly default?: TracerSdk };
  return 'WebTracerProvider' in loaded ? (loaded as TracerSdk) : (whole as TracerSdk);
}

function samplerOf(sdk: TracerSdk, { root, ratio, parentBased }: SamplerSetting): Sampler {
  const share = { always_on: 1, always_off: 0, traceidratio: ratio }[root];
  const own = new sdk.TraceIdRatioBasedSampler(share);
  return parentBased ? new sdk.ParentBasedSampler({ root: own }) : own;
}
