import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { signalOf } from '../../src/core/abort.ts';
import { describe as describeChain } from '../../src/core/chain.ts';
import { Context } from '../../src/core/context.ts';
import { inbound } from '../../src/core/inbound.ts';
import { outcomeOfError } from '../../src/core/outcome.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { type LimitsOptions, limits } from '../../src/policies/limits.ts';
import { settled, VirtualClock } from '../support/virtual-clock.ts';

let clock: VirtualClock;

beforeEach(() => {
  clock = new VirtualClock();
});

afterEach(() => {
  expect(clock.pending, 'timers left behind').toBe(0);
});

const origin = 'http://shop.example';

/** Reads chunk by chunk: workerd calls a rejection unhandled where `text` reads a stream that fails. */
async function echo({ body }: Request): Promise<Response> {
  const chunks: Uint8Array[] = [];
  const reader = body?.getReader();
  while (reader !== undefined) {
    const { value, done } = await reader.read();
    if (done) break;
    chunks.push(value);
  }
  return new Response(new Blob(chunks as BlobPart[]));
}

function ask(options: LimitsOptions, init: RequestInit = {}, path = '/', app = echo) {
  return inbound(app, limits({ clock, ...options }))(new Request(origin + path, init));
}

/** A body that is written to as the test goes on. */
function upload(init: RequestInit = {}) {
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  const body = new ReadableStream<Uint8Array>({
    start(given) {
      controller = given;
    },
  });
  const request = new Request(`${origin}/`, {
    ...init,
    method: 'POST',
    body,
    duplex: 'half',
  } as RequestInit);
  return {
    request,
    write: (bytes: number) => controller.enqueue(new Uint8Array(bytes)),
    end: () => controller.close(),
    fail: (reason: unknown) => controller.error(reason),
  };
}

describe('LI-01 the URL', () => {
  test.each([
    ['/', 1, 200],
    ['/ab', 3, 200],
    ['/abc', 3, 414],
    ['/a?b', 3, 414],
    ['/?%C3%A4', 8, 200],
    ['/?%C3%A4', 7, 414],
    [`/${'a'.repeat(8_191)}`, undefined, 200],
    [`/${'a'.repeat(8_192)}`, undefined, 414],
  ])('%.20s of at most %s bytes: %i', async (path, urlBytes, status) => {
    const answer = await ask(urlBytes === undefined ? {} : { urlBytes }, {}, path);
    expect(answer.status).toBe(status);
    expect(rejectionOf(answer)?.reason).toBe(status === 414 ? 'url_too_long' : undefined);
  });
});

describe('LI-02 the headers', () => {
  const many = (count: number): Headers =>
    new Headers(Array.from({ length: count }, (_, index) => [`x-${index}`, 'a'] as const));

  test('are counted', async () => {
    expect((await ask({}, { headers: many(100) })).status).toBe(200);
    const answer = await ask({}, { headers: many(101) });
    expect([answer.status, rejectionOf(answer)?.flag]).toEqual([431, 'DPE']);
  });

  test('are measured, names and values together', async () => {
    const headers = { ab: '12345678' };
    expect((await ask({ headerBytes: 10 }, { headers })).status).toBe(200);
    expect((await ask({ headerBytes: 9 }, { headers })).status).toBe(431);
    expect((await ask({}, { headers: { a: 'b'.repeat(61_440) } })).status).toBe(431);
  });
});

describe('LI-03 the size of the body', () => {
  test('one that says it is too large is refused unread', async () => {
    const { request } = upload({ headers: { 'content-length': '6' } });
    let isCalled = false;
    const app = inbound(
      () => {
        isCalled = true;
        return new Response();
      },
      limits({ bodyBytes: 5, clock }),
    );
    const answer = await app(request);
    expect([answer.status, isCalled, request.bodyUsed]).toEqual([413, false, false]);
    expect(answer.headers.get('connection')).toBe('close');
  });

  test('one that says it is exactly as large is let pass', async () => {
    const { request, write, end } = upload({ headers: { 'content-length': '5' } });
    const answer = inbound(echo, limits({ bodyBytes: 5, clock }))(request);
    write(5);
    end();
    expect((await answer).status).toBe(200);
  });

  test('one that grows too large ends the exchange, whatever it said', async () => {
    for (const headers of [{}, { 'content-length': '2' }]) {
      const { request, write } = upload({ headers });
      const answer = inbound(echo, limits({ bodyBytes: 5, clock }))(request);
      write(5);
      write(1);
      expect((await answer).status).toBe(413);
    }
  });

  test('exactly as large, or none at all, is let pass, byte by byte the same', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 20 })), async (chunks) => {
        const { request, end } = upload();
        const bytes = Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            for (const chunk of chunks) controller.enqueue(Uint8Array.from(chunk));
            controller.close();
          },
        });
        end();
        const app = inbound(echo, limits({ bodyBytes: bytes.length, clock }));
        const answer = await app(new Request(request, { body, duplex: 'half' } as RequestInit));
        expect(new Uint8Array(await answer.arrayBuffer())).toEqual(bytes);
      }),
      { numRuns: 30 },
    );
    expect((await ask({ bodyBytes: 0 })).status).toBe(200);
    expect((await ask({ bodyBytes: 0 }, { method: 'POST', body: 'a' })).status).toBe(413);
  });

  test('no upstream gets the blame: the work at hand sees a caller that left', async () => {
    let outcome: string | undefined;
    const { request, write } = upload();
    const chain = limits({ bodyBytes: 1, clock })(async (seen, context) => {
      try {
        return await echo(seen);
      } catch (error) {
        outcome = outcomeOfError(error, signalOf(seen, context)).verdict;
        throw error;
      }
    });
    const answer = chain(request, Context.background('inbound'));
    write(2);
    expect((await answer).status).toBe(413);
    await settled();
    expect(outcome).toBe('ignored');
  });

  test('where an answer is on its way already, the body alone fails', async () => {
    let failure: unknown;
    const { request, write } = upload();
    let signal: AbortSignal | undefined;
    const early = async (seen: Request): Promise<Response> => {
      signal = seen.signal;
      echo(seen).catch((error: unknown) => {
        failure = error;
      });
      return new Response('early');
    };
    const answer = await inbound(early, limits({ bodyBytes: 1, clock }))(request);
    expect(await answer.text()).toBe('early');
    write(2);
    await settled();
    expect(String(failure)).toContain('too large');
    expect(signal?.aborted).toBe(false);
  });

  test("the type of the body, and the request's other headers, stay", async () => {
    const app = async ({ headers }: Request) => new Response(headers.get('content-type'));
    const init = { method: 'POST', body: 'a', headers: { 'content-type': 'text/x' } };
    expect(await (await ask({ bodyBytes: 5 }, init, '/', app)).text()).toBe('text/x');
  });
});

