import { describe, expect, test } from 'vitest';
import { nearest, suggest } from '../../src/rules/suggest.ts';

const keys = ['timeout', 'retries', 'max_delay', 'base_delay', 'to', 'path'];

describe('suggest', () => {
  test.each([
    ['timout', 'timeout'],
    ['tiemout', 'timeout'],
    ['timeoutt', 'timeout'],
    ['maxDelay', 'max_delay'],
    ['MAX-DELAY', 'max_delay'],
    ['pth', 'path'],
  ])('E3: %s is taken for %s', (word, meant) => {
    expect(suggest(word, keys)).toBe(meant);
  });

  test('E3: a third of the letters may differ, of short words one', () => {
    expect(suggest('retrxxs', keys)).toBe('retries');
    expect(suggest('retxxxs', keys)).toBeUndefined();
    expect(suggest('ty', keys)).toBe('to');
    expect(suggest('xy', keys)).toBeUndefined();
  });

  test('of two that are equally near none is suggested', () => {
    expect(suggest('v3', ['v1', 'v2'])).toBeUndefined();
    expect(suggest('v1', ['v1', 'v2'])).toBe('v1');
  });

  test('nearest: all that are equally near, and nothing that is not', () => {
    expect(nearest('retrys', [...keys, 'retry_on'])).toEqual(['retries', 'retry_on']);
    expect(nearest('xy', keys)).toEqual([]);
  });

  test('what is far too long is not compared', () => {
    expect(suggest('t'.repeat(1_000_000), keys)).toBeUndefined();
  });
});
