import { describe, expect, test } from 'vitest';
import { createRegistry, type Registry } from '../../src/telemetry/registry.ts';

function labelsOf(registry: Registry): readonly string[] {
  return registry.collect().flatMap(({ series }) => series.map(({ labels }) => labels));
}

describe('declaring a metric', () => {
  test('again, with the same type, labels, help and buckets, gives the same metric', () => {
    const registry = createRegistry({ constantLabels: { zone: 'a', host: 'b' } });
    const counter = registry.counter({ name: 'c_total', help: 'C.', labels: ['a', 'b'] });
    expect(registry.counter({ labels: ['b', 'a'], help: 'C.', name: 'c_total' })).toBe(counter);
    const gauge = registry.gauge({ name: 'g', help: 'G.', constantLabels: { x: '1', y: '2' } });
    const again = registry.gauge({
      name: 'g',
      help: 'G.',
      labels: [],
      constantLabels: { y: '2', x: '1', zone: 'a' },
    });
    expect(again).toBe(gauge);
    const histogram = registry.histogram({ name: 'h', help: 'H.', buckets: [1, 2] });
    expect(registry.histogram({ name: 'h', help: 'H.', buckets: [1, 2] })).toBe(histogram);
    expect(registry.collect()).toEqual([counter, gauge, histogram]);
  });

  test.each<[string, (registry: Registry) => unknown, string]>([
    [
      'type',
      (registry) => registry.gauge({ name: 'a_total', help: 'A.', labels: ['x'] }),
      'a_total: declared before with type counter, now with gauge; a name has one declaration',
    ],
    [
      'help',
      (registry) => registry.counter({ name: 'a_total', help: 'B.', labels: ['x'] }),
      'a_total: declared before with help "A.", now with "B."; a name has one declaration',
    ],
    [
      'labels',
      (registry) => registry.counter({ name: 'a_total', help: 'A.', labels: ['x', 'y'] }),
      'a_total: declared before with labels ["x"], now with ["x","y"]; a name has one declaration',
    ],
    [
      'constant labels',
      (registry) =>
        registry.counter({
          name: 'a_total',
          help: 'A.',
          labels: ['x'],
          constantLabels: { y: '1' },
        }),
      'a_total: declared before with constantLabels [], now with [["y","1"]]; a name has one declaration',
    ],
    [
      'buckets',
      (registry) => registry.histogram({ name: 'h', help: 'H.', buckets: [1, 3] }),
      'h: declared before with buckets [1,2], now with [1,3]; a name has one declaration',
    ],
  ])('again with other %s is refused', (_, declare, message) => {
    const registry = createRegistry();
    registry.counter({ name: 'a_total', help: 'A.', labels: ['x'] });
    registry.histogram({ name: 'h', help: 'H.', buckets: [1, 2] });
    expect(() => declare(registry)).toThrow(new Error(message));
    expect(registry.collect().length).toBe(2);
  });

  test.each<[string, string, (registry: Registry) => unknown]>([
    ['h_sum', 'h_sum', (registry) => registry.gauge({ name: 'h_sum', help: '' })],
    ['h_bucket', 'h_bucket', (registry) => registry.gauge({ name: 'h_bucket', help: '' })],
    ['h_count', 'h_count', (registry) => registry.gauge({ name: 'h_count', help: '' })],
    ['h_created', 'h_created', (registry) => registry.gauge({ name: 'h_created', help: '' })],
    ['a', 'a', (registry) => registry.gauge({ name: 'a', help: '' })],
    ['a', 'a_total', (registry) => registry.counter({ name: 'a', help: '' })],
    ['a_created', 'a_created', (registry) => registry.gauge({ name: 'a_created', help: '' })],
  ])('%s, where another metric is shown as %s, is refused', (name, shownAs, declare) => {
    const registry = createRegistry();
    const { name: owner } = shownAs.startsWith('h')
      ? registry.histogram({ name: 'h', help: '', buckets: [1] })
      : registry.counter({ name: 'a_total', help: '' });
    expect(() => declare(registry)).toThrow(
      new RegExp(`\\.name: '${name}' and '${owner}' would both be shown as '(${shownAs}|a)'$`),
    );
  });

  test('the name of the count of ignored observations is taken', () => {
    const name = 'fetchmesh_ignored_observations_total';
    expect(() => createRegistry().gauge({ name, help: '' })).toThrow(
      `registry.gauge.name: '${name}' and '${name}' would both be shown as '${name}'`,
    );
  });

  const refusals: readonly (readonly [() => unknown, string])[] = [
    [
      () => createRegistry({ maxSeries: 0 }),
      'createRegistry.maxSeries: 0 is not a whole number above 0',
    ],
    [
      () => createRegistry({ maxSeries: 1.5 }),
      'createRegistry.maxSeries: 1.5 is not a whole number above 0',
    ],
    [
      () => createRegistry({ constantLabels: { '0': 'x' } }),
      'createRegistry.constantLabels: "0" is not a label name (letters, digits and _, no digit and no __ first)',
    ],
    [
      () => createRegistry({ constantLabels: { pod: 1 as never } }),
      'createRegistry.constantLabels.pod: 1 is not a text',
    ],
    [
      () => createRegistry().counter({ name: 'bad-name', help: '' }),
      'registry.counter.name: "bad-name" is not a metric name (letters, digits, _ and :, no digit first)',
    ],
    [
      () => createRegistry().gauge({ name: '1st', help: '' }),
      'registry.gauge.name: "1st" is not a metric name (letters, digits, _ and :, no digit first)',
    ],
    [
      () => createRegistry().gauge({ name: 'a\n', help: '' }),
      'registry.gauge.name: "a\\n" is not a metric name (letters, digits, _ and :, no digit first)',
    ],
    [
      () => createRegistry().histogram({ name: undefined as never, help: '', buckets: [1] }),
      'registry.histogram.name: undefined is not a metric name (letters, digits, _ and :, no digit first)',
    ],
    [
      () => createRegistry().counter({ name: '_total', help: '' }),
      'registry.counter.name: "_total" is not a metric name (letters, digits, _ and :, no digit first)',
    ],
    [
      () => createRegistry().counter({ name: 'a', help: undefined as never }),
      'a.help: undefined is not a text',
    ],
    [
      () => createRegistry().counter({ name: 'a', help: '', labels: 'method' as never }),
      'a.labels: "method" is not a list of label names',
    ],
    [
      () => createRegistry().counter({ name: 'a', help: '', labels: ['x:y'] }),
      'a.labels: "x:y" is not a label name (letters, digits and _, no digit and no __ first)',
    ],
    [
      () => createRegistry().counter({ name: 'a', help: '', labels: ['__name__'] }),
      'a.labels: "__name__" is not a label name (letters, digits and _, no digit and no __ first)',
    ],
    [
      () => createRegistry().counter({ name: 'a', help: '', labels: ['x', 'x'] }),
      "a.labels: 'x' is declared twice; a label has one value",
    ],
    [
      () =>
        createRegistry().counter({
          name: 'a',
          help: '',
          labels: ['x'],
          constantLabels: { x: '1' },
        }),
      "a.labels: 'x' is declared twice; a label has one value",
    ],
    [
      () =>
        createRegistry({ constantLabels: { x: '1' } }).counter({
          name: 'a',
          help: '',
          labels: ['x'],
        }),
      "a.labels: 'x' is declared twice; a label has one value",
    ],
    [
      () => createRegistry().histogram({ name: 'h', help: '', labels: ['le'], buckets: [1] }),
      'h.labels: "le" is not a label name (letters, digits and _, no digit and no __ first, not le)',
    ],
    [
      () =>
        createRegistry({ constantLabels: { le: '1' } }).histogram({
          name: 'h',
          help: '',
          buckets: [1],
        }),
      'h.constantLabels: "le" is not a label name (letters, digits and _, no digit and no __ first, not le)',
    ],
    ...(
      [
        ['[]', []],
        ['[1, 1]', [1, 1]],
        ['[2, 1]', [2, 1]],
        ['[1, Infinity]', [1, Number.POSITIVE_INFINITY]],
        ['[NaN]', [Number.NaN]],
        ['undefined', undefined],
        ['"1"', '1'],
      ] as const
    ).map(([text, buckets]): [() => unknown, string] => [
      () => createRegistry().histogram({ name: 'h', help: '', buckets: buckets as never }),
      `h.buckets: ${text} is not a strictly increasing list of finite numbers`,
    ]),
  ];
  test.each(refusals.map(([declare, message]) => [message, declare] as const))(
    'is refused: %s',
    (message, declare) => {
      expect(declare).toThrow(new RangeError(message));
    },
  );

  test('le is a label like any other where there are no buckets', () => {
    expect(() => createRegistry().counter({ name: 'a', help: '', labels: ['le'] })).not.toThrow();
  });

  test('a metric that was refused leaves nothing behind', () => {
    const registry = createRegistry();
    const refused = { name: 'h', help: '', labels: ['le'], buckets: [1] };
    expect(() => registry.histogram(refused)).toThrow(RangeError);
    expect(registry.collect()).toEqual([]);
    expect(() => registry.gauge({ name: 'h_sum', help: '' })).not.toThrow();
  });
});

