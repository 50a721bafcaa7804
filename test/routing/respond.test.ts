import { expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { type RespondOptions, respond } from '../../src/routing/respond.ts';

const answer = (options: RespondOptions): Promise<Response> =>
  respond(options)(new Request('http://a.example/'), Context.background('inbound'));

test('status, body and headers are as given, and it is no rejection', async () => {
  const response = await answer({
    status: 503,
    body: '{}',
    headers: { 'Content-Type': 'application/json' },
  });
  expect(response.status).toBe(503);
  expect(await response.text()).toBe('{}');
  expect(response.headers.get('content-type')).toBe('application/json');
  expect(rejectionOf(response)).toBeUndefined();
});

test('a body is text unless said otherwise, no body has no type', async () => {
  expect((await answer({ body: 'a' })).headers.get('content-type')).toMatch(/^text\/plain/);
  const empty = await answer({});
  expect(empty.status).toBe(200);
  expect(empty.body).toBeNull();
  expect(empty.headers.has('content-type')).toBe(false);
});

test('each request gets a response of its own', async () => {
  const end = respond({ body: 'a' });
  const request = new Request('http://a.example/');
  const context = Context.background('inbound');
  const bodies = [await end(request, context), await end(request, context)].map((one) =>
    one.text(),
  );
  expect(await Promise.all(bodies)).toEqual(['a', 'a']);
});
