/**
 * Setting, adding and removing headers.
 *
 * @module
 */

import { layer, type Middleware } from '../core/chain.ts';
import {
  editHeaders,
  editOutgoing,
  type HeaderEdits,
  headerEditsOption,
} from '../core/header-edits.ts';
import { hopByHop } from '../core/hop-by-hop.ts';
import { knownOptions } from '../core/option.ts';
import { dropSent } from '../core/outgoing.ts';
import { editResponse } from '../core/response-headers.ts';
import { twinsOf } from './twins.ts';

export type { HeaderEdits } from '../core/header-edits.ts';

/** Settings of {@link headers}. */
export interface HeadersOptions {
  /** Edits of the request on its way in, or out. */
  readonly request?: HeaderEdits;
  /** Edits of the response on its way back, whoever gave it. */
  readonly response?: HeaderEdits;
}

/** Headers that nobody but the connection decides on; they can be taken off, since they are anyway. */
const connectionsOwn: ReadonlySet<string> = new Set([
  ...hopByHop.filter((name) => name !== 'proxy-authorization' && name !== 'proxy-authenticate'),
  'content-length',
  'host',
]);

/** Whether a header is the connection's own business: setting it would break the message, or be ignored by `fetch`. */
export function isConnectionsOwn(name: string): boolean {
  return connectionsOwn.has(name.toLowerCase());
}

/**
 * Edits the headers of requests and responses: removes, then sets, then adds.
 *
 * What is removed or set on requests is taken off under names with `_` for `-`, or `-` for `_`, too: upstreams that follow CGI
 * read both as one.
 *
 * Headers of the connection (`connection`, `transfer-encoding`, `content-length`, `host` …) cannot be set: `fetch` makes
 * them itself.
 *
 * Semantics: Istio's `Headers` message and the header modifiers of the Gateway API.
 *
 * @example
 * ```ts
 * const region = headers({ request: { set: { 'x-region': 'eu' } }, response: { remove: ['server'] } });
 * const app = inbound((request) => new Response(request.headers.get('x-region')), region);
 * await (await app(new Request('http://shop.example/'))).text(); // 'eu'
 * ```
 */
export function headers(options: HeadersOptions): Middleware {
  knownOptions('headers', options, { request: true, response: true });
  const { request: ofRequest, response: ofResponse } = options;
  if (ofRequest === undefined && ofResponse === undefined) {
    throw new RangeError('headers: there is nothing to edit, neither request nor response');
  }
  for (const part of ['request', 'response'] as const) {
    const edits = options[part];
    if (edits === undefined) continue;
    headerEditsOption(`headers.${part}`, edits);
    for (const name of Object.keys({ ...edits.set, ...edits.add })) {
      if (!isConnectionsOwn(name)) continue;
      throw new RangeError(`headers.${part}: ${name} is made by fetch itself and cannot be set`);
    }
  }
  const decided = new Set(
    [...(ofRequest?.remove ?? []), ...Object.keys(ofRequest?.set ?? {})].map((name) =>
      name.toLowerCase(),
    ),
  );
  const isTwin = twinsOf(decided);
  return layer('headers', (next) => {
    const onward: typeof next =
      ofRequest === undefined
        ? next
        : (request, context) => next(request, editOutgoing(dropSent(context, isTwin), ofRequest));
    if (ofResponse === undefined) return onward;
    return async function headers(request, context) {
      const response = await onward(request, context);
      return editResponse(response, context, (edited) => editHeaders(edited, ofResponse));
    };
  });
}
