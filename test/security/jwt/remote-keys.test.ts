import { describe, expect, test } from 'vitest';
import { inbound } from '../../../src/core/inbound.ts';
import { jwt, type RemoteKeysOptions } from '../../../src/security/jwt/jwt.ts';
import { forge, hmac, type Signer, signer } from '../../support/tokens.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const first = await signer('ES256', 'first');
const second = await signer('ES256', 'second');
const keyUrl = 'https://id.example/jwks.json';

interface Bench {
  readonly clock: VirtualClock;
  /** The status for a token of this key. */
  ask(by: Signer, signal?: AbortSignal): Promise<number>;
  readonly calls: { readonly url: string; readonly init: RequestInit }[];
  answer: () => Response | Promise<Response>;
  /** Resolves when the URL is asked next. */
  asked(): Promise<void>;
}

const keySet =
  (...keys: readonly unknown[]) =>
  (): Response =>
    Response.json({ keys });

function bench(options: Partial<RemoteKeysOptions> = {}): Bench {
  const clock = new VirtualClock();
  const calls: Bench['calls'] = [];
  let tell = (): void => {};
  const bench: Bench = {
    clock,
    calls,
    answer: keySet(first.jwk),
    asked: () => new Promise((resolve) => (tell = resolve)),
    async ask(by, signal) {
      const exp = Math.floor(clock.now() / 1_000) + 100;
      const authorization = `Bearer ${await by.token({ exp })}`;
      const init = { headers: { authorization }, ...(signal && { signal }) };
      return (await app(new Request('http://shop.example/', init))).status;
    },
  };
  const app = inbound(
    () => new Response('in'),
    jwt(
      { jwks: { url: keyUrl, ...options } },
      {
        clock,
        async fetch(url, init) {
          calls.push({ url, init });
          tell();
          return await bench.answer();
        },
      },
    ),
  );
  return bench;
}

describe('a key set', () => {
  test('JW-11 is fetched with the first token, and once for all that wait for it', async () => {
    const one = bench();
    const answers = await Promise.all(Array.from({ length: 20 }, () => one.ask(first)));
    expect(new Set(answers)).toEqual(new Set([200]));
    expect(one.calls.map(({ url }) => url)).toEqual([keyUrl]);
    expect(one.clock.pending).toBe(0);
  });

  test('JW-14 is not followed elsewhere', async () => {
    const one = bench();
    one.answer = () =>
      new Response(null, { status: 302, headers: { location: 'https://evil.example/' } });
    expect(await one.ask(first)).toBe(401);
    expect(one.calls).toHaveLength(1);
    expect(one.calls[0]?.init.redirect).toBe('manual');
    expect(new Headers(one.calls[0]?.init.headers).has('authorization')).toBe(false);
  });

  test('JW-11 is kept for `refresh`, and fetched again behind the next request, which does not wait', async () => {
    const one = bench({ refresh: '5m' });
    await one.ask(first);
    await one.clock.advance(299_000);
    expect(await one.ask(first)).toBe(200);
    expect(one.calls).toHaveLength(1);
    await one.clock.advance(1_000);
    one.answer = () => new Promise(() => {});
    expect(await one.ask(first)).toBe(200);
    expect(one.calls).toHaveLength(2);
  });

  test('JW-11 no longer holds a key that the issuer took back, once it was fetched again', async () => {
    const one = bench({ refresh: '5m' });
    await one.ask(first);
    one.answer = keySet(second.jwk);
    await one.clock.advance(300_000);
    await one.ask(first);
    await one.clock.advance(0);
    expect(await one.ask(first)).toBe(401);
    expect(await one.ask(second)).toBe(200);
    expect(one.calls).toHaveLength(2);
  });
});

describe('a key that the set does not have', () => {
  test('JW-12 is asked for, once in the cool-down', async () => {
    const one = bench({ coolDown: '30s' });
    await one.ask(first);
    one.answer = keySet(first.jwk, second.jwk);
    expect(await one.ask(second)).toBe(401);
    await one.clock.advance(30_000);
    expect(await one.ask(second)).toBe(200);
    expect(one.calls).toHaveLength(2);
  });

  test('JW-12 causes no traffic however many are made up', async () => {
    const one = bench({ coolDown: '30s' });
    await one.ask(first);
    await one.clock.advance(30_000);
    for (let index = 0; index < 50; index++) {
      const { token } = second;
      const made = {
        ...second,
        token: (claims: object) => token(claims, { kid: `made-up-${index}` }),
      };
      expect(await one.ask(made)).toBe(401);
    }
    expect(one.calls).toHaveLength(2);
  });
});

