import { expect, test } from 'vitest';
import { parseCompiledRules } from '../../../src/rules/sources/compiled.ts';
import { rulesFrom } from '../../support/rules.ts';

const withState = (state: string) =>
  rulesFrom(`state: ${state}\nroutes: [{ path: /**, timeout: 3s }]\n`);

test.each([
  ['{}', { mode: 'leased', breakers: 'quorum', instances: 1 }],
  [
    '{ store: "redis://10.0.0.5:6379", mode: exact, breakers: any, instances: 3 }',
    { store: 'redis://10.0.0.5:6379', mode: 'exact', breakers: 'any', instances: 3 },
  ],
  [
    '{ store: { env: REDIS_URL }, breakers: alone }',
    { store: { env: 'REDIS_URL' }, mode: 'leased', breakers: 'alone', instances: 1 },
  ],
  ['{ store: "memory:" }', { store: 'memory:', mode: 'leased', breakers: 'quorum', instances: 1 }],
])('%s is read, and comes through a store', (written, expected) => {
  const rules = withState(written);
  expect(rules.state).toEqual(expected);
  expect(parseCompiledRules(JSON.stringify(rules)).state).toEqual(expected);
});

test.each([
  ['{"store":5,"mode":"exact","breakers":"any","instances":1}', /state\.store is 5, not a URL or/],
  [
    '{"mode":"some","breakers":"any","instances":1}',
    /state\.mode is "some", not one of leased, exact/,
  ],
  ['{"mode":"exact","breakers":"any","instances":0}', /state\.instances is 0/],
])('what is none is refused: %s', (state, message) => {
  const rules = { ...withState('{}'), state: JSON.parse(state) };
  expect(() => parseCompiledRules(JSON.stringify(rules))).toThrow(message);
});
