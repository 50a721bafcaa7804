/**
 * What OpenTelemetry's environment variables say about traces.
 *
 * @module
 */

import { longestDelayMs } from '../core/clock.ts';
import { checkCollectorUrl, tracesPath } from '../telemetry/otlp-endpoint.ts';

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

  /** Of the two variables the one for traces goes first. */
  function ofTraces<T>(name: string, parse: Parse<T>, wanted = ''): T | undefined {
    for (const isOwn of [true, false]) {
      const variable = `OTEL_EXPORTER_OTLP_${isOwn ? 'TRACES_' : ''}${name}`;
      const text = read(variable);
      if (text === undefined) continue;
      const value = parse(text, isOwn);
      if (value !== undefined) return value;
      warnings.push(`${variable} ${wanted || 'makes no sense'}, and is ignored`);
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

  const protocol = ofTraces('PROTOCOL', (text) => text.toLowerCase());
  if (protocol !== undefined && protocol !== 'http/json') {
    warnings.push('traces go out as http/json; no other OTEL_EXPORTER_OTLP_PROTOCOL is known');
  }
  for (const name of ['CERTIFICATE', 'CLIENT_CERTIFICATE', 'CLIENT_KEY']) {
    if (ofTraces(name, (text) => text) === undefined) continue;
    warnings.push(`OTEL_EXPORTER_OTLP_${name} is not heard: certificates are the runtime's own`);
  }
  const exporter = read('OTEL_TRACES_EXPORTER')?.toLowerCase() ?? 'otlp';
  if (exporter !== 'otlp' && exporter !== 'none') {
    warnings.push('OTEL_TRACES_EXPORTER is neither otlp nor none, and is ignored');
  }
  const isOff = read('OTEL_SDK_DISABLED')?.toLowerCase() ?? 'false';
  if (isOff !== 'true' && isOff !== 'false') {
    warnings.push('OTEL_SDK_DISABLED is neither true nor false, and is ignored');
  }
  const sampler = samplerNamed(read('OTEL_TRACES_SAMPLER'));
  if (sampler === undefined && read('OTEL_TRACES_SAMPLER') !== undefined) {
    warnings.push('OTEL_TRACES_SAMPLER is no sampler that is known, and is ignored');
  }
  const share = read('OTEL_TRACES_SAMPLER_ARG');
  const isShared = sampler?.root === 'traceidratio' && share !== undefined;
  const ratio = isShared ? parseRatio(share) : 1;
  if (ratio === undefined) {
    warnings.push('OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1, and is ignored');
  }
  const headers = {
    ...pairsOf('OTEL_EXPORTER_OTLP_HEADERS'),
    ...pairsOf('OTEL_EXPORTER_OTLP_TRACES_HEADERS'),
  };
  if (!areHeaders(headers))
    warnings.push('OTEL_EXPORTER_OTLP_HEADERS holds what HTTP does not allow');
  const { 'service.name': named, ...resource } = pairsOf('OTEL_RESOURCE_ATTRIBUTES');
  const settings = {
    endpoint: ofTraces(
      'ENDPOINT',
      parseEndpoint,
      'is no http:// or https:// URL without a password',
    ),
    timeoutMillis: ofTraces('TIMEOUT', parseMilliseconds),
    compression: ofTraces('COMPRESSION', parseCompression),
    serviceName: read('OTEL_SERVICE_NAME') ?? named,
    sampler: sampler && { ...sampler, ratio: ratio ?? 1 },
  };
  return {
    isOff: isOff === 'true' || exporter === 'none',
    ...withoutUndefined(settings),
    headers: areHeaders(headers) ? headers : {},
    resource,
    warnings,
  };
}

/** Reads the text of a variable; `isOwn` where it is the one for traces. `undefined` where it makes no sense. */
type Parse<T> = (text: string, isOwn: boolean) => T | undefined;

/** The general one is a base that the path for traces is appended to, the other one is used as it is. */
function parseEndpoint(text: string, isOwn: boolean): string | undefined {
  try {
    const url = checkCollectorUrl('endpoint', text);
    if (isOwn) return text;
    const base = url.pathname.replace(/\/+$/, '');
    // Many write the whole address where the base is asked for.
    url.pathname = base.endsWith(tracesPath) ? base : base + tracesPath;
    return url.href;
  } catch {
    return undefined;
  }
}

/** `key=value,key=value` with escapes as in URLs; `undefined` for anything else. */
function parsePairs(text: string): Readonly<Record<string, string>> | undefined {
  const pairs: [string, string][] = [];
  for (const member of text.split(',')) {
    if (member.trim() === '') continue;
    const [, key, value] = /^([^=]+)=(.*)$/s.exec(member.trim()) ?? [];
    if (key === undefined || value === undefined) return undefined;
    try {
      pairs.push([decodeURIComponent(key.trim()), decodeURIComponent(value.trim())]);
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

/** 0 is no limit. */
function parseMilliseconds(text: string): number | undefined {
  return /^\d{1,9}$/.test(text) ? Number(text) || longestDelayMs : undefined;
}

function parseCompression(text: string): 'gzip' | 'none' | undefined {
  const name = text.toLowerCase();
  return name === 'gzip' || name === 'none' ? name : undefined;
}

function samplerNamed(name = ''): Omit<SamplerSetting, 'ratio'> | undefined {
  const [, parent, root] =
    /^(parentbased_)?(always_on|always_off|traceidratio)$/.exec(name.toLowerCase()) ?? [];
  if (root === undefined) return undefined;
  return { root: root as SamplerSetting['root'], parentBased: parent !== undefined };
}

function parseRatio(text: string): number | undefined {
  const ratio = text.trim() === '' ? Number.NaN : Number(text);
  return ratio >= 0 && ratio <= 1 ? ratio : undefined;
}

function withoutUndefined<T extends object>(settings: T): { [K in keyof T]?: NonNullable<T[K]> } {
  const entries = Object.entries(settings).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: NonNullable<T[K]> };
}
