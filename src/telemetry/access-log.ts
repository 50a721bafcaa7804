/**
 * One record for each request: who asked for what, and what became of it.
 *
 * @module
 */

import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { clientAddress, peerAddress } from '../core/address.ts';
import { layer, type Middleware } from '../core/chain.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { inform } from '../core/event.ts';
import { type Exchange, withExchange } from '../core/exchange.ts';
import { knownOptions } from '../core/option.ts';
import { formatFlags } from '../core/response-flags.ts';
import { urlOf } from '../core/url.ts';
import { knownMethod } from './http.ts';
import { type Ending, observe } from './observe.ts';
import { withoutSecrets } from './secret-parameters.ts';
import { traceContext } from './span.ts';

/**
 * What is told of a request, flat, in the order of this list; what is not known is left out. Names are those of the server
 * span: OpenTelemetry's semantic conventions for HTTP, and `fetchmesh.…` for what they do not have.
 */
export interface AccessLogEntry {
  /** When the request came, RFC 3339 in UTC with milliseconds. */
  readonly time: string;
  /** The service that serves, or that calls. */
  readonly 'service.name': string;
  /** `_OTHER` for one that the conventions do not know. */
  readonly 'http.request.method': string;
  readonly 'url.scheme': string;
  /** The path as the client sent it, cut at 2048 characters. */
  readonly 'url.path': string;
  /** Only where `query` asks for it: without the `?`, secrets replaced, cut at 2048 characters. */
  readonly 'url.query'?: string;
  readonly 'server.address': string;
  readonly 'client.address'?: string;
  /** 499 where the client left first; absent where the chain rejected, as a `fetch` does without a network. */
  readonly 'http.response.status_code'?: number;
  /** The pattern of the route that matched. */
  readonly 'http.route'?: string;
  readonly 'fetchmesh.destination.service'?: string;
  readonly 'fetchmesh.destination.version'?: string;
  readonly 'fetchmesh.destination.environment'?: string;
  /**
   * Envoy's flags, such as `UT`, where the governance answered or the client left, and of what happened on the way, such
   * as `DI` for an injected delay; separated by commas.
   */
  readonly 'fetchmesh.response_flags'?: string;
  /** Why it went wrong: a reason of the governance, a status of 500 and above, or a kind of network failure. */
  readonly 'error.type'?: string;
  /** Until the response's headers, in milliseconds, to the microsecond. */
  readonly duration_ms: number;
  readonly trace_id?: string;
  readonly span_id?: string;
  /** Headers that `headers` asks for, by lower-cased name, cut at 256 characters. */
  readonly [header: `http.request.header.${string}`]: string;
}

/** Settings of {@link accessLog}. */
export interface AccessLogOptions {
  /** The service that this chain serves, or that calls. */
  readonly service: string;
  /**
   * Takes the records. Called once for each request, when its response's headers are there; not waited for, and what it
   * throws is dropped: a log breaks no request. Default: a line of JSON to `console.log`.
   */
  readonly write?: (entry: AccessLogEntry) => void;
  /** Share of the requests that went well to record, from 0 to 1; those that did not all are. Default: 1. */
  readonly sample?: number;
  /** Whether to record the query; secrets of it are replaced even then. Default: false. */
  readonly query?: boolean;
  /** Request headers to record. Default: none. */
  readonly headers?: readonly string[];
  /**
   * Headers and query parameters whose value becomes `REDACTED`, in any case, beside those that always do:
   * headers named after authorization, cookies, tokens, keys, secrets and passwords, and such parameters. Default: none.
   */
  readonly redact?: readonly string[];
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1) that decides on samples. Default: `Math.random`. */
  readonly random?: () => number;
}

/** Headers that carry credentials, by what they are called. */
const credentials = /authorization|cookie|token|secret|password|api-?key/;

/** Longer values are cut: the client chooses how long they are. */
const longestPath = 2_048;
const longestHeader = 256;