describe('LI-04 the rate of the body', () => {
  const slow: LimitsOptions = { bodyRate: 100, bodyGrace: '1s' };

  test('nothing for as long as the grace is a 408', async () => {
    const { request } = upload();
    const answer = inbound(echo, limits({ ...slow, clock }))(request);
    let isAnswered = false;
    answer.then(() => {
      isAnswered = true;
    });
    await clock.advance(999);
    expect(isAnswered).toBe(false);
    await clock.advance(1);
    const { status, headers } = await answer;
    expect([status, headers.get('connection')]).toEqual([408, 'close']);
  });

  test('the grace is 5 s unless another one is given', async () => {
    const { request } = upload();
    const answer = inbound(echo, limits({ bodyRate: 1, clock }))(request);
    let isAnswered = false;
    answer.then(() => {
      isAnswered = true;
    });
    await clock.advance(4_999);
    expect(isAnswered).toBe(false);
    await clock.advance(1);
    expect((await answer).status).toBe(408);
  });

  test('a trickle is found out, however evenly it comes', async () => {
    const { request, write } = upload();
    const answer = inbound(echo, limits({ ...slow, clock }))(request);
    let seconds = 0;
    let status: number | undefined;
    answer.then((response) => {
      status = response.status;
    });
    for (; status === undefined && seconds < 10; seconds += 0.5) {
      write(10);
      await clock.advance(500);
    }
    expect([status, seconds]).toEqual([408, 1]);
  });

  test('what comes fast enough may take any time', async () => {
    const { request, write, end } = upload();
    const answer = inbound(echo, limits({ ...slow, clock }))(request);
    for (let second = 0; second < 100; second++) {
      write(101);
      await clock.advance(1_000);
    }
    end();
    expect((await (await answer).text()).length).toBe(10_100);
  });

  test('time in which nobody asks for more does not count', async () => {
    const { request, write, end } = upload();
    const lazy = async (seen: Request): Promise<Response> => {
      const reader = (seen.body as ReadableStream<Uint8Array>).getReader();
      await reader.read();
      await new Promise<void>((resolve) => clock.schedule(resolve, 60_000));
      while (!(await reader.read()).done);
      return new Response('done');
    };
    const answer = inbound(lazy, limits({ ...slow, clock }))(request);
    // Some runtimes read a few chunks ahead.
    for (let chunk = 0; chunk < 9; chunk++) write(1);
    await settled();
    await clock.advance(60_000);
    end();
    expect(await (await answer).text()).toBe('done');
  });
});

describe('LI-05 requests at once', () => {
  test('beyond the limit are a 503, until one has ended', async () => {
    const held: (() => void)[] = [];
    const app = inbound(
      () => new Promise<Response>((resolve) => held.push(() => resolve(new Response()))),
      limits({ concurrent: 2, clock }),
    );
    const get = () => app(new Request(origin));
    const first = [get(), get()];
    await clock.advance(0);
    expect((await get()).status).toBe(503);
    held[0]?.();
    await first[0];
    const next = get();
    await clock.advance(0);
    for (const release of held) release();
    expect((await next).status).toBe(200);
    await first[1];
  });
});

describe('callers and apps', () => {
  test("the caller's abort reaches the app within a tick, with its reason, and leaves nothing", async () => {
    const abort = new AbortController();
    const { request } = upload({ signal: abort.signal });
    let seen: AbortSignal | undefined;
    const chain = limits({ bodyBytes: 5, bodyRate: 1, clock })((inner, context) => {
      seen = signalOf(inner, context);
      return echo(inner);
    });
    const answer = chain(request, Context.background('inbound'));
    await clock.advance(0);
    abort.abort('gone');
    expect(seen?.aborted).toBe(true);
    await expect(answer).rejects.toBe('gone');
    await settled();
    expect(clock.pending).toBe(0);
  });

  test('a body that fails by itself fails the app with its own reason', async () => {
    const { request, fail } = upload();
    const answer = inbound(echo, limits({ bodyBytes: 5, bodyRate: 1, clock }))(request);
    await clock.advance(0);
    fail(new Error('cable cut'));
    await expect(answer).rejects.toThrow('cable cut');
  });

  test('a request without a body passes by identity', async () => {
    const request = new Request(origin);
    let seen: Request | undefined;
    const app = inbound(
      (given) => {
        seen = given;
        return new Response();
      },
      limits({ bodyBytes: 1, bodyRate: 1, clock }),
    );
    await app(request);
    expect(seen).toBe(request);
  });

  test('describe names it', () => {
    expect(describeChain(inbound(echo, limits()))).toContain('limits');
  });
});
