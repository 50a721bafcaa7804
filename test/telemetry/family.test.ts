import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createRegistry } from '../../src/telemetry/registry.ts';

function counter(labels: readonly string[], maxSeries = 2_000) {
  return createRegistry({ maxSeries }).counter({ name: 'events_total', help: 'Events.', labels });
}

function shownLabels(family: { readonly series: readonly { readonly labels: string }[] }) {
  return family.series.map(({ labels }) => labels);
}

/** Texts in which a joined key would trip: separators, escapes, control characters, halves of surrogate pairs. */
const awkward = fc.string({
  unit: fc.constantFrom(
    'a',
    'b',
    '\0',
    '"',
    '\\',
    '\n',
    ',',
    '=',
    '|',
    ':',
    '1',
    '\ud800',
    '\udfff',
    'é',
  ),
  maxLength: 4,
});

describe('finding a series', () => {
  test('the same values give the same handle, whatever the order of the object', () => {
    const family = counter(['method', 'status']);
    const handle = family.with({ method: 'GET', status: '200' });
    expect(family.with({ method: 'GET', status: '200' })).toBe(handle);
    expect(family.with({ status: '200', method: 'GET' })).toBe(handle);
    expect(family.series).toEqual([handle]);
  });

  test('the lookup form and the handle record into one series', () => {
    const family = counter(['method', 'status']);
    family.increment({ method: 'GET', status: '200' });
    family.with({ method: 'GET', status: '200' }).increment(2);
    expect(family.with({ method: 'GET', status: '200' }).value).toBe(3);
  });

  test('values that alternate do not end up in the series that was asked for last', () => {
    const family = counter(['method', 'status']);
    for (let turn = 0; turn < 3; turn++) {
      for (const method of ['GET', 'PUT']) {
        for (const status of ['200', '500']) family.increment({ method, status });
      }
    }
    expect(family.series.map(({ value }) => value)).toEqual([3, 3, 3, 3]);
  });

  test('distinct label values never share a series, equal ones always do', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(awkward, awkward, awkward), { maxLength: 40 }), (tuples) => {
        const family = counter(['a', 'b', 'c']);
        const expected = new Map<string, number>();
        for (const [a, b, c] of tuples) {
          family.increment({ a, b, c });
          const key = JSON.stringify([a.toWellFormed(), b.toWellFormed(), c.toWellFormed()]);
          expected.set(key, (expected.get(key) ?? 0) + 1);
        }
        const values = family.series.map(({ value }) => value);
        expect(values).toEqual([...expected.values()]);
        expect(new Set(shownLabels(family)).size).toBe(expected.size);
      }),
    );
  });

  test('names that every object inherits are labels like any other', () => {
    const family = counter(['constructor', 'toString']);
    family.increment({ constructor: 'a', toString: 'b' });
    family.increment({} as never);
    expect(shownLabels(family)).toEqual([
      'constructor="a",toString="b"',
      'constructor="",toString=""',
    ]);
  });

  test.each<[string, object, string]>([
    ['a number', { method: 'GET', status: 200 }, 'method="GET",status="200"'],
    ['a label that is missing', { method: 'GET' }, 'method="GET",status=""'],
    ['undefined', { method: 'GET', status: undefined }, 'method="GET",status=""'],
    ['one label too many', { method: 'GET', status: '200', x: '' }, 'method="GET",status="200"'],
    [
      'lone surrogates',
      { method: '\ud800', status: 'a\udc00' },
      'method="\ufffd",status="a\ufffd"',
    ],
  ])('%s makes one series, however often it comes', (_, values, labels) => {
    const family = counter(['method', 'status']);
    for (let turn = 0; turn < 3; turn++) family.increment(values as never);
    expect(shownLabels(family)).toEqual([labels]);
    expect(family.series[0]?.value).toBe(3);
  });

  test('values that are the same once they are well-formed share a series, as the scrape demands', () => {
    const family = counter(['path']);
    for (const path of ['\ud800', '\udfff', '\ufffd', '\ud800']) family.increment({ path });
    expect(shownLabels(family)).toEqual(['path="\ufffd"']);
    expect(family.series[0]?.value).toBe(4);
  });

  test('labels are escaped as both formats want it', () => {
    const family = counter(['path']);
    family.increment({ path: 'C:\\new\n"quoted"\r\t\0é' });
    expect(shownLabels(family)).toEqual(['path="C:\\\\new\\n\\"quoted\\"\r\t\0é"']);
  });

  test('without labels there is one series, from the start', () => {
    const family = counter([]);
    expect(shownLabels(family)).toEqual(['']);
    family.increment({});
    expect(family.series[0]).toBe(family.with({}));
    expect(family.series[0]?.value).toBe(1);
  });
});

