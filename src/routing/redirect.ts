/**
 * Sending the caller elsewhere.
 *
 * @module
 */

import { canonicalPath, canonicalPathname } from '../core/canonical-path.ts';
import type { Next } from '../core/chain.ts';
import { knownOptions, shown } from '../core/option.ts';
import { reject } from '../core/rejection.ts';
import { compilePathEdit, type PathEdit } from './path-edit.ts';
import { hostOption } from './rewrite.ts';

/** The statuses with which a caller is sent elsewhere. */
export type RedirectStatus = 301 | 302 | 303 | 307 | 308;

/** Settings of {@link redirect}; what is not given stays as in the request, the query always. */
export interface RedirectOptions extends PathEdit {
  readonly scheme?: 'http' | 'https';
  /** Without a port. */
  readonly host?: string;
  /** Default: that of the scheme where a scheme or a host is given, else the request's. */
  readonly port?: number;
  /** Default: 302, which no browser keeps for ever. */
  readonly status?: RedirectStatus;
}

/** Where nothing is said. */
export const defaultRedirectStatus = 302;

/** All of them. */
export const redirectStatuses: readonly RedirectStatus[] = [301, 302, 303, 307, 308];

/**
 * Answers each request with a redirect. The end of a chain, not a middleware.
 *
 * Semantics: `RequestRedirect` of the Gateway API.
 *
 * @example
 * ```ts
 * const app = inbound((request) => new Response(request.url), () => redirect({ scheme: 'https' }));
 * const response = await app(new Request('http://shop.example/a?b=1'));
 * response.headers.get('location'); // 'https://shop.example/a?b=1'
 * ```
 */
export function redirect(options: RedirectOptions): Next {
  knownOptions('redirect', options, {
    path: true,
    prefix: true,
    regex: true,
    scheme: true,
    host: true,
    port: true,
    status: true,
  });
  const { scheme, host, port, status = defaultRedirectStatus } = options;
  const edit = compilePathEdit('redirect', options);
  if (edit === undefined && scheme === undefined && host === undefined && port === undefined) {
    throw new RangeError(
      'redirect: there is nothing to change: scheme, host, port, path, prefix or regex',
    );
  }
  if (scheme !== undefined && scheme !== 'http' && scheme !== 'https') {
    throw new RangeError(`redirect.scheme: ${shown(scheme)} is not one of http, https`);
  }
  if (
    host !== undefined &&
    hostOption('redirect.host', host)
      .replace(/\[.*\]/, '')
      .includes(':')
  ) {
    throw new RangeError(`redirect.host: '${host}' has a port; write it as redirect.port`);
  }
  if (port !== undefined && !(Number.isInteger(port) && 1 <= port && port <= 65_535)) {
    throw new RangeError(`redirect.port: ${shown(port)} is not a port from 1 to 65535`);
  }
  if (!redirectStatuses.includes(status)) {
    throw new RangeError(
      `redirect.status: ${shown(status)} is not one of ${redirectStatuses.join(', ')}`,
    );
  }

  return async function redirect(request, context) {
    const url = new URL(request.url);
    const path = context.get(canonicalPathname) ?? canonicalPath(url.pathname);
    const edited = path === undefined || edit === undefined ? path : edit(path);
    if (edited === undefined) {
      const detail = 'The path holds an invalid escape, or came to be no path.';
      return reject('malformed_path', { detail });
    }
    url.pathname = edited;
    if (scheme !== undefined) url.protocol = scheme;
    if (host !== undefined) url.hostname = host;
    if (port !== undefined || scheme !== undefined || host !== undefined) {
      url.port = port === undefined ? '' : String(port);
    }
    return new Response(null, { status, headers: { location: url.href } });
  };
}
