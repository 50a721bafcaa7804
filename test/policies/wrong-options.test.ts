import { describe, expect, test } from 'vitest';
import { policyFactories } from '../support/policy-factories.ts';
import { wrongOptions } from './wrong-options.ts';

const factories = Object.entries(wrongOptions);

test('each factory of a policy has rows, and there are plenty of them', () => {
  const found = policyFactories('policies', 'routing', 'security');
  expect(found.filter((name) => !Object.hasOwn(wrongOptions, name))).toEqual([]);
  const rows = factories.map(([name, { refused }]) => [name, refused.length] as const);
  expect(rows.filter(([, count]) => count < 3)).toEqual([]);
  expect(rows.reduce((sum, [, count]) => sum + count, 0)).toBeGreaterThanOrEqual(80);
});

test('no row is there twice', () => {
  for (const [name, { refused }] of factories) {
    const rows = refused.map((row) => JSON.stringify(row));
    expect(
      rows.filter((row, index) => rows.indexOf(row) !== index),
      name,
    ).toEqual([]);
  }
});

describe.each(
  factories.flatMap(([name, { make, taken }]) => (taken ? [[name, make, taken] as const] : [])),
)('%s', (_, make, taken) => {
  test.each(taken.map((given) => [given] as const))('takes %j', (given) => {
    expect(() => make(...(given as never[]))).not.toThrow();
  });
});

describe.each(
  factories.map(
    ([name, factory]) =>
      [`${factory.sentence ?? ''} ${name} refuses at once`.trimStart(), name, factory] as const,
  ),
)('%s', (_, name, { make, refused }) => {
  test.each(refused)('%j', (given, message) => {
    let refusal: unknown;
    try {
      make(...(given as never[]));
    } catch (error) {
      refusal = error;
    }
    expect(refusal).toBeInstanceOf(RangeError);
    expect((refusal as RangeError).message).toBe(message);
  });

  test('in words that begin with its name', () => {
    // A pressure is made by shed for the most part.
    const owner = name === 'pressure' ? '(?:shed|pressure)' : name;
    for (const [, message] of refused) expect(message).toMatch(new RegExp(`^${owner}\\b`));
  });

  test('an option that there is not', () => {
    expect(refused.map(([, message]) => message).join()).toMatch(/there is no option '\w+', only /);
  });
});
