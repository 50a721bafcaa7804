/**
 * Which faults are injected into which requests: what can be said of it, and the draw.
 *
 * @module
 */

import { isBodiless } from '../core/bodiless.ts';
import type { Clock } from '../core/clock.ts';
import type { Context } from '../core/context.ts';
import { type Duration, delayOption } from '../core/duration.ts';
import { parseInstant } from '../core/instant.ts';
import { flagOption, knownOptions, type OptionNames, shown, wholeOption } from '../core/option.ts';
import { isDrawn, percentOption } from '../core/percent.ts';

/** Which faults are injected, and into which requests. */
export interface FaultSettings {
  /** Waits before the request goes on; with a share of its own, in percent. */
  readonly delay?: Duration | { readonly fixed: Duration; readonly percent?: number };
  /** Answers with this status in the upstream's place, 200 to 599 but 204, 205 and 304; with a share of its own, in percent. Default: 503. */
  readonly abort?: number | { readonly status?: number; readonly percent?: number };
  /**
   * How many of the requests, in percent; for delay and abort that have no share of their own. There is no default: Istio
   * takes none for never, others for always. Delay and abort are drawn independently of each other.
   */
  readonly percent?: number;
  /** Only requests for which this holds. Default: all. */
  readonly onlyIf?: (request: Request, context: Context) => boolean;
  /** When it ends by itself, such as `'2026-01-31T18:00:00Z'`. Default: never. */
  readonly until?: string;
  /** How many requests may suffer at once; further ones pass unharmed. Default: any number. */
  readonly maxActive?: number;
  /**
   * Whether callers may ask for faults by `x-fetchmesh-fault-delay-request` (milliseconds) and
   * `x-fetchmesh-fault-abort-request` (a status), each with `…-percentage`, of which the share here is the most. Never
   * where strangers can call. Default: false.
   */
  readonly headerTrigger?: boolean;
  /**
   * Whether breakers, ejection and statistics take an injected abort for what the upstream did; if not, they ignore it.
   * Default: true.
   */
  readonly counted?: boolean;
}

/** Settings of {@link fault}. */
export interface FaultOptions extends FaultSettings {
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1), asked once for each delay and each abort. Default: `Math.random`. */
  readonly random?: () => number;
}

const delayHeader = 'x-fetchmesh-fault-delay-request';
const abortHeader = 'x-fetchmesh-fault-abort-request';

/** A caller can ask for no longer delay than this, in milliseconds. */
const longestRequestedDelayMs = 600_000;

/** Settings, checked. */
export interface FaultPlan extends Pick<FaultSettings, 'onlyIf'> {
  readonly delayMs: number;
  readonly delayPercent: number;
  readonly status: number | undefined;
  readonly abortPercent: number;
  /** Milliseconds since the epoch. */
  readonly untilMs: number;
  readonly maxActive: number;
  readonly headerTrigger: boolean;
  readonly counted: boolean;
}

/** What one request suffers. */
export interface Injection {
  /** 0: no delay. */
  readonly delayMs: number;
  /** `undefined`: no abort. */
  readonly status: number | undefined;
}

const known: OptionNames<FaultOptions> = {
  delay: true,
  abort: true,
  percent: true,
  onlyIf: true,
  until: true,
  maxActive: true,
  headerTrigger: true,
  counted: true,
  clock: true,
  random: true,
};

/**
 * Checks the settings.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 */
