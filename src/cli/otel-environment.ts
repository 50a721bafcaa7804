/**
 * What OpenTelemetry's environment variables say about traces.
 *
 * @module
 */

import { tracesPath } from '../telemetry/otlp-endpoint.ts';

/** A process's variables. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The samplers of OpenTelemetry's specification; without a ratio it is 1. */
export interface SamplerSetting {
  readonly root: 'always_on' | 'always_off' | 'traceidratio';
  readonly ratio: number;
  /** Whether traces that came in stay as their caller decided. */
  readonly parentBased: boolean;
}

/** What the variables say, as far as they say it. */
export interface OtelSettings {
  /** Nothing is to be sent, whatever else is said. */
  readonly isOff: boolean;
  readonly endpoint?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMillis?: number;
  readonly compression?: 'gzip' | 'none';
  readonly serviceName?: string;
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler?: SamplerSetting;
  /** What makes no sense, and is as if it were not set. Values are not quoted: some are secrets. */
  readonly warnings: readonly string[];
}

/**
 * Reads `OTEL_EXPORTER_OTLP_*` and their `…_TRACES_*`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`,
 * `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_EXPORTER` and `OTEL_SDK_DISABLED`. Never throws: what makes no sense is a warning, as
 * the specification asks for.
 *
 * Semantics: OpenTelemetry, "Environment Variable Specification" and "OpenTelemetry Protocol Exporter".
 */
export function readOtelEnvironment(environment: Environment): OtelSettings {
  const warnings: string[] = [];
  /** An empty variable is as one that is not set. */
  const read = (name: string): string | undefined => environment[name] || undefined;

  function ofTraces<T>(name: string, parse: (text: string) => T | undefined): T | undefined {
    for (const variable of [`OTEL_EXPORTER_OTLP_TRACES_${name}`, `OTEL_EXPORTER_OTLP_${name}`]) {
      const text = read(variable);
      if (text === undefined) continue;
      const value = parse(text);
      if (value !== undefined) return value;
      warnings.push(`${variable} makes no sense, and is ignored`);
    }
    return undefined;
  }

  function pairsOf(variable: string): Readonly<Record<string, string>> {
    const pairs = parsePairs(read(variable) ?? '');
    if (pairs === undefined) {
      warnings.push(`${variable} is no list such as key=value,key=value, and is ignored`);
    }
    return pairs ?? {};
  }

  const protocol = ofTraces('PROTOCOL', (text) => text);
  if (protocol !== undefined && protocol !== 'http/json') {
    warnings.push('traces go out as http/json; no other OTEL_EXPORTER_OTLP_PROTOCOL is known');
  }
  const exporter = read('OTEL_TRACES_EXPORTER') ?? 'otlp';
  if (exporter !== 'otlp' && exporter !== 'none') {
    warnings.push('OTEL_TRACES_EXPORTER is neither otlp nor none, and is ignored');
  }
  const sampler = readSampler(read('OTEL_TRACES_SAMPLER'), read('OTEL_TRACES_SAMPLER_ARG'));
  if (sampler === undefined && read('OTEL_TRACES_SAMPLER') !== undefined) {
    warnings.push('OTEL_TRACES_SAMPLER, with its _ARG, is no sampler that is known');
  }
  const headers = {
    ...pairsOf('OTEL_EXPORTER_OTLP_HEADERS'),
    ...pairsOf('OTEL_EXPORTER_OTLP_TRACES_HEADERS'),
  };
  if (!areHeaders(headers))
    warnings.push('OTEL_EXPORTER_OTLP_HEADERS holds what HTTP does not allow');
  const { 'service.name': named, ...resource } = pairsOf('OTEL_RESOURCE_ATTRIBUTES');
  const settings = {
    endpoint: endpointOf(read),
    timeoutMillis: ofTraces('TIMEOUT', parseMilliseconds),
    compression: ofTraces('COMPRESSION', parseCompression),
    serviceName: read('OTEL_SERVICE_NAME') ?? named,
    sampler,
  };
  return {
    isOff: read('OTEL_SDK_DISABLED')?.toLowerCase() === 'true' || exporter === 'none',
    ...withoutUndefined(settings),
    headers: areHeaders(headers) ? headers : {},
    resource,
    warnings,
  };
}

/** The general one is a base that the path for traces is appended to, the other one is used as it is. */
function endpointOf(read: (name: string) => string | undefined): string | undefined {
  const own = read('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT');
  if (own !== undefined) return own;
  const base = read('OTEL_EXPORTER_OTLP_ENDPOINT')?.replace(/\/+$/, '');
  // Many write the whole address where the base is asked for.
  return base === undefined || base.endsWith(tracesPath) ? base : base + tracesPath;
}

/** `key=value,key=value`, values with escapes as in URLs; `undefined` for anything else. */
function parsePairs(text: string): Readonly<Record<string, string>> | undefined {
  const pairs: [string, string][] = [];
  for (const member of text.split(',')) {
    if (member.trim() === '') continue;
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(member.trim()) ?? [];
    if (key === undefined || value === undefined) return undefined;
    try {
      pairs.push([key.trim(), decodeURIComponent(value.trim())]);
    } catch {
      return undefined;
    }
  }
  return Object.fromEntries(pairs);
}

function areHeaders(pairs: Readonly<Record<string, string>>): boolean {
  try {
    return new Headers(pairs) !== undefined;
  } catch {
    return false;
  }
}

function parseMilliseconds(text: string): number | undefined {
  return /^[1-9]\d{0,8}$/.test(text) ? Number(text) : undefined;
}

function parseCompression(text: string): 'gzip' | 'none' | undefined {
  return text === 'gzip' || text === 'none' ? text : undefined;
}

function readSampler(name: string | undefined, argument = '1'): SamplerSetting | undefined {
  const [, parent, root] =
    /^(parentbased_)?(always_on|always_off|traceidratio)$/.exec(name ?? '') ?? [];
  if (root === undefined) return undefined;
  const ratio = root === 'traceidratio' ? Number(argument) : 1;
  if (!(ratio >= 0 && ratio <= 1)) return undefined;
  return { root: root as SamplerSetting['root'], ratio, parentBased: parent !== undefined };
}

function withoutUndefined<T extends object>(settings: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}