describe('constant labels', () => {
  test('of the registry come first, then those of the metric, which override them', () => {
    const registry = createRegistry({ constantLabels: { zone: 'a', host: 'one' } });
    const options = {
      name: 'g',
      help: '',
      labels: ['x'],
      constantLabels: { host: '"two"', service: 'shop' },
    };
    registry.gauge(options).set({ x: '1' }, 1);
    expect(labelsOf(registry)).toEqual(['zone="a",host="\\"two\\"",service="shop",x="1"']);
  });

  test('cannot be changed afterwards, nor can the names of labels', () => {
    const shared = { zone: 'a' };
    const registry = createRegistry({ constantLabels: shared });
    const own = { service: 'shop' };
    const labels = ['x'];
    const gauge = registry.gauge({ name: 'g', help: '', labels, constantLabels: own });
    shared.zone = 'changed';
    own.service = 'changed';
    labels[0] = 'changed';
    gauge.set({ x: '1' }, 1);
    expect(labelsOf(registry)).toEqual(['zone="a",service="shop",x="1"']);
  });

  test('stand on the count of ignored observations too, but for one of its own name', () => {
    const registry = createRegistry({ constantLabels: { metric: 'mine', zone: 'a' } });
    registry.counter({ name: 'a_total', help: '' }).increment({}, -1);
    expect(labelsOf(registry)).toEqual(['metric="mine",zone="a"', 'zone="a",metric="a_total"']);
  });
});

describe('onCollect', () => {
  test('is called before each collection, in order, until its subscription ends', () => {
    const registry = createRegistry();
    const calls: string[] = [];
    const end = registry.onCollect(() => calls.push('a'));
    registry.onCollect(() => calls.push('b'));
    registry.collect();
    end();
    end();
    registry.collect();
    expect(calls).toEqual(['a', 'b', 'b']);
  });

  test('given twice it is called twice, and ended once it is called once', () => {
    const registry = createRegistry();
    let calls = 0;
    const count = (): void => void calls++;
    const end = registry.onCollect(count);
    registry.onCollect(count);
    registry.collect();
    expect(calls).toBe(2);
    end();
    registry.collect();
    expect(calls).toBe(3);
  });

  test('a metric that a callback declares is in the same collection', () => {
    const registry = createRegistry();
    registry.onCollect(() => registry.gauge({ name: 'late', help: '' }).set({}, 1));
    expect(registry.collect().map(({ name }) => name)).toEqual(['late']);
  });

  test('what it throws fails the collection', () => {
    const registry = createRegistry();
    registry.onCollect(() => {
      throw new Error('the pool is gone');
    });
    expect(() => registry.collect()).toThrow('the pool is gone');
  });
});
