/**
 * Sending requests on under another path or host than they came with.
 *
 * @module
 */

import { abortSignal, signalOf } from '../core/abort.ts';
import { canonicalPath, canonicalPathname } from '../core/canonical-path.ts';
import { layer, type Middleware } from '../core/chain.ts';
import { knownOptions, shown } from '../core/option.ts';
import { setHeader } from '../core/outgoing.ts';
import { reject } from '../core/rejection.ts';
import { compilePathEdit, type PathEdit } from './path-edit.ts';

/** Settings of {@link rewrite}. */
export interface RewriteOptions extends PathEdit {
  /**
   * The host, with or without a port. A `fetch` makes `Host` from the URL that it is given, so an endpoint on the network
   * is told by `x-forwarded-host`; a handler in this process sees it in the URL.
   */
  readonly host?: string;
}

/**
 * Changes the path or the host of requests. The query stays.
 *
 * A path that an expression turned into none is a 400.
 *
 * Semantics: `URLRewrite` of the Gateway API, `rewrite` of Istio.
 *
 * @example
 * ```ts
 * const app = inbound((request) => new Response(new URL(request.url).pathname), rewrite({ prefix: { from: '/api', to: '/' } }));
 * await (await app(new Request('http://shop.example/api/users'))).text(); // '/users'
 * ```
 */
export function rewrite(options: RewriteOptions): Middleware {
  knownOptions('rewrite', options, { path: true, prefix: true, regex: true, host: true });
  const { host } = options;
  const edit = compilePathEdit('rewrite', options);
  if (edit === undefined && host === undefined) {
    throw new RangeError('rewrite: there is nothing to rewrite: path, prefix, regex or host');
  }
  if (host !== undefined) hostOption('rewrite.host', host);

  return layer(
    'rewrite',
    (next) =>
      function rewrite(request, context) {
        const url = new URL(request.url);
        const path = context.get(canonicalPathname) ?? canonicalPath(url.pathname);
        const edited = path === undefined || edit === undefined ? path : edit(path);
        if (edited === undefined) {
          const detail = 'The path holds an invalid escape, or came to be no path.';
          return Promise.resolve(reject('malformed_path', { detail }));
        }
        url.pathname = edited;
        let moved = context.with(canonicalPathname, edited);
        if (host !== undefined) {
          url.host = host;
          if (!host.includes(':')) url.port = '';
          moved = setHeader(moved, 'host', host);
        }
        if (url.href === request.url) return next(request, moved);
        // A copy of a request follows the caller's signal, on Node only until it is collected.
        const signal = signalOf(request, context);
        return next(new Request(url, request), moved.with(abortSignal, signal));
      },
  );
}

/** Checks a host, with or without a port, that a caller gave for an option. */
export function hostOption(option: string, host: string): string {
  if (typeof host === 'string' && isHost(host)) return host;
  throw new RangeError(`${option}: ${shown(host)} is not a host, with or without a port`);
}

/** Whether a text is a host, with or without a port, and nothing else. */
export function isHost(text: string): boolean {
  return /^[^/?#@\\\s%]+$/.test(text) && URL.canParse(`http://${text}/`);
}