/**
 * Records each request once: with its response, with its error, or when the caller goes away (status 499).
 *
 * Stands inside of `tracing`, whose ids then are in the records. Holds no query, no header and no body unless asked, and
 * no credentials even then.
 *
 * @throws {RangeError} for a `sample` that is no share.
 *
 * @example
 * ```ts
 * const entries: AccessLogEntry[] = [];
 * const write = (entry: AccessLogEntry) => void entries.push(entry);
 * const app = inbound(() => new Response(), accessLog({ service: 'shop', write }));
 * await app(new Request('http://shop.example/users?token=1'));
 * entries[0]?.['url.path']; // '/users'
 * ```
 */
export function accessLog(options: AccessLogOptions): Middleware {
  knownOptions('accessLog', options, {
    service: true,
    write: true,
    sample: true,
    query: true,
    headers: true,
    redact: true,
    clock: true,
    random: true,
  });
  const { service, write = toConsole, sample = 1, query = false } = options;
  const { clock = systemClock, random = Math.random } = options;
  if (!(sample >= 0 && sample <= 1)) {
    throw new RangeError(`accessLog.sample: ${sample} is not a number from 0 to 1`);
  }
  const redact = new Set((options.redact ?? []).map((name) => name.toLowerCase()));
  const headers = (options.headers ?? []).map((name) => name.toLowerCase());

  function entryOf(
    request: Request,
    context: Context,
    record: Exchange,
    ending: Ending,
    startedAt: number,
    durationMs: number,
  ): AccessLogEntry {
    const url = urlOf(request);
    const entry: Record<string, unknown> = {
      time: new Date(startedAt).toISOString(),
      'service.name': service,
      'http.request.method': knownMethod(request.method),
      'url.scheme': url.protocol.slice(0, -1),
      'url.path': url.pathname.slice(0, longestPath),
    };
    // What is undefined stays out, so that an entry is the same before and after a trip through JSON.
    const add = (name: string, value: string | number | undefined): void => {
      if (value !== undefined) entry[name] = value;
    };
    if (query && url.search !== '') {
      add('url.query', withoutSecrets(url.search.slice(1, longestPath + 1), redact));
    }
    add('server.address', url.hostname);
    add('client.address', context.get(clientAddress) ?? context.get(peerAddress));
    const { response, flag, errorType } = ending;
    add('http.response.status_code', response?.status ?? (flag === 'DC' ? 499 : undefined));
    add('http.route', record.route);
    add('fetchmesh.destination.service', record.service);
    // A service without versions has one without a name.
    add('fetchmesh.destination.version', record.version || undefined);
    add('fetchmesh.destination.environment', record.environment);
    const flags = formatFlags(record.flags, flag);
    add('fetchmesh.response_flags', flags === '-' ? undefined : flags);
    add('error.type', errorType);
    add('duration_ms', Math.round(durationMs * 1_000) / 1_000);
    const ids = trace.getSpanContext(context.get(traceContext) ?? ROOT_CONTEXT);
    add('trace_id', ids?.traceId);
    add('span_id', ids?.spanId);
    for (const name of headers) {
      const value = request.headers.get(name);
      if (value === null) continue;
      const isHidden = redact.has(name) || credentials.test(name);
      add(`http.request.header.${name}`, isHidden ? 'REDACTED' : value.slice(0, longestHeader));
    }
    return entry as unknown as AccessLogEntry;
  }

  return layer(
    'access log',
    (next) =>
      function accessLog(request, outer) {
        const { context, record } = withExchange(outer);
        const startedAt = clock.now();
        const startMs = clock.monotonic();
        return observe(next, request, context, (ending) => {
          const wentWell = ending.errorType === undefined;
          if (wentWell && sample < 1 && random() >= sample) return;
          const durationMs = clock.monotonic() - startMs;
          inform(() => write(entryOf(request, context, record, ending, startedAt, durationMs)));
        });
      },
  );
}

function toConsole(entry: AccessLogEntry): void {
  console.log(JSON.stringify(entry));
}
