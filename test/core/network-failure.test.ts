import { describe, expect, test } from 'vitest';
import { networkFailureOf } from '../../src/core/network-failure.ts';

/** An error as a runtime makes it: message, code, and what caused it. */
function failure(message: string, code?: string, cause?: unknown): Error {
  const error = new TypeError(message, cause === undefined ? {} : { cause });
  return code === undefined ? error : Object.assign(error, { code });
}

describe('no connection came about', () => {
  test.each([
    ['Node', failure('fetch failed', undefined, failure('connect ECONNREFUSED', 'ECONNREFUSED'))],
    ['Node', failure('fetch failed', undefined, failure('getaddrinfo ENOTFOUND', 'ENOTFOUND'))],
    [
      'Node',
      failure('fetch failed', undefined, failure('Connect Timeout', 'UND_ERR_CONNECT_TIMEOUT')),
    ],
    ['Bun', failure('ECONNREFUSED: Unable to connect. Is the computer able…', 'ECONNREFUSED')],
    [
      'Bun',
      failure('Unable to connect. Is the computer able to access the url?', 'ConnectionRefused'),
    ],
    ['Bun', failure('getaddrinfo ENOTFOUND nowhere.invalid', 'ENOTFOUND')],
    [
      'Deno',
      failure(
        'fetch failed',
        undefined,
        failure(
          'error sending request for url (http://nowhere.invalid/): client error (Connect): dns error: failed to lookup address information',
        ),
      ),
    ],
    [
      'Deno 1',
      failure(
        'error sending request for url (http://127.0.0.1:9/): client error (Connect): tcp connect error: Connection refused (os error 111)',
      ),
    ],
  ])('%s: %s', (_, error) => {
    expect(networkFailureOf(error)).toBe('connect');
  });
});

describe('the connection broke', () => {
  test.each([
    ['Node', failure('fetch failed', undefined, failure('read ECONNRESET', 'ECONNRESET'))],
    ['Node', failure('fetch failed', undefined, failure('other side closed', 'UND_ERR_SOCKET'))],
    ['Node', failure('terminated', undefined, failure('other side closed', 'UND_ERR_SOCKET'))],
    ['Node', failure('terminated')],
    ['Node', failure('fetch failed')],
    ['Bun', failure('ECONNRESET: The socket connection was closed unexpectedly.', 'ECONNRESET')],
    ['Bun', failure('The socket connection was closed unexpectedly.')],
    ['Deno', failure('error reading a body from connection')],
    [
      'Deno',
      failure(
        'fetch failed',
        undefined,
        failure(
          'error sending request from 127.0.0.1:54108 for http://127.0.0.1:44717/: client error (SendRequest): connection closed before message completed',
        ),
      ),
    ],
    ['workerd', new Error('Network connection lost.')],
    ['workerd', new Error('internal error; reference = 0123456789abcdef')],
    ['Chromium', failure('Failed to fetch')],
    ['Firefox', failure('NetworkError when attempting to fetch resource.')],
    ['Safari', failure('Load failed')],
  ])('RT-05: %s: %s', (_, error) => {
    expect(networkFailureOf(error)).toBe('reset');
  });
});

describe('no secure connection came about', () => {
  test.each([
    [
      'Node',
      failure(
        'fetch failed',
        undefined,
        failure('self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'),
      ),
    ],
    [
      'Node',
      failure('fetch failed', undefined, failure('certificate has expired', 'CERT_HAS_EXPIRED')),
    ],
    [
      'Node',
      failure(
        'fetch failed',
        undefined,
        failure(
          "Hostname/IP does not match certificate's altnames",
          'ERR_TLS_CERT_ALTNAME_INVALID',
        ),
      ),
    ],
    [
      'Node',
      failure(
        'fetch failed',
        undefined,
        failure('SSL routines: wrong version number', 'ERR_SSL_WRONG_VERSION_NUMBER'),
      ),
    ],
    ['Bun', failure('self signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT')],
    ['Bun', failure('EPROTO: The TLS handshake failed. Does the server speak TLS?', 'EPROTO')],
    [
      'Deno',
      failure(
        'fetch failed',
        undefined,
        failure(
          'error sending request for url (https://localhost/): client error (Connect): invalid peer certificate: UnknownIssuer',
        ),
      ),
    ],
    [
      'Deno',
      failure(
        'fetch failed',
        undefined,
        failure(
          'error sending request for url (https://localhost/): client error (Connect): received corrupt message of type InvalidContentType',
        ),
      ),
    ],
  ])('%s: %s', (_, error) => {
    expect(networkFailureOf(error)).toBe('tls');
  });
});

describe('no network failure', () => {
  test.each([
    failure('fetch failed', undefined, failure('bad port')),
    failure('fetch failed', undefined, failure('unknown scheme')),
    failure('fetch failed', undefined, failure('redirect count exceeded')),
    failure('fetch failed', undefined, failure('unexpected redirect')),
    failure('TooManyRedirects: The response redirected too many times.', 'TooManyRedirects'),
    failure('Fetch failed: Requests to port 6667 are blocked'),
    failure('Fetch failed: Maximum number of redirects (20) reached'),
    new TypeError("Cannot read properties of undefined (reading 'x')"),
    new TypeError('The request failed to fetch'),
    new Error('session terminated'),
    new DOMException('The operation was aborted', 'AbortError'),
    new TypeError('Body is unusable: Body has already been read'),
    failure('bad gateway', 'E_MY_OWN'),
    'fetch failed',
    { code: 42, message: {} },
    { message: null },
    undefined,
    null,
    0,
  ])('RT-05: %o', (error) => {
    expect(networkFailureOf(error)).toBeUndefined();
  });

  test('causes that go round in a circle end', () => {
    const error: Error & { cause?: unknown } = new Error('round');
    error.cause = error;
    expect(networkFailureOf(error)).toBeUndefined();
  });
});
