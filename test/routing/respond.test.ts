import { describe, expect, test } from 'vitest';
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

describe('wrong options are refused', () => {
  test.each<[Record<string, unknown>, string]>([
    [{ status: 101 }, 'respond.status: 101 is not a status from 200 to 599'],
    [{ status: 600 }, 'respond.status: 600 is not a status from 200 to 599'],
    [{ status: '200' }, 'respond.status: 200 is not a status from 200 to 599'],
    [{ body: {} }, 'respond.body: this is not text'],
    [{ status: 304, body: 'x' }, 'respond.body: a response with status 304 has no body'],
    [{ headers: { a: 'b\n' } }, 'respond.set: "b\\n" is not a value that the header a can have'],
  ])('%j', (options, message) => {
    expect(() => respond(options as RespondOptions)).toThrow(message);
  });
});
