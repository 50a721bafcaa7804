import { expect, test } from 'vitest';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { rewrite } from '../../src/routing/rewrite.ts';
import { streamingPut, tracedBody } from '../support/bodies.ts';
import { stalled, status, upstream } from '../support/upstream.ts';

const prefix = { from: '/api', to: '/v2' };

test('the path is another one, the query stays', async () => {
  const fetch = upstream(status(200));
  await outbound(fetch, rewrite({ prefix }))('http://shop.example/api/users?page=2');
  expect(fetch.calls[0]?.request.url).toBe('http://shop.example/v2/users?page=2');
});

test('an app sees the path, and method, headers and body as they came', async () => {
  const app = inbound(
    async (request) =>
      new Response(
        `${request.method} ${request.url} ${request.headers.get('x-a')} ${await request.text()}`,
      ),
    rewrite({ path: '/x' }),
  );
  const request = streamingPut(tracedBody(['a', 'b']).stream, { headers: { 'x-a': '1' } });
  expect(await (await app(request)).text()).toBe('PUT http://shop.example/x 1 ab');
});

test('the host is another one', async () => {
  const fetch = upstream(status(200));
  await outbound(fetch, rewrite({ host: 'users.internal:81' }))('http://shop.example:8080/a');
  expect(fetch.calls[0]?.request.url).toBe('http://users.internal:81/a');
  await outbound(fetch, rewrite({ host: 'users.internal' }))('http://shop.example:8080/a');
  expect(fetch.calls[1]?.request.url).toBe('http://users.internal/a');
});

test('a request that stays as it is passes by identity', async () => {
  const fetch = upstream(status(200));
  const request = new Request('http://shop.example/other');
  await outbound(fetch, rewrite({ prefix }))(request);
  expect(fetch.calls[0]?.request).toBe(request);
});

test('a path that came to be none is a 400, and is not sent', async () => {
  const fetch = upstream(status(200));
  const shop = outbound(fetch, rewrite({ regex: { match: '^/', to: '' } }));
  expect((await shop('http://shop.example/a')).status).toBe(400);
  expect(fetch.calls).toHaveLength(0);
});

test('a caller that leaves reaches the upstream within a tick', async () => {
  const fetch = upstream(stalled);
  const caller = new AbortController();
  const answer = outbound(fetch, rewrite({ prefix }))('http://shop.example/api', {
    signal: caller.signal,
  });
  await Promise.resolve();
  caller.abort('gone');
  expect(fetch.calls[0]?.signal.aborted).toBe(true);
  await expect(answer).rejects.toBe('gone');
});