describe('the limit of series', () => {
  test('what comes beyond is summed up in one series whose labels are all __overflow__', () => {
    const family = counter(['method', 'path'], 2);
    for (const path of ['/1', '/2', '/3', '/4', '/1']) family.increment({ method: 'GET', path });
    expect(family.series.map(({ labels, value }) => [labels, value])).toEqual([
      ['method="GET",path="/1"', 2],
      ['method="GET",path="/2"', 1],
      ['method="__overflow__",path="__overflow__"', 2],
    ]);
    expect(family.with({ method: 'PUT', path: '/' })).toBe(
      family.with({ method: 'GET', path: '/9' }),
    );
  });

  test('it is 2000 where nothing else is said, for each metric of its own', () => {
    const registry = createRegistry();
    const one = registry.counter({ name: 'one_total', help: '', labels: ['id'] });
    const two = registry.gauge({ name: 'two', help: '', labels: ['id'] });
    for (let id = 0; id < 2_500; id++) {
      one.increment({ id: String(id) });
      if (id < 2_000) two.set({ id: String(id) }, id);
    }
    expect(one.series.length).toBe(2_001);
    expect(one.series.at(-1)?.value).toBe(500);
    expect(two.series.length).toBe(2_000);
  });

  test('nothing is lost from the sum, and no more than one series comes on top', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5 }),
        fc.array(fc.tuple(fc.constantFrom('a', 'b', '__overflow__'), awkward), { maxLength: 60 }),
        (maxSeries, tuples) => {
          const family = counter(['a', 'b'], maxSeries);
          for (const [a, b] of tuples) family.increment({ a, b });
          const sum = family.series.reduce((total, { value }) => total + value, 0);
          expect(sum).toBe(tuples.length);
          expect(family.series.length).toBeLessThanOrEqual(maxSeries + 1);
        },
      ),
    );
  });

  test('a client that sends __overflow__ gets the overflow, not a second series of its labels', () => {
    const family = counter(['path'], 2);
    for (const path of ['__overflow__', '/1', '/2', '__overflow__', '/3'])
      family.increment({ path });
    expect(new Set(shownLabels(family)).size).toBe(family.series.length);
    expect(family.with({ path: '__overflow__' })).toBe(family.with({ path: '/9' }));
    expect(family.with({ path: '__overflow__' }).value).toBe(4);
  });
});

describe('taking a series away', () => {
  test('leaves the others, and a new one begins at nothing', () => {
    const family = counter(['method', 'status']);
    const gone = family.with({ method: 'GET', status: '200' });
    gone.increment(5);
    const kept = family.with({ method: 'GET', status: '503' });
    family.remove({ status: '200', method: 'GET' });
    expect(family.series).toEqual([kept]);
    expect(family.with({ method: 'GET', status: '503' })).toBe(kept);
    const anew = family.with({ method: 'GET', status: '200' });
    expect(anew).not.toBe(gone);
    expect(anew.value).toBe(0);
  });

  test('of labels that nobody has used changes nothing', () => {
    const family = counter(['method', 'status']);
    const kept = family.with({ method: 'GET', status: '200' });
    family.remove({ method: 'PUT', status: '200' });
    family.remove({ method: 'GET', status: '404' });
    expect(family.series).toEqual([kept]);
    const single = counter([]);
    single.remove({});
    expect(single.series.length).toBe(1);
  });

  test('makes room below the limit of series', () => {
    const family = counter(['name'], 2);
    family.with({ name: 'a' });
    family.with({ name: 'b' });
    family.remove({ name: 'a' });
    family.with({ name: 'c' });
    expect(shownLabels(family)).toEqual(['name="b"', 'name="c"']);
  });
});
