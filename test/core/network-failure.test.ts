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

describe('no network failure', () => {
  test.each([
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
