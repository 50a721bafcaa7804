/**
 * What inner layers find out about a request and outer layers report.
 *
 * @module
 */

import { type Context, type Key, key } from './context.ts';
import type { ResponseFlag } from './response-flags.ts';

/** One per request; filled in on the way in, read on the way out. All fields have few distinct values. */
export interface Exchange {
  /** The pattern of the route that matched, such as `/users/:id`; never the path itself. */
  route: string | undefined;
  /** The service that the request was sent to. */
  service: string | undefined;
  /** The version of that service, such as `v2`. */
  version: string | undefined;
  /** What that version stands for, such as `canary`: from the rules, never from the request. */
  environment: string | undefined;
  /** How many times the request was sent. */
  attempts: number;
  /** What happened to it on the way, as Envoy flags it; the flag of the answer comes on top. */
  flags: readonly ResponseFlag[];
}

/** The record of this request; an app may fill in its `route`. */
export const exchange: Key<Exchange | undefined> = key<Exchange>('exchange');

const noFlags: Exchange['flags'] = [];

/** The context with a record in it: its own, or a new one. */
export function withExchange(context: Context): { context: Context; record: Exchange } {
  const present = context.get(exchange);
  if (present !== undefined) return { context, record: present };
  const record: Exchange = {
    route: undefined,
    service: undefined,
    version: undefined,
    environment: undefined,
    attempts: 0,
    flags: noFlags,
  };
  return { context: context.with(exchange, record), record };
}

/** Notes what happened to a request, if somebody keeps a record of it. */
export function noteFlag(context: Context, flag: ResponseFlag): void {
  const record = context.get(exchange);
  if (record !== undefined) record.flags = [...record.flags, flag];
}