export function planOf(settings: FaultSettings): FaultPlan {
  knownOptions('fault', settings as FaultOptions, known);
  const { percent, onlyIf, until, maxActive } = settings;
  const { headerTrigger = false, counted = true } = settings;
  const delay = isPart(settings.delay) ? settings.delay : { fixed: settings.delay };
  const abort = isPart(settings.abort) ? settings.abort : { status: settings.abort };
  if (delay !== undefined) {
    knownOptions('fault.delay', delay, { fixed: true, percent: true });
  }
  if (abort !== undefined) {
    knownOptions('fault.abort', abort, { status: true, percent: true });
  }
  if (delay === undefined && abort === undefined && !headerTrigger) {
    throw new RangeError('fault: there is neither a delay nor an abort to inject');
  }
  const share = (option: string, own: number | undefined): number => {
    if (own !== undefined) return percentOption(`fault.${option}.percent`, own);
    if (percent !== undefined) return percentOption('fault.percent', percent);
    throw new RangeError(
      'fault.percent: say how many requests, a number from 0 to 100, in percent',
    );
  };
  const delayMs = delay === undefined ? 0 : delayOption('fault.delay', delay.fixed);
  const status = abort === undefined ? undefined : (abort.status ?? 503);
  if (status !== undefined && !isStatus(status)) {
    throw new RangeError(
      `fault.abort: ${shown(status)} is not a status from 200 to 599 with a body`,
    );
  }
  const untilMs = until === undefined ? Number.POSITIVE_INFINITY : parseInstant(until);
  if (untilMs === undefined) {
    throw new RangeError(
      `fault.until: ${shown(until)} is not a moment such as 2026-01-31T18:00:00Z`,
    );
  }
  if (maxActive !== undefined) wholeOption('fault.maxActive', maxActive, 1);
  if (onlyIf !== undefined && typeof onlyIf !== 'function') {
    throw new RangeError(`fault.onlyIf: ${shown(onlyIf)} is not a function of a request`);
  }
  flagOption('fault.headerTrigger', headerTrigger);
  flagOption('fault.counted', counted);
  const isUsed = (part: unknown): boolean => part !== undefined || headerTrigger;
  return {
    delayMs,
    delayPercent: isUsed(delay) ? share('delay', delay?.percent) : 0,
    status,
    abortPercent: isUsed(abort) ? share('abort', abort?.percent) : 0,
    ...(onlyIf && { onlyIf }),
    untilMs,
    maxActive: maxActive ?? Number.POSITIVE_INFINITY,
    headerTrigger,
    counted,
  };
}

/** Whether it is spelt out, or not there at all. */
function isPart<Part>(written: Part): written is Exclude<Part, string | number> {
  return written === undefined || (typeof written === 'object' && written !== null);
}

function isStatus(status: number): boolean {
  return Number.isInteger(status) && 200 <= status && status <= 599 && !isBodiless(status);
}

/** In the words of the settings, for `describe`. */
export function labelOf({ delayMs, delayPercent, status, abortPercent }: FaultPlan): string {
  const parts = [
    delayMs > 0 ? ` delay ${delayMs}ms for ${delayPercent}%` : '',
    status === undefined ? '' : ` abort ${status} for ${abortPercent}%`,
  ];
  return `fault${parts.filter((part) => part !== '').join(',')}`;
}

/** What this request suffers; `undefined`: nothing. */
export function draw(
  plan: FaultPlan,
  request: Request,
  context: Context,
  random: () => number,
): Injection | undefined {
  if (plan.onlyIf !== undefined && !plan.onlyIf(request, context)) return undefined;
  let { delayMs, delayPercent, status, abortPercent } = plan;
  if (plan.headerTrigger) {
    const { headers } = request;
    delayMs = requested(headers, delayHeader, isDelay) ?? delayMs;
    delayPercent = Math.min(requestedPercent(headers, delayHeader) ?? 100, delayPercent);
    status = requested(headers, abortHeader, isStatus) ?? status;
    abortPercent = Math.min(requestedPercent(headers, abortHeader) ?? 100, abortPercent);
  }
  const delayed = delayMs > 0 && isDrawn(delayPercent, random);
  const aborted = status !== undefined && isDrawn(abortPercent, random);
  if (!delayed && !aborted) return undefined;
  return { delayMs: delayed ? delayMs : 0, status: aborted ? status : undefined };
}

const isDelay = (ms: number): boolean => ms <= longestRequestedDelayMs;

/** The whole number in a header; `undefined` where it is none, or one that is not allowed. */
function requested(
  headers: Headers,
  name: string,
  isAllowed: (value: number) => boolean,
): number | undefined {
  const text = headers.get(name) ?? '';
  return /^\d{1,9}$/.test(text) && isAllowed(Number(text)) ? Number(text) : undefined;
}

function requestedPercent(headers: Headers, name: string): number | undefined {
  const text = headers.get(`${name}-percentage`) ?? '';
  return /^\d{1,3}(?:\.\d{1,6})?$/.test(text) ? Number(text) : undefined;
}
