import { describe, expect, test } from 'vitest';
import type { Exemplar } from '../../src/telemetry/instruments.ts';
import { createRegistry, type Registry } from '../../src/telemetry/registry.ts';

const notFinite = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
const notNumbers = ['1', 1n, null, {}] as unknown as readonly number[];

function ignoredOf(registry: Registry): readonly (readonly [string, number])[] {
  const last = registry.collect().at(-1);
  if (last?.kind !== 'counter' || last.name !== 'fetchmesh_ignored_observations_total') return [];
  return last.series.map(({ labels, value }) => [labels, value]);
}

describe('counter', () => {
  test('goes up by 1 or by what is given, fractions included', () => {
    const series = createRegistry().counter({ name: 'c_total', help: '' }).with({});
    series.increment();
    series.increment(0);
    series.increment(2.5);
    expect(series.value).toBe(3.5);
  });

  test.each([-1, ...notFinite, ...notNumbers])('leaves %o out and counts it', (by) => {
    const registry = createRegistry();
    const family = registry.counter({ name: 'c_total', help: '', labels: ['a'] });
    expect(ignoredOf(registry)).toEqual([]);
    family.increment({ a: '' }, by);
    family.with({ a: '' }).increment(by);
    family.increment({ a: '' }, 1);
    expect(family.with({ a: '' }).value).toBe(1);
    expect(ignoredOf(registry)).toEqual([['metric="c_total"', 2]]);
  });
});

describe('gauge', () => {
  test('is set, goes up and goes down, by handle and by labels', () => {
    const family = createRegistry().gauge({ name: 'g', help: '', labels: ['a'] });
    const series = family.with({ a: '1' });
    series.set(5);
    series.increment();
    series.decrement(10);
    expect(series.value).toBe(-4);
    family.set({ a: '1' }, 7);
    family.increment({ a: '1' }, 0.5);
    family.decrement({ a: '1' });
    expect(series.value).toBe(6.5);
  });

  test.each(notFinite)('may be set to %d', (value) => {
    const series = createRegistry().gauge({ name: 'g', help: '' }).with({});
    series.set(value);
    expect(series.value).toBe(value);
  });

  test.each([...notFinite, ...notNumbers])('is not spoilt by an increment of %o', (by) => {
    const registry = createRegistry();
    const series = registry.gauge({ name: 'g', help: '' }).with({});
    series.set(3);
    series.increment(by);
    expect(series.value).toBe(3);
    expect(ignoredOf(registry)).toEqual([['metric="g"', 1]]);
  });

  test.each(notNumbers)('is not set to %o', (value) => {
    const registry = createRegistry();
    const series = registry.gauge({ name: 'g', help: '' }).with({});
    series.set(value);
    expect(series.value).toBe(0);
    expect(ignoredOf(registry)).toEqual([['metric="g"', 1]]);
  });
});

describe('histogram', () => {
  function histogram(buckets: readonly number[], registry = createRegistry()) {
    return registry.histogram({ name: 'h', help: '', labels: [], buckets }).with({});
  }

  test('a bound belongs to the bucket below it, and what is above all bounds to +Inf', () => {
    const series = histogram([0.1, 1, 10]);
    for (const value of [0, 0.1, 0.11, 1, 9.99, 10, 10.01, 1e9]) series.observe(value);
    expect([...series.counts]).toEqual([2, 2, 2, 2]);
    expect(series.sum).toBeCloseTo(1_000_000_031.21);
  });

  test.each([-0.001, ...notFinite, ...notNumbers])('leaves %o out and counts it', (value) => {
    const registry = createRegistry();
    const series = histogram([1], registry);
    series.observe(value, { labels: { trace_id: 'a' } });
    series.observe(0.5);
    expect([...series.counts]).toEqual([1, 0]);
    expect(series.sum).toBe(0.5);
    expect(series.exemplars).toEqual([]);
    expect(ignoredOf(registry)).toEqual([['metric="h"', 1]]);
  });

  test('values below zero count where a bucket is below zero', () => {
    const series = histogram([-1, 1]);
    for (const value of [-5, -1, -0.5, 2]) series.observe(value);
    expect([...series.counts]).toEqual([2, 1, 1]);
    expect(series.sum).toBe(-4.5);
  });

  test('the list of buckets stays the caller’s own', () => {
    const buckets = [1, 2];
    const family = createRegistry().histogram({ name: 'h', help: '', buckets });
    buckets[0] = 5;
    family.observe({}, 1.5);
    expect([...family.with({}).counts]).toEqual([0, 1, 0]);
    expect(family.buckets).toEqual([1, 2]);
    const frozen = Object.freeze([1, 2]);
    expect(() =>
      createRegistry().histogram({ name: 'h', help: '', buckets: frozen }),
    ).not.toThrow();
  });

  test('each bucket keeps its last exemplar, as a copy', () => {
    const series = histogram([1, 10]);
    const labels = { trace_id: 'a' };
    series.observe(0.5, { labels });
    series.observe(0.7, { labels, timestampMs: 1_500 });
    series.observe(0.9);
    series.observe(5, { labels: {} });
    labels.trace_id = 'changed';
    expect(series.exemplars).toEqual([
      { labels: { trace_id: 'a' }, value: 0.7, timestampMs: 1_500 },
      { labels: {}, value: 5, timestampMs: undefined },
    ]);
  });

  test.each<[string, 'kept' | 'left out', Exemplar['labels']]>([
    ['128 characters', 'kept', { trace_id: 'x'.repeat(120) }],
    ['129 characters', 'left out', { trace_id: 'x'.repeat(121) }],
    ['128 characters in two labels', 'kept', { a: 'x'.repeat(63), b: 'y'.repeat(63) }],
    ['129 characters in two labels', 'left out', { a: 'x'.repeat(63), b: 'y'.repeat(64) }],
    ['a value that is no text', 'left out', { trace_id: undefined } as never],
  ])('an exemplar of %s is %s, and its value counts in any case', (_, verdict, labels) => {
    const series = histogram([1]);
    series.observe(0.5, { labels });
    expect(series.exemplars.length).toBe(verdict === 'kept' ? 1 : 0);
    expect([...series.counts]).toEqual([1, 0]);
  });
});
