/**
 * The fields `RateLimit` and `RateLimit-Policy`: what a server grants, and what is left of it.
 *
 * Semantics: draft-ietf-httpapi-ratelimit-headers (September 2025), Lists of Strings with parameters (RFC 9651).
 *
 * @module
 */

/** A member of `RateLimit-Policy`: a quota. */
export interface RateLimitPolicyItem {
  readonly name: string;
  /** How much there is: `q`. */
  readonly quota: number;
  /** Within so many seconds: `w`. */
  readonly windowSeconds?: number;
  /** What is counted: `qu`. Default of the field: requests. */
  readonly unit?: string;
  /** Whose quota it is, in base64: `pk`. */
  readonly partitionKey?: string;
}

/** A member of `RateLimit`: what is left of a quota. */
export interface RateLimitItem {
  /** That of the policy. */
  readonly name: string;
  /** How much is left: `r`. */
  readonly remaining: number;
  /** In so many seconds there will be more: `t`. */
  readonly moreInSeconds?: number | undefined;
  /** Whose quota it is, in base64: `pk`. */
  readonly partitionKey?: string;
}

/** Writes a `RateLimit-Policy` value. */
export function formatRateLimitPolicy(items: readonly RateLimitPolicyItem[]): string {
  return items
    .map(({ name, quota, unit, windowSeconds, partitionKey }) => {
      const counted = unit === undefined ? '' : `;qu=${quoted(unit)}`;
      const within = windowSeconds === undefined ? '' : `;w=${windowSeconds}`;
      return `${quoted(name)};q=${quota}${counted}${within}${partition(partitionKey)}`;
    })
    .join(', ');
}

/** Writes a `RateLimit` value. */
export function formatRateLimit(items: readonly RateLimitItem[]): string {
  return items.map(formatRateLimitItem).join(', ');
}

/** Writes one member of it; they are joined by commas. */
export function formatRateLimitItem(item: RateLimitItem): string {
  const { name, remaining, moreInSeconds, partitionKey } = item;
  const more = moreInSeconds === undefined ? '' : `;t=${moreInSeconds}`;
  return `${quoted(name)};r=${remaining}${more}${partition(partitionKey)}`;
}

/** Whether a text can be a name of a policy: printable ASCII, as a String of RFC 9651 holds it. */
export function isPolicyName(text: unknown): text is string {
  return typeof text === 'string' && /^[\x20-\x7e]{1,64}$/.test(text);
}

