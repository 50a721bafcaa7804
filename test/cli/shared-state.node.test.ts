import { expect, test, vi } from 'vitest';
import { readState, stateOf } from '../../src/cli/shared-state.ts';

const defaults = { mode: 'leased', breakers: 'quorum', instances: 1 } as const;

test('without a word from anybody nothing is shared', () => {
  expect(stateOf(readState({}), undefined)).toEqual(defaults);
});

test('options go before rules, one by one', () => {
  const written = { ...defaults, store: 'redis://rules', mode: 'exact', instances: 4 } as const;
  expect(stateOf(readState({}), written)).toEqual(written);
  const given = readState({ store: 'redis://option', breakers: 'alone', instances: '2' });
  expect(stateOf(given, written)).toEqual({
    ...{ store: 'redis://option', mode: 'exact', breakers: 'alone', instances: 2 },
  });
});

test('a variable that holds the URL is read when it is needed', () => {
  const written = { ...defaults, store: { env: 'FETCHMESH_TEST_STORE' } };
  expect(() => stateOf({}, written)).toThrow(
    'state.store: the variable FETCHMESH_TEST_STORE is not set',
  );
  expect(stateOf(readState({ store: 'memory:' }), written).store).toBe('memory:');
  vi.stubEnv('FETCHMESH_TEST_STORE', 'redis://:hunter2@db');
  try {
    expect(stateOf({}, written).store).toBe('redis://:hunter2@db');
  } finally {
    vi.unstubAllEnvs();
  }
});

test.each([
  [{ 'store-mode': 'best' }, "--store-mode: 'best' is not a mode, 'leased' or 'exact'"],
  [{ breakers: 'some' }, "--breakers: 'some' is not 'quorum', 'any' or 'alone'"],
  [{ instances: '0' }, "--instances: '0' is not a whole number above 0"],
])('%j is refused', (options, message) => {
  expect(() => readState(options)).toThrow(message);
});
