import { afterEach, describe, expect, test, vi } from 'vitest';
import { signalOf } from '../../src/core/abort.ts';
import { canonicalPathname } from '../../src/core/canonical-path.ts';
import type { Middleware } from '../../src/core/chain.ts';
import { Context, contextOf } from '../../src/core/context.ts';
import { endpoint } from '../../src/core/endpoint.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outbound } from '../../src/core/outbound.ts';
import { setHeader } from '../../src/core/outgoing.ts';
import { toEndpoint, towardsEndpoint } from '../../src/core/to-endpoint.ts';

const chosen = { url: 'http://10.0.0.11:8080/base', service: 'users', version: 'v1' };

/** Sends to an endpoint, as governance does. */
const toUsers: Middleware = (next) => {
  const send = towardsEndpoint(next);
  return (request, context) =>
    send(request, context.with(endpoint, chosen).with(canonicalPathname, '/users'));
};
const edited: Middleware = (next) => (request, context) =>
  next(request, setHeader(context, 'x-edited', 'yes'));

/** What a `fetch` was called with, as one request, and how. */
function recorder() {
  const calls: { input: unknown; init: RequestInit | undefined; sent: Request }[] = [];
  const fetch = async (input: Request, init?: RequestInit): Promise<Response> => {
    calls.push({ input, init, sent: new Request(input, init) });
    return new Response(null);
  };
  return { calls, fetch };
}

afterEach(() => {
  vi.unstubAllGlobals();
});

describe('a request that goes to an endpoint', () => {
  test("is not copied for the platform's own fetch, which gets URL and init", async () => {
    const { calls, fetch } = recorder();
    vi.stubGlobal('fetch', fetch);
    const request = new Request('http://users/ignored?page=2', {
      method: 'HEAD',
      headers: { 'x-own': '1' },
      redirect: 'manual',
    });
    await outbound(globalThis.fetch, toUsers, edited)(request);
    const [{ input, init, sent }] = calls as [(typeof calls)[0]];
    expect(input).toBe('http://10.0.0.11:8080/base/users?page=2');
    expect(init?.signal).toBe(request.signal);
    expect([sent.method, sent.redirect]).toEqual(['HEAD', 'manual']);
    expect([sent.headers.get('x-own'), sent.headers.get('x-edited')]).toEqual(['1', 'yes']);
  });

  test.each([
    ['with an init', true],
    ['alone', false],
  ])('is a request with all of it for a function that takes one %s', async (_, takesInit) => {
    const { calls, fetch } = recorder();
    const called = takesInit ? fetch : (request: Request) => fetch(request);
    const caller = new AbortController();
    const request = new Request('http://users/', { signal: caller.signal });
    await outbound(called, toUsers, edited)(request);
    const [{ input, sent }] = calls as [(typeof calls)[0]];
    expect((input as Request).url).toBe('http://10.0.0.11:8080/base/users');
    expect((input as Request).headers.get('x-edited')).toBe('yes');
    caller.abort();
    expect((input as Request).signal.aborted).toBe(true);
    expect(sent.signal.aborted).toBe(true);
  });

  test.each([true, false])('keeps its body: for the platform %s', async (isPlatforms) => {
    const { calls, fetch } = recorder();
    if (isPlatforms) vi.stubGlobal('fetch', fetch);
    const headers = { 'content-type': 'text/plain' };
    const request = new Request('http://users/', { method: 'POST', headers, body: 'hello' });
    await outbound(isPlatforms ? globalThis.fetch : fetch, toUsers, edited)(request);
    const [{ sent }] = calls as [(typeof calls)[0]];
    expect(sent.url).toBe('http://10.0.0.11:8080/base/users');
    expect([await sent.text(), sent.headers.get('x-edited')]).toEqual(['hello', 'yes']);
    expect(sent.headers.get('content-type')).toBe('text/plain');
  });

  test('reaches an app with that URL', async () => {
    const app = inbound((request) => new Response(request.url), toUsers, edited);
    const response = await app(new Request('http://shop.example/any?page=2'));
    expect(await response.text()).toBe('http://10.0.0.11:8080/base/users?page=2');
  });
});

describe('a call that a served request causes', () => {
  test('goes to its own URL, wherever the served one went', async () => {
    const { calls, fetch } = recorder();
    const prices = outbound(fetch);
    const app = inbound(async (request) => {
      await prices('http://prices/all', {}, contextOf(request));
      return new Response(null);
    }, toUsers);
    await app(new Request('http://shop.example/users'));
    expect(calls.map(({ sent }) => sent.url)).toEqual(['http://prices/all']);
  });

  test('has no canonical path from it', async () => {
    const { calls, fetch } = recorder();
    const toPrices: Middleware = (next) => {
      const send = toEndpoint(next);
      return (request, context) =>
        send(request, context.with(endpoint, { ...chosen, url: 'http://10.0.0.31' }));
    };
    const prices = outbound(fetch, toPrices);
    const served = Context.background('inbound').with(canonicalPathname, '/users');
    await prices('http://prices/all', {}, served);
    expect(calls.map(({ sent }) => sent.url)).toEqual(['http://10.0.0.31/all']);
  });

  test('ends with the served request', async () => {
    const caller = new AbortController();
    let seen: AbortSignal | undefined;
    const look: Middleware = (next) => (request, context) => {
      seen = signalOf(request, context);
      return next(request, context);
    };
    const app = inbound(outbound(recorder().fetch, look), toUsers);
    await app(new Request('http://shop.example/users', { signal: caller.signal }));
    caller.abort();
    expect(seen?.aborted).toBe(true);
  });
});