describe('JW-13 where the URL fails', () => {
  test.each<[string, () => Response | Promise<Response>]>([
    ['no connection', () => Promise.reject(new TypeError('fetch failed'))],
    ['status 500', () => new Response('oops', { status: 500 })],
    ['no JSON', () => new Response('<html>')],
    ['no set', () => Response.json({ key: [] })],
    ['null', () => Response.json(null)],
    ['too large', () => new Response(`{"keys":[],"pad":"${'x'.repeat(600_000)}"}`)],
    [
      'broken off',
      () =>
        new Response(new ReadableStream({ pull: (stream) => stream.error(new Error('reset')) })),
    ],
  ])('%s: tokens are bad, and the set at hand serves on', async (_, failing) => {
    const cold = bench();
    cold.answer = failing;
    expect(await cold.ask(first)).toBe(401);

    const warm = bench({ refresh: '5m', staleFor: '1h' });
    expect(await warm.ask(first)).toBe(200);
    warm.answer = failing;
    await warm.clock.advance(3_600_000);
    expect(await warm.ask(first)).toBe(200);
    await warm.clock.advance(300_000);
    expect(await warm.ask(first)).toBe(401);
  });

  test('JW-13 it is asked after 1 s, 2 s, 4 s … up to the cool-down', async () => {
    const one = bench({ coolDown: '5s' });
    one.answer = () => new Response(null, { status: 503 });
    const times: number[] = [];
    for (let second = 0; second < 24; second++) {
      const before = one.calls.length;
      expect(await one.ask(first)).toBe(401);
      if (one.calls.length > before) times.push(second);
      await one.clock.advance(1_000);
    }
    expect(times).toEqual([0, 1, 3, 7, 12, 17, 22]);
    one.answer = keySet(first.jwk);
    await one.clock.advance(5_000);
    expect(await one.ask(first)).toBe(200);
  });

  test('JW-13 a request waits for `timeout` and no longer', async () => {
    const one = bench({ timeout: '2s' });
    one.answer = () => new Promise(() => {});
    const begun = one.asked();
    const asked = one.ask(first);
    await begun;
    await one.clock.advance(2_000);
    expect(await asked).toBe(401);
    expect(one.clock.pending).toBe(0);
    expect(one.calls[0]?.init.signal?.aborted).toBe(true);
  });

  test('a fetch that died with its request holds up nobody for ever', async () => {
    const one = bench({ timeout: '2s' });
    // As on Workers: it settles never, not even when it is aborted.
    one.answer = () => new Promise(() => {});
    const begun = one.asked();
    const lost = one.ask(first);
    await begun;
    await one.clock.advance(2_000);
    await lost;
    one.answer = keySet(first.jwk);
    await one.clock.advance(1_000);
    expect(await one.ask(first)).toBe(200);
  });

  test('JW-13 a caller who leaves is let go at once, and the fetch goes on for the others', async () => {
    const one = bench();
    let answer: (response: Response) => void = () => {};
    one.answer = () =>
      new Promise((resolve) => {
        answer = resolve;
      });
    const leaving = new AbortController();
    const begun = one.asked();
    const left = one.ask(first, leaving.signal);
    await begun;
    const staying = one.ask(first);
    leaving.abort(new Error('gone'));
    await expect(left).rejects.toThrow('gone');
    answer(keySet(first.jwk)());
    expect(await staying).toBe(200);
    expect(one.clock.pending).toBe(0);
  });
});

describe('of what a set holds', () => {
  test('JW-14 symmetric keys are passed over: everybody can read them', async () => {
    const secret = 'x'.repeat(32);
    const one = bench();
    one.answer = keySet(
      { kty: 'oct', k: btoa(secret).replace(/=+$/, ''), kid: 'shared' },
      first.jwk,
    );
    const sign = await hmac(secret);
    const shared = {
      ...first,
      token: (claims: object) => forge({ alg: 'HS256', kid: 'shared' }, claims, sign),
    };
    expect(await one.ask(shared)).toBe(401);
    expect(await one.ask(first)).toBe(200);
  });

  test.each([
    ['nothing', [null, 7, 'key', {}]],
    ['keys for encryption', [{ ...first.jwk, use: 'enc' }]],
    ['keys of another algorithm', [{ ...first.jwk, alg: 'ES384' }]],
    ['keys of a kind nobody knows', [{ kty: 'XMSS', kid: 'first' }]],
    ['broken keys', [{ ...first.jwk, x: 'AA' }]],
    ['keys whose id is no text', [{ ...first.jwk, kid: 1 }]],
  ])('%s verifies no token', async (_, keys) => {
    const one = bench();
    one.answer = keySet(...keys);
    expect(await one.ask(first)).toBe(401);
  });

  test('JW-14 only the public part of a key is used', async () => {
    const one = bench();
    one.answer = keySet({ ...first.jwk, d: 'AA', key_ops: ['verify'], ext: false });
    expect(await one.ask(first)).toBe(200);
  });
});
