/**
 * W3C Trace Context, level 2, strict: what the recommendation calls invalid is not taken.
 *
 * @module
 */

import type { SpanContext, TraceState } from '@opentelemetry/api';
import { withoutOws } from '../../core/white-space.ts';

const sampledFlag = 0x01;

/** Level 2: the trace id is random in its last 7 bytes. It must go on as it came. */
const randomFlag = 0x02;

/** Version, trace id, span id, flags, and what a later version may have put behind them. */
const traceparentForm = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

const allZero = /^0+$/;

/** A simple key, or `tenant@system`. */
const stateKey =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})$/;

/** Printable ASCII but `,` and `=`, at most 256 of them, no space at the end. */
const stateValue = /^[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]$/;

const mostStateMembers = 32;

/**
 * Reads `traceparent` and `tracestate`.
 *
 * A header that came twice is invalid (`Headers` joins the values). A `tracestate` with one illegal or repeated member is
 * discarded as a whole, as is one that comes without a valid `traceparent`. Never throws.
 *
 * @returns `undefined` where there is no valid `traceparent`.
 */
export function extractTraceContext(headers: Headers): SpanContext | undefined {
  const traceparent = headers.get('traceparent');
  if (traceparent === null || traceparent.length > 1_024) return undefined;
  const parts = traceparentForm.exec(withoutOws(traceparent));
  if (parts === null) return undefined;
  const [, version, traceId, spanId, flags, more] = parts as unknown as [
    ...[string, string, string, string, string],
    string | undefined,
  ];
  if (version === 'ff' || (version === '00' && more !== undefined)) return undefined;
  if (allZero.test(traceId) || allZero.test(spanId)) return undefined;

  const traceFlags = Number.parseInt(flags, 16) & (sampledFlag | randomFlag);
  const context: SpanContext = { traceId, spanId, traceFlags, isRemote: true };
  const members = parseTraceState(headers.get('tracestate'));
  if (members !== undefined && members.size > 0) {
    context.traceState = new StrictTraceState(members);
  }
  return context;
}

/**
 * Writes `traceparent`, and `tracestate` where there is one.
 *
 * @param set Gets name and value of each header.
 */
export function injectTraceContext(
  spanContext: SpanContext,
  set: (name: string, value: string) => void,
): void {
  const { traceId, spanId, traceFlags, traceState } = spanContext;
  const flags = (traceFlags & (sampledFlag | randomFlag)).toString(16).padStart(2, '0');
  set('traceparent', `00-${traceId}-${spanId}-${flags}`);
  const state = traceState?.serialize();
  if (state) set('tracestate', state);
}

/** @returns `undefined` where there is none, or an invalid one. */
function parseTraceState(header: string | null): Map<string, string> | undefined {
  // 32 members of at most 256 + 1 + 256 characters, and the commas.
  if (header === null || header.length > 32 * 514) return undefined;
  const members = new Map<string, string>();
  for (const part of header.split(',')) {
    const member = withoutOws(part);
    // The recommendation allows empty members.
    if (member === '') continue;
    const equals = member.indexOf('=');
    const key = member.slice(0, equals);
    const value = member.slice(equals + 1);
    if (equals === -1 || !stateKey.test(key) || !stateValue.test(value)) return undefined;
    if (members.has(key) || members.size === mostStateMembers) return undefined;
    members.set(key, value);
  }
  return members;
}

/** Immutable, as the OpenTelemetry API asks: a changed member moves to the front. */
class StrictTraceState implements TraceState {
  readonly #members: ReadonlyMap<string, string>;

  constructor(members: ReadonlyMap<string, string>) {
    this.#members = members;
  }

  get(key: string): string | undefined {
    return this.#members.get(key);
  }

  set(key: string, value: string): TraceState {
    if (!stateKey.test(key) || !stateValue.test(value)) return this;
    const others = [...this.#members].filter(([other]) => other !== key);
    return new StrictTraceState(new Map([[key, value], ...others.slice(0, mostStateMembers - 1)]));
  }

  unset(key: string): TraceState {
    return new StrictTraceState(new Map([...this.#members].filter(([other]) => other !== key)));
  }

  serialize(): string {
    return Array.from(this.#members, ([key, value]) => `${key}=${value}`).join(',');
  }
}