const plainName = /^[^"\\]*$/;

function quoted(text: string): string {
  return plainName.test(text) ? `"${text}"` : `"${text.replace(/["\\]/g, '\\$&')}"`;
}

function partition(key: string | undefined): string {
  return key === undefined ? '' : `;pk=:${key}:`;
}

/**
 * Reads a `RateLimit-Policy` value.
 *
 * @returns `undefined` where it is malformed: then nothing in it counts. Parameters that are unknown are passed over.
 *
 * @example
 * ```ts
 * parseRateLimitPolicy('"daily";q=1000;w=86400'); // [{ name: 'daily', quota: 1_000, windowSeconds: 86_400 }]
 * ```
 */
export function parseRateLimitPolicy(value: string): readonly RateLimitPolicyItem[] | undefined {
  return parseList(value, ({ name, parameters }) => {
    const { q, w, qu, pk } = parameters;
    if (!isWhole(q, 0) || !isWhole(w, 1, true)) return undefined;
    if (!isText(qu, 'text') || !isText(pk, 'bytes')) return undefined;
    return {
      name,
      quota: q.value as number,
      ...(w && { windowSeconds: w.value as number }),
      ...(qu && { unit: qu.value as string }),
      ...(pk && { partitionKey: pk.value as string }),
    };
  });
}

/**
 * Reads a `RateLimit` value.
 *
 * @returns `undefined` where it is malformed: then nothing in it counts. Parameters that are unknown are passed over.
 *
 * @example
 * ```ts
 * parseRateLimit('"default";r=50;t=30'); // [{ name: 'default', remaining: 50, moreInSeconds: 30 }]
 * ```
 */
export function parseRateLimit(value: string): readonly RateLimitItem[] | undefined {
  return parseList(value, ({ name, parameters }) => {
    const { r, t, pk } = parameters;
    if (!isWhole(r, 0) || !isWhole(t, 0, true) || !isText(pk, 'bytes')) return undefined;
    return {
      name,
      remaining: r.value as number,
      ...(t && { moreInSeconds: t.value as number }),
      ...(pk && { partitionKey: pk.value as string }),
    };
  });
}

/**
 * What a response says is left.
 *
 * @returns `undefined` where it says nothing, something malformed, or what was true when it went into a cache (`Age`
 * above 0).
 */
export function rateLimitOf({ headers }: Response): readonly RateLimitItem[] | undefined {
  const value = headers.get('ratelimit');
  const age = headers.get('age');
  if (value === null || (age !== null && age.trim() !== '0')) return undefined;
  return parseRateLimit(value);
}

interface Parameter {
  readonly kind: 'number' | 'text' | 'bytes' | 'other';
  readonly value: number | string;
}

interface Item {
  readonly name: string;
  readonly parameters: Readonly<Record<string, Parameter | undefined>>;
}

function isWhole(parameter: Parameter | undefined, least: number): parameter is Parameter;
function isWhole(
  parameter: Parameter | undefined,
  least: number,
  optional: true,
): parameter is Parameter | undefined;
function isWhole(parameter: Parameter | undefined, least: number, optional = false): boolean {
  if (parameter === undefined) return optional;
  const { kind, value } = parameter;
  return kind === 'number' && Number.isInteger(value) && (value as number) >= least;
}

function isText(parameter: Parameter | undefined, kind: 'text' | 'bytes'): boolean {
  return parameter === undefined || parameter.kind === kind;
}

const stringSource = String.raw`"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"`;

/** A List of RFC 9651 §3.1 whose members are Strings; one sticky expression a step, so linear in the input. */
function parseList<T>(text: string, read: (item: Item) => T | undefined): T[] | undefined {
  const string = new RegExp(stringSource, 'y');
  const parameter =
    /; *([a-z*][a-z0-9_\-.*]*)(?:=(?:(-?\d{1,15}(?:\.\d{1,3})?)|"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"|:([A-Za-z0-9+/=]*):|(@-?\d{1,15}|\?[01]|%"[\x20-\x21\x23-\x7e]*"|[A-Za-z*][\w!#$%&'*+\-.^`|~:/]*)))?/y;
  const comma = /[ \t]*,[ \t]*/y;
  const found: T[] = [];
  let at = text.length - text.trimStart().length;
  const input = text.trimEnd();
  function next(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = at;
    const match = expression.exec(input);
    if (match !== null) at = expression.lastIndex;
    return match;
  }

  for (;;) {
    const name = next(string)?.[1];
    if (name === undefined) return undefined;
    const parameters: Record<string, Parameter> = Object.create(null);
    for (let match = next(parameter); match !== null; match = next(parameter)) {
      const [, key = '', number, quotedText, bytes, other] = match;
      parameters[key] =
        number !== undefined
          ? { kind: 'number', value: Number(number) }
          : quotedText !== undefined
            ? { kind: 'text', value: unquoted(quotedText) }
            : bytes !== undefined
              ? { kind: 'bytes', value: bytes }
              : { kind: 'other', value: other ?? '' };
    }
    const item = read({ name: unquoted(name), parameters });
    if (item === undefined) return undefined;
    found.push(item);
    if (at === input.length) return found;
    if (next(comma) === null) return undefined;
  }
}

function unquoted(text: string): string {
  return text.replace(/\\(.)/g, '$1');
}
