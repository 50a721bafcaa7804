import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type FetchInit, knownBodyOf } from '../../src/core/body-source.ts';
import type { Middleware } from '../../src/core/chain.ts';
import { outbound } from '../../src/core/outbound.ts';
import { own } from '../../src/core/own.ts';
import { replay } from '../../src/core/replay.ts';
import { retry } from '../../src/policies/retry.ts';
import { bytesOf, tracedBody } from '../support/bodies.ts';
import { type Upstream, upstream } from '../support/upstream.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

const url = 'http://shop.example/';
let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

interface Sent {
  readonly type: string | null;
  readonly bytes: Uint8Array;
}

/** Sends it through a retry whose upstream fails twice, and tells what each try brought. */
async function sendThrice(
  init: FetchInit,
  ...more: Middleware[]
): Promise<{ sent: Sent[]; fetch: Upstream }> {
  const sent: Sent[] = [];
  const fetch = upstream(async (request) => {
    const type = request.headers.get('content-type');
    sent.push({ type, bytes: await bytesOf(request) });
    return new Response(null, { status: sent.length < 3 ? 503 : 200 });
  });
  const shop = outbound(fetch, ...more, retry({ clock, maxReplayBytes: 0 }));
  const answer = shop(url, { method: 'PUT', ...init });
  expect((await inTime(answer)).status).toBe(200);
  return { sent, fetch };
}

/** Lets time pass until the answer is there: a Blob is read outside of the thread, in real time. */
async function inTime(answer: Promise<Response>): Promise<Response> {
  let isThere = false;
  const noting = answer.finally(() => {
    isThere = true;
  });
  while (!isThere) await clock.advance(1_000);
  return await noting;
}

const text = (bytes: Uint8Array | undefined): string => new TextDecoder().decode(bytes);

describe('BR-01: what outbound is given as', () => {
  test.each<[string, () => BodyInit]>([
    ['text', () => 'grüße'],
    ['URLSearchParams', () => new URLSearchParams({ a: '1', b: 'ü' })],
    ['bytes', () => new Uint8Array([0, 255, 128])],
    ['a part of a buffer', () => new Uint8Array([1, 2, 3, 4]).subarray(1, 3)],
    ['a buffer', () => new Uint8Array([1, 2]).buffer],
    ['a Blob', () => new Blob(['hello'], { type: 'text/x' })],
    ['nothing', () => ''],
  ])('%s is sent alike by every try, and none of it is recorded', async (_, make) => {
    const plain = new Request(url, { method: 'PUT', body: make() });
    const type = plain.headers.get('content-type');
    const bytes = await bytesOf(plain);
    const { sent } = await sendThrice({ body: make() });
    expect(sent).toEqual([
      { type, bytes },
      { type, bytes },
      { type, bytes },
    ]);
  });

  test('text goes out first as the very request, so that its length is known and a 307 is followed', async () => {
    let request: Request | undefined;
    const seeing: Middleware = (next) => (received, context) => {
      request = received;
      return next(received, context);
    };
    const { fetch } = await sendThrice({ body: 'x' }, seeing);
    expect(fetch.calls[0]?.request).toBe(request);
  });

  test('a form keeps its boundary, and the files in it', async () => {
    const form = new FormData();
    form.set('name', 'ada\nlovelace');
    form.set('a "quoted"\r\nname', 'x');
    form.set('file', new Blob(['content'], { type: 'text/x' }), 'na"me.txt');
    const { sent } = await sendThrice({ body: form });
    const [first] = sent;
    expect(sent).toEqual([first, first, first]);
    const read = await new Response(first?.bytes as Uint8Array<ArrayBuffer>, {
      headers: { 'content-type': first?.type as string },
    }).formData();
    expect(read.get('name')).toBe('ada\r\nlovelace');
    expect(await (read.get('file') as File).text()).toBe('content');
    expect(text(first?.bytes)).toContain(
      'name="file"; filename="na%22me.txt"\r\nContent-Type: text/x\r\n\r\ncontent\r\n',
    );
    expect(text(first?.bytes)).toContain('name="a %22quoted%22%0D%0Aname"\r\n\r\nx\r\n');
  });

  test('bytes, parameters and forms that the caller changes afterwards are sent as they were', async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const parameters = new URLSearchParams({ a: '1' });
    const form = new FormData();
    form.set('a', '1');
    for (const [body, change] of [
      [bytes, () => bytes.fill(9)],
      [parameters, () => parameters.set('a', '2')],
      [form, () => form.set('a', '2')],
    ] as const) {
      const changing: Middleware = (next) => (request, context) => {
        change();
        return next(request, context);
      };
      const { sent } = await sendThrice({ body }, changing);
      expect(sent[1]).toEqual(sent[0]);
      expect(text(sent[0]?.bytes)).not.toContain('\r\n2\r\n');
      expect(sent[0]?.bytes).not.toContain(9);
    }
  });

  test('a request that a middleware made is not taken for the one before', async () => {
    const rewriting: Middleware = (next) => (request, context) =>
      next(new Request(request, { body: 'other' }), context);
    const sent: string[] = [];
    const fetch = upstream(async (request) => {
      sent.push(await request.text());
      return new Response(null, { status: 503 });
    });
    const answer = outbound(fetch, rewriting, retry({ clock }))(url, { method: 'PUT', body: 'x' });
    await inTime(answer);
    expect(sent).toEqual(['other', 'other', 'other']);
  });

  test('a copy of our own keeps what is known of it', async () => {
    let request: Request | undefined;
    const copying: Middleware = (next) => (received, context) => {
      request = own(received);
      return next(request, context);
    };
    const { sent } = await sendThrice({ body: 'x' }, copying);
    expect(sent.map(({ bytes }) => text(bytes))).toEqual(['x', 'x', 'x']);
    expect(knownBodyOf(request as Request)).toBeDefined();
  });
});

