/** Defects of peers in retries and timeouts. */

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as cockatiel from 'cockatiel';
import { Hono } from 'hono';
import { timeout as honoTimeout } from 'hono/timeout';
import * as undici from 'undici';
import { inbound, outbound } from '../../src/index.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { type Checkable, defect } from './defect.ts';

/** A `fetch` that tries a GET or a PUT again. */
type RetryingFetch = (
  url: string,
  init: { method: string; body?: string },
) => Promise<ResponseLike>;
interface ResponseLike {
  readonly status: number;
  text(): Promise<string>;
}

const oursRetrying: RetryingFetch = outbound(fetch, retry({ max: 2, baseDelay: '1ms' }));
const undiciRetrying: RetryingFetch = (url, init) =>
  undici.fetch(url, {
    ...init,
    dispatcher: new undici.Agent().compose(
      undici.interceptors.retry({ maxRetries: 2, minTimeout: 1, methods: ['GET', 'PUT'] }),
    ),
  });

/** Runs a call that may be tried again, and can be called off. */
type RetryingCall = (call: () => Promise<Response>, signal: AbortSignal) => Promise<unknown>;

/** Gives a call a signal that ends it after a while. */
type LimitedCall = (call: (signal: AbortSignal) => Promise<Response>) => Promise<unknown>;

/** Puts a time limit of 20 ms around an app. */
type LimitedApp = (app: (request: Request) => Promise<Response>) => App;
type App = (request: Request) => Promise<Response>;

export const triesDefects: readonly Checkable[] = [
  defect<RetryingFetch>({
    name: 'BR-01: the second try of a PUT sends the body again',
    peer: 'undici, interceptors.retry',
    ours: oursRetrying,
    theirs: undiciRetrying,
    async check(fetchAgain) {
      const bodies: string[] = [];
      await serving(
        () => (bodies.length < 2 ? 503 : 200),
        async (url) => {
          const answer = await fetchAgain(url, { method: 'PUT', body: 'hello' }).catch(
            (error: unknown) => error,
          );
          assert.equal(bodies.join(), 'hello,hello');
          assert.equal((answer as ResponseLike).status, 200);
        },
        bodies,
      );
    },
  }),
  defect<RetryingFetch>({
    name: 'RT-08: when the tries are used up, the caller gets the last response and its body',
    peer: 'undici, interceptors.retry',
    ours: oursRetrying,
    theirs: undiciRetrying,
    check: (fetchAgain) =>
      serving(
        () => 503,
        async (url) => {
          // Without a body, whose second sending is another matter.
          const response = await fetchAgain(url, { method: 'GET' });
          assert.equal(response.status, 503);
          assert.equal(await response.text(), 'status 503');
        },
      ),
  }),
  defect<RetryingCall>({
    name: 'RT-06: a caller that leaves during a delay is let go at once, with its own reason',
    peer: 'cockatiel, retry',
    ours: (call, signal) =>
      outbound(call, retry({ max: 2, baseDelay: '1s', jitter: 'none' }))('http://shop.example/', {
        signal,
      }),
    theirs: (call, signal) =>
      cockatiel
        .retry(cockatiel.handleAll, {
          maxAttempts: 2,
          backoff: new cockatiel.ConstantBackoff(1_000),
        })
        .execute(call, signal),
    async check(call) {
      let calls = 0;
      const caller = new AbortController();
      const left = new Error('left');
      const ending = call(async () => {
        calls += 1;
        throw new TypeError('fetch failed');
      }, caller.signal).catch((reason: unknown) => reason);
      await soon(20);
      caller.abort(left);
      assert.equal(await Promise.race([ending, soon(200)]), left);
      assert.equal(calls, 1);
      await ending;
    },
  }),
  defect<LimitedCall>({
    name: 'TO-08: a response that came in time can be read: its signal is left as it was',
    peer: 'cockatiel, timeout',
    ours: (call) =>
      outbound(
        (request, init) => call(init?.signal ?? request.signal),
        timeout('5s'),
      )('http://shop.example/'),
    theirs: (call) =>
      cockatiel
        .timeout(5_000, cockatiel.TimeoutStrategy.Cooperative)
        .execute(({ signal }) => call(signal)),
    async check(limited) {
      let given: AbortSignal | undefined;
      await limited(async (signal) => {
        given = signal;
        return new Response('hello');
      });
      await soon(0);
      assert.equal(given?.aborted, false);
    },
  }),
  defect<LimitedApp>({
    name: 'TO-03: an app that takes too long hears of it',
    peer: 'hono, timeout',
    ours: (app) => inbound(app, timeout('20ms')),
    theirs: (app) => {
      const hono = new Hono();
      hono.use(honoTimeout(20));
      hono.all('*', (c) => app(c.req.raw));
      return async (request) => await hono.fetch(request);
    },
    async check(limit) {
      let given: AbortSignal | undefined;
      const app = limit((request) => {
        given = request.signal;
        return new Promise(() => {});
      });
      assert.equal((await app(new Request('http://shop.example/'))).status, 504);
      assert.equal(given?.aborted, true);
    },
  }),
];

function soon(ms: number): Promise<'still waiting'> {
  return new Promise((resolve) => {
    setTimeout(() => resolve('still waiting'), ms);
  });
}

/** Answers on a free port of this machine for as long as the work takes. */
async function serving(
  status: () => number,
  work: (url: string) => Promise<void>,
  bodies: string[] = [],
): Promise<void> {
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8');
    request.on('data', (chunk: string) => {
      body += chunk;
    });
    request.on('end', () => {
      bodies.push(body);
      const code = status();
      response.writeHead(code).end(`status ${code}`);
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}
