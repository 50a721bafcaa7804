import { describe, expect, test } from 'vitest';
import { inbound } from '../../src/core/inbound.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { answerFailures } from '../../src/gateway/failure.ts';

function failure(message: string, code?: string, cause?: unknown): TypeError {
  const error = new TypeError(message, cause === undefined ? {} : { cause });
  return code === undefined ? error : Object.assign(error, { code });
}
const parser = 'Response does not match the HTTP/1.1 protocol (Invalid header token)';
const sent = 'error sending request from 127.0.0.1:5 for http://127.0.0.1:9/: client error';

/** What clients are told of an error, and what the operator is. */
async function answer(error: unknown): Promise<readonly unknown[]> {
  const told: unknown[] = [];
  const app = inbound(
    async () => {
      throw error;
    },
    answerFailures((bug) => told.push(bug)),
  );
  const response = await app(new Request('http://shop.example/'));
  return [response.status, rejectionOf(response)?.reason, told.length];
}

describe('an upstream that answers what is no HTTP is a 502', () => {
  test.each([
    ['Node', failure('fetch failed', undefined, failure('', 'UND_ERR_HEADERS_OVERFLOW'))],
    ['Node', failure('fetch failed', undefined, failure(parser))],
    ['Node', failure('fetch failed', undefined, failure(parser, 'HPE_INVALID_HEADER_TOKEN'))],
    ['Bun', failure('ZlibError fetching "http://127.0.0.1:9/"', 'ZlibError')],
    ['Bun', failure('InvalidContentLength fetching', 'InvalidContentLength')],
    ['Bun', failure('Malformed_HTTP_Response fetching', 'Malformed_HTTP_Response')],
    [
      'Deno',
      failure(
        'fetch failed',
        undefined,
        failure(`${sent} (SendRequest): invalid HTTP header parsed`),
      ),
    ],
    [
      'Deno',
      failure(
        'fetch failed',
        undefined,
        failure(`${sent} (SendRequest): message head is too large`),
      ),
    ],
  ])('%s: %s', async (_, error) => {
    expect(await answer(error)).toEqual([502, 'upstream_error', 0]);
  });
});

describe('a port that Fetch blocks is a 502', () => {
  test.each([
    ['Node', failure('fetch failed', undefined, failure('bad port'))],
    ['Deno', failure('Fetch failed: Requests to port 6667 are blocked')],
  ])('%s: %s', async (_, error) => {
    expect(await answer(error)).toEqual([502, 'upstream_connection_failed', 0]);
  });
});

test.each([
  [
    'a refused connection',
    failure('fetch failed', undefined, failure('', 'ECONNREFUSED')),
    'upstream_connection_failed',
    0,
  ],
  [
    'a lost connection',
    failure('fetch failed', undefined, failure('', 'ECONNRESET')),
    'upstream_connection_lost',
    0,
  ],
])('%s is a 502', async (_, error, reason, told) => {
  expect(await answer(error)).toEqual([502, reason, told]);
});

test.each([
  ['a bug', new TypeError("Cannot read properties of undefined (reading 'x')")],
  ['a bug that speaks of a port', new Error('bad port')],
  ['no error at all', undefined],
])('%s is a 500, and the operator is told', async (_, error) => {
  expect(await answer(error)).toEqual([500, 'internal_error', 1]);
});
