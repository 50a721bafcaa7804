/**
 * W3C Baggage: key-value pairs that travel with a request through all services.
 *
 * @module
 */

import { withoutOws } from './white-space.ts';

/** One value, and its properties as they came. */
export interface BaggageEntry {
  readonly value: string;
  /** What stands behind the first `;`, unchanged. */
  readonly properties?: string;
}

/** Baggage by key, in the order of the header. */
export type Baggage = ReadonlyMap<string, BaggageEntry>;

/** Limits of the W3C Baggage recommendation, and of one pair in OpenTelemetry. */
const limits = { members: 180, bytes: 8_192, pairBytes: 4_096 };

const none: Baggage = new Map();

const token = /^[!#$%&'*+\-.^_`|~\dA-Za-z]+$/;

/** `baggage-octet`: printable ASCII without space, `"`, `,`, `;` and `\`. */
const baggageOctets = /^[!\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*$/;

/**
 * Reads a `baggage` header. Malformed members are dropped and the others kept; of two members with one key the last one
 * counts; at most 180 members, 8,192 bytes in total and 4,096 a member are read. Never throws.
 *
 * @example
 * ```ts
 * parseBaggage('user_tier=gold, note=caf%C3%A9').get('note')?.value; // 'café'
 * ```
 */
export function parseBaggage(header: string | null): Baggage {
  if (header === null || header === '') return none;
  const text = header.slice(0, limits.bytes + 1);
  // A member that the limit cuts in half is no member.
  const whole =
    text.length > limits.bytes ? text.slice(0, Math.max(0, text.lastIndexOf(','))) : text;
  const baggage = new Map<string, BaggageEntry>();
  for (const member of whole.split(',', limits.members)) {
    if (member.length > limits.pairBytes) continue;
    const semicolon = member.indexOf(';');
    const pair = semicolon === -1 ? member : member.slice(0, semicolon);
    const equals = pair.indexOf('=');
    if (equals === -1) continue;
    const key = withoutOws(pair.slice(0, equals));
    const value = withoutOws(pair.slice(equals + 1));
    if (!token.test(key) || !baggageOctets.test(value)) continue;
    const properties = semicolon === -1 ? '' : withoutOws(member.slice(semicolon + 1));
    baggage.set(key, {
      value: percentDecoded(value),
      ...(properties !== '' && { properties }),
    });
  }
  return baggage.size === 0 ? none : baggage;
}

/**
 * Writes a `baggage` header, within the limits of {@link parseBaggage}: members that do not fit any more are left out.
 *
 * @returns An empty text for empty baggage.
 */
export function serializeBaggage(baggage: Baggage): string {
  const members: string[] = [];
  let bytes = 0;
  for (const [key, { value, properties }] of baggage) {
    if (!token.test(key)) continue;
    const member = `${key}=${percentEncoded(value)}${properties === undefined ? '' : `;${properties}`}`;
    if (member.length > limits.pairBytes) continue;
    if (members.length === limits.members || bytes + member.length + 1 > limits.bytes) break;
    members.push(member);
    bytes += member.length + 1;
  }
  return members.join(',');
}

const parsed = new WeakMap<Request, Baggage>();

/** The baggage that a request carries; parsed at the first call for each request. */
export function baggageOf(request: Request): Baggage {
  let baggage = parsed.get(request);
  if (baggage === undefined) {
    baggage = parseBaggage(request.headers.get('baggage'));
    parsed.set(request, baggage);
  }
  return baggage;
}

/** Bytes that are no UTF-8 become U+FFFD, as the recommendation says; a lone `%` stays as it is. */
function percentDecoded(value: string): string {
  if (!value.includes('%')) return value;
  return value.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
    const bytes = Uint8Array.from(run.slice(1).split('%'), (digits) => Number.parseInt(digits, 16));
    return new TextDecoder('utf-8', { ignoreBOM: true, fatal: false }).decode(bytes);
  });
}

function percentEncoded(value: string): string {
  if (baggageOctets.test(value) && !value.includes('%')) return value;
  return encodeURIComponent(value.toWellFormed());
}
