/**
 * Getting one OTLP request to a collector: tries, waits, time limit, compression.
 *
 * @module
 */

import { timeoutError, unlessAborted } from '../core/abort.ts';
import { bodyText } from '../core/body-text.ts';
import { type Clock, sleep } from '../core/clock.ts';
import { discard, ignore } from '../core/discard.ts';
import { networkFailureOf } from '../core/network-failure.ts';
import { parseRetryAfter } from '../core/retry-after.ts';
import type { ExportTraceServiceResponse } from './otlp.ts';

/** What a {@link OtlpTransport} is made of. */
export interface OtlpTransportOptions {
  readonly url: string;
  /** Asked for each delivery. */
  readonly headers: () => HeadersInit | Promise<HeadersInit>;
  readonly timeoutMs: number;
  readonly compression: 'none' | 'gzip';
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>;
  readonly clock: Clock;
  readonly random: () => number;
  /** Called before each further try. */
  readonly onRetry: () => void;
}

/** The collector took the spans, or most of them. */
interface Success {
  readonly delivered: true;
  readonly response: ExportTraceServiceResponse;
}

/** It did not, or nobody knows. */
interface Loss {
  readonly delivered: false;
  /** One of few texts: a kind of trouble, without details. */
  readonly reason: string;
  readonly cause?: unknown;
}

/** A try that failed, whether there may be another, and when the collector wants it. */
interface Failure extends Loss {
  readonly again: boolean;
  readonly afterMs?: number | undefined;
}

/** How a delivery ended. */
export type Delivery = Success | Loss;

/** The statuses that OTLP/HTTP calls retryable. */
const retryableStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

const mostTries = 5;
const firstDelayMs = 1_000;
const delayGrowth = 1.5;
const longestDelayMs = 5_000;
const jitter = 0.2;

/** gzip gains nothing below. */
const smallestCompressedLength = 1_024;

/** Room for any message; a collector that says more is not listened to. */
const longestResponseBytes = 65_536;

/** Delivers OTLP/JSON bodies to one URL. */
export class OtlpTransport {
  readonly #options: OtlpTransportOptions;

  constructor(options: OtlpTransportOptions) {
    this.#options = options;
  }

  /** Settles within the time limit, whatever `fetch` and the collector do. Never rejects. */
  async deliver(json: string): Promise<Delivery> {
    const { clock, timeoutMs } = this.#options;
    const controller = new AbortController();
    const { signal } = controller;
    const late = `no answer within ${timeoutMs} ms`;
    let cancelTimer = ignore;
    try {
      cancelTimer = clock.schedule(() => controller.abort(timeoutError(late)), timeoutMs);
      return await unlessAborted(signal, this.#tries(json, clock.monotonic() + timeoutMs, signal));
    } catch (cause) {
      // Not the message of the cause: it may quote the headers, and with them a token.
      return { delivered: false, reason: signal.aborted ? late : 'no request came about', cause };
    } finally {
      cancelTimer();
    }
  }

  async #tries(json: string, end: number, signal: AbortSignal): Promise<Delivery> {
    const { clock, random, onRetry } = this.#options;
    const init = await this.#init(json, signal);
    for (let tries = 1; ; tries++) {
      const outcome = await this.#try(init, signal);
      if (outcome.delivered || !outcome.again || tries === mostTries) return outcome;
      const delayMs = outcome.afterMs ?? delayBefore(tries, random);
      if (clock.monotonic() + delayMs >= end) return outcome;
      await sleep(clock, delayMs, signal);
      onRetry();
    }
  }

  async #init(json: string, signal: AbortSignal): Promise<RequestInit> {
    const headers = new Headers(await this.#options.headers());
    headers.set('content-type', 'application/json');
    const compress =
      this.#options.compression === 'gzip' && json.length >= smallestCompressedLength;
    if (compress) headers.set('content-encoding', 'gzip');
    const body = compress ? await gzip(json) : json;
    // A redirect could carry credentials elsewhere. workerd knows no `redirect: 'error'`.
    return { method: 'POST', headers, body, signal, redirect: 'manual' };
  }

  async #try(init: RequestInit, signal: AbortSignal): Promise<Success | Failure> {
    const { url, fetch, clock } = this.#options;
    let response: Response;
    try {
      response = await fetch(url, init);
    } catch (cause) {
      return { delivered: false, reason: networkTrouble(cause), cause, again: true };
    }
    if (response.ok && !signal.aborted) {
      return { delivered: true, response: await readResponse(response) };
    }
    discard(response);
    const { status } = response;
    const retryAfter = response.headers.get('retry-after');
    return {
      delivered: false,
      reason: isRedirect(response) ? 'a redirect, which is not followed' : `status ${status}`,
      again: retryableStatuses.has(status),
      afterMs: retryAfter === null ? undefined : parseRetryAfter(retryAfter, clock.now()),
    };
  }
}

/** Not the message of the error: it may quote the URL, and with it a key in the query. */
function networkTrouble(error: unknown): string {
  const failure = networkFailureOf(error);
  if (failure === undefined) return 'fetch failed';
  return failure === 'connect' ? 'no connection' : 'connection lost';
}

function delayBefore(retry: number, random: () => number): number {
  const spread = 1 + jitter * (2 * random() - 1);
  return Math.min(firstDelayMs * delayGrowth ** (retry - 1) * spread, longestDelayMs);
}

/** Browsers show a redirect that was not followed as a response of a type of its own. */
function isRedirect({ type, status }: Response): boolean {
  return (type as string) === 'opaqueredirect' || (status >= 300 && status < 400);
}

function gzip(text: string): Promise<ArrayBuffer> {
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'));
  return new Response(stream).arrayBuffer();
}

/** The collector took the spans: what else it says is read to the end or given up, but fails nothing. */
async function readResponse(response: Response): Promise<ExportTraceServiceResponse> {
  try {
    const message: unknown = JSON.parse((await bodyText(response, longestResponseBytes)) ?? '');
    return typeof message === 'object' && message !== null ? message : {};
  } catch {
    return {};
  }
}
