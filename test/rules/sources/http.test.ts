import { describe, expect, test } from 'vitest';
import { followRules, type RulesEvent } from '../../../src/rules/sources/follow.ts';
import { type HttpRulesOptions, httpRules } from '../../../src/rules/sources/http.ts';
import { rulesFrom } from '../../support/rules.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const url = 'https://config.example/rules.json?token=hunter2';
const first = JSON.stringify(rulesFrom('routes: [{ path: /a, respond: { status: 200 } }]'));
const second = JSON.stringify(rulesFrom('routes: [{ path: /b, respond: { status: 200 } }]'));

/** A source whose server answers as told, with what it was asked. */
function sourceOf(answers: readonly (() => Response)[], options: HttpRulesOptions = {}) {
  const asked: { readonly headers: Headers; readonly init: RequestInit }[] = [];
  const source = httpRules(url, {
    fetch: async (_, init) => {
      const answer = answers[Math.min(asked.length, answers.length - 1)];
      asked.push({ headers: new Headers(init.headers), init });
      return (answer as () => Response)();
    },
    ...options,
  });
  const look = () => source.latest(new AbortController().signal);
  return { source, asked, look };
}

const unchanged = (): Response => new Response(null, { status: 304 });
const answering = (body: string, etag?: string) => (): Response =>
  new Response(body, etag === undefined ? {} : { headers: { etag } });

describe('rules behind a URL', () => {
  test('are asked for by their ETag, and are the same where the server says so', async () => {
    const { look, asked } = sourceOf([
      answering(first, '"1"'),
      unchanged,
      answering(second, 'W/"2"'),
    ]);
    expect((await look())?.revision).toBe(1);
    const again = await look();
    expect(again?.revision).toBe(1);
    const { routes } = (await again?.read(new AbortController().signal)) ?? { routes: [] };
    expect(routes.map(({ path }) => path)).toEqual(['/a']);
    expect((await look())?.revision).toBe(2);
    await look();
    expect(asked.map(({ headers }) => headers.get('if-none-match'))).toEqual([
      null,
      '"1"',
      '"1"',
      'W/"2"',
    ]);
  });

  test('without an ETag the content decides', async () => {
    const { look } = sourceOf([answering(first), answering(first), answering(second)]);
    expect([await look(), await look(), await look()].map((each) => each?.revision)).toEqual([
      1, 1, 2,
    ]);
  });

  test('are read as whoever asks for them wants', async () => {
    const { look } = sourceOf([answering(first)], {
      read: async (json) =>
        json === first ? rulesFrom('routes: [{ path: /own }]') : rulesFrom(''),
    });
    const rules = await (await look())?.read(new AbortController().signal);
    expect(rules?.routes.map(({ path }) => path)).toEqual(['/own']);
  });

  test('come from nowhere else: a redirect is not followed', async () => {
    const moved = (): Response =>
      new Response(null, { status: 302, headers: { location: 'https://evil.example/' } });
    const { look, asked } = sourceOf([moved]);
    await expect(look()).rejects.toThrow('the answer is 302; redirects are not followed');
    expect(asked[0]?.init.redirect).toBe('manual');
  });

  test.each([404, 410])('%i: none are published', async (status) => {
    const { look } = sourceOf([() => new Response('gone', { status })]);
    expect(await look()).toBeUndefined();
  });

  test('a 304 that nothing was asked for is no answer', async () => {
    await expect(sourceOf([unchanged]).look()).rejects.toThrow('the answer is 304');
  });

  test('more than the bound is not read', async () => {
    let isCancelled = false;
    const endless = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new Uint8Array(1_000).fill(32)),
      cancel() {
        isCancelled = true;
      },
    });
    const { look } = sourceOf([() => new Response(endless)], { maxBytes: 5_000 });
    await expect(look()).rejects.toThrow('the answer has more than 5000 bytes');
    expect(isCancelled).toBe(true);
  });

  test('bytes that are no UTF-8 are refused', async () => {
    const { look } = sourceOf([() => new Response(new Uint8Array([123, 255, 125]))]);
    await expect(look()).rejects.toThrow('the answer is not UTF-8');
  });

  test('the name shows no query', () => {
    expect(sourceOf([unchanged]).source.name).toBe('https://config.example/rules.json');
  });

  test.each([
    ['ftp://a.example/', 'not an http or https URL'],
    ['rules.json', 'not an http or https URL'],
    ['https://ada:hunter2@a.example/', 'credentials belong into `headers`'],
  ])('%s is refused', (bad, why) => {
    expect(() => httpRules(bad)).toThrow(why);
    expect(() => httpRules(bad)).toThrow(RangeError);
  });

  test('R1: what is no rules, or no answer at all, leaves the last good ones in force', async () => {
    const fail = (): Response => {
      throw new TypeError('connection refused');
    };
    const { source } = sourceOf([
      answering(first, '"1"'),
      answering('{ "routes": 1 }', '"2"'),
      fail,
      () => new Response('oops', { status: 500 }),
      answering(second, '"3"'),
    ]);
    const applied: string[] = [];
    const events: RulesEvent['type'][] = [];
    const followed = followRules({
      source,
      clock: new VirtualClock(),
      apply: ({ routes }) => applied.push(routes[0]?.path ?? ''),
      onEvent: ({ type }) => events.push(type),
    });
    for (let look = 0; look < 5; look++) await followed.refresh();
    expect(events).toEqual(['applied', 'refused', 'unreachable', 'unreachable', 'applied']);
    expect(applied).toEqual(['/a', '/b']);
  });
});
