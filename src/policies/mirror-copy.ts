/**
 * What a copy of a request is like, and where it goes.
 *
 * @module
 */

import { abortSignal, deadline } from '../core/abort.ts';
import type { Context } from '../core/context.ts';
import { eventListener } from '../core/event.ts';
import { exchange } from '../core/exchange.ts';
import { editHeaders } from '../core/header-edits.ts';
import { dropHopByHop, dropNominated } from '../core/hop-by-hop.ts';
import { mirrored } from '../core/mirrored.ts';
import { shown, shownUrl } from '../core/option.ts';
import { outgoingHeaders, withoutEdits } from '../core/outgoing.ts';
import { urlOf } from '../core/url.ts';
import type { MirrorOptions } from './mirror.ts';

/** Marks a copy. A request that bears it is not mirrored again. */
export const mirrorHeader = 'x-fetchmesh-mirror';

const credentialHeaders: readonly string[] = ['authorization', 'cookie'];

/** Where copies go, and which origin that is; `undefined` where nobody knows. */
export interface Destination {
  readonly origin: string | undefined;
  /** @param path The canonical one, which takes the place of that in the URL. */
  send(
    url: string,
    init: RequestInit,
    context: Context,
    path: string | undefined,
  ): Promise<Response>;
}

/** @throws {RangeError} names the option, the value and what is allowed. */
export function destinationOf({ to, send }: MirrorOptions): Destination {
  if ((to === undefined) === (send === undefined)) {
    throw new RangeError('mirror: say where the copies go, either by to or by send');
  }
  if (send !== undefined) {
    if (typeof send !== 'function') {
      throw new RangeError(
        `mirror.send: ${shown(send)} is not a function (request, context) => Promise<Response>`,
      );
    }
    return {
      origin: undefined,
      send: (url, init, context) => send(new Request(url, init), context),
    };
  }
  const given = to instanceof URL ? to.href : to;
  const base = typeof given === 'string' ? URL.parse(given) : null;
  if (base === null || !/^https?:$/.test(base.protocol) || /[?#@]/.test(base.href)) {
    throw new RangeError(
      `mirror.to: ${shownUrl(given)} is not an http or https URL without credentials, query and fragment`,
    );
  }
  const prefix = base.href.replace(/\/$/, '');
  return {
    origin: base.origin,
    send(url, init, _, path) {
      const { pathname, search } = new URL(url);
      return fetch(`${prefix}${path ?? pathname}${search}`, init);
    },
  };
}

/** Which headers are copied, and what is made of them. */
export interface CopiedHeaders extends Required<Pick<MirrorOptions, 'credentials' | 'headers'>> {
  /** That of the copy. */
  readonly origin: string | undefined;
}

/** Those that the request leaves with, of the copy. */
export function headersOfCopy(
  request: Request,
  context: Context,
  { credentials, headers, origin }: CopiedHeaders,
): Headers {
  const record = outgoingHeaders(request, context, dropNominated);
  dropHopByHop(record);
  // `fetch` makes both itself.
  delete record['host'];
  delete record['content-length'];
  const isSame = origin !== undefined && origin === urlOf(request).origin;
  if (credentials === 'omit' || (credentials === 'same-origin' && !isSame)) {
    for (const name of credentialHeaders) delete record[name];
  }
  record[mirrorHeader] = 'true';
  const copied = new Headers(record);
  editHeaders(copied, headers);
  return copied;
}

/** The context of a copy: it is known for one, and nothing that it does counts for the request. */
export function contextOfCopy(context: Context, signal: AbortSignal): Context {
  return withoutEdits(context)
    .with(mirrored, true)
    .with(abortSignal, signal)
    .with(deadline, Number.POSITIVE_INFINITY)
    .with(exchange, undefined)
    .with(eventListener, undefined);
}