describe('BR-06: a function', () => {
  test('is called once for each try', async () => {
    let made = 0;
    const body = () => `body ${++made}`;
    const { sent } = await sendThrice({ body });
    expect(sent.map(({ bytes }) => text(bytes))).toEqual(['body 1', 'body 2', 'body 3']);
    expect(made).toBe(3);
  });

  test('may make a stream each time', async () => {
    const { sent } = await sendThrice({ body: () => tracedBody(['one ', 'two']).stream });
    expect(sent.map(({ bytes }) => text(bytes))).toEqual(['one two', 'one two', 'one two']);
  });

  test('may make a form each time, whose boundary stays the first one', async () => {
    const body = () => {
      const form = new FormData();
      form.set('a', '1');
      return form;
    };
    const { sent } = await sendThrice({ body });
    expect(new Set(sent.map(({ type }) => type)).size).toBe(1);
    for (const { type, bytes } of sent) {
      const headers = { 'content-type': type as string };
      const read = new Response(bytes as Uint8Array<ArrayBuffer>, { headers });
      expect((await read.formData()).get('a')).toBe('1');
    }
  });

  test('is called once where there is no retry', async () => {
    let made = 0;
    const fetch = upstream(async (request) => new Response(await request.text()));
    const body = () => `body ${++made}`;
    const response = await outbound(fetch)(url, { method: 'POST', body });
    expect(await response.text()).toBe('body 1');
    expect(made).toBe(1);
  });
});

test('bytes of more than 256 KiB are not copied: they are recorded like a stream', async () => {
  const fetch = upstream(async (request) => {
    expect(knownBodyOf(request)).toBeUndefined();
    return new Response();
  });
  await outbound(fetch)(url, { method: 'PUT', body: new Uint8Array(262_145) });
  expect(fetch.calls).toHaveLength(1);
});

test('attempts of a body that is made anew may be under way at once', async () => {
  let request: Request | undefined;
  const fetch = upstream((received) => {
    request = received;
    return new Response();
  });
  await outbound(fetch)(url, { method: 'PUT', body: 'hello' });
  const body = replay(request as Request, 0);
  expect(body.simultaneous).toBe(true);
  const attempts = [body.attempt(), body.attempt(), body.attempt()];
  expect(await Promise.all(attempts.map((attempt) => attempt.text()))).toEqual([
    'hello',
    'hello',
    'hello',
  ]);
});
