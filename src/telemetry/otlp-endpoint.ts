/**
 * Addresses of OTLP collectors.
 *
 * @module
 */

import { shownUrl } from '../core/option.ts';

/** Where OTLP/HTTP takes traces. */
export const tracesPath = '/v1/traces';

/** Where the same collectors take OTLP/gRPC, which does not understand HTTP/1.1 and JSON. */
export const grpcPort = '4317';

/**
 * The URL for traces of an endpoint as people write it: without a path it gets `/v1/traces`, any other path is used as it
 * is.
 *
 * @throws {RangeError} where it is not the URL of a collector.
 *
 * @example
 * ```ts
 * resolveTracesUrl('http://localhost:4318'); // 'http://localhost:4318/v1/traces'
 * resolveTracesUrl('https://collector.example/custom/traces'); // 'https://collector.example/custom/traces'
 * ```
 */
export function resolveTracesUrl(endpoint: string): string {
  const url = checkCollectorUrl('endpoint', endpoint);
  if (url.pathname === '/') url.pathname = tracesPath;
  return url.href;
}

/**
 * Reads the URL that a caller gave for an option.
 *
 * @throws {RangeError} names the option and what is allowed.
 */
export function checkCollectorUrl(option: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new RangeError(`${option}: ${shownUrl(text)} is not an http:// or https:// URL`);
  }
  if (url.username !== '' || url.password !== '') {
    // Not quoted, since it holds a password. No `fetch` takes such a URL.
    throw new RangeError(
      `${option}: the URL for ${url.host} has a user name or a password; put them into the headers`,
    );
  }
  return url;
}
