import { expect, test } from 'vitest';
import {
  mergeRegisters,
  mostCircuits,
  type Register,
  readRegister,
  writeRegister,
} from '../../../../src/policies/breaker/fleet/register.ts';
import type { Vote } from '../../../../src/policies/breaker/fleet/votes.ts';

const vote = (id: string, epoch: number): Vote => ({
  ...{ id, state: 'open', epoch, openMs: 1_000, openedAt: 5_000 },
});
const register = (beats: Record<string, number>, circuits: Record<string, Vote[]>): Register => ({
  beats: new Map(Object.entries(beats)),
  circuits: new Map(Object.entries(circuits)),
});

test('two registers are one, in whichever order they meet', () => {
  const one = register({ a: 3, b: 1 }, { pay: [vote('a', 2)], ship: [vote('a', 1)] });
  const other = register({ b: 4, c: 1 }, { pay: [vote('a', 1), vote('b', 3)] });
  const both = mergeRegisters(one, other);
  expect(both).toEqual(
    register({ a: 3, b: 4, c: 1 }, { pay: [vote('b', 3), vote('a', 2)], ship: [vote('a', 1)] }),
  );
  expect(writeRegister(mergeRegisters(other, one))).toBe(writeRegister(both));
  expect(writeRegister(mergeRegisters(both, one))).toBe(writeRegister(both));
  expect(readRegister(writeRegister(both))).toEqual(both);
});

test('a register has its bound, whoever writes', () => {
  const many = (from: number) =>
    register(
      {},
      Object.fromEntries(
        Array.from({ length: mostCircuits }, (_, at) => [`c${from + at}`, [vote('a', 1)]]),
      ),
    );
  const merged = mergeRegisters(many(0), many(mostCircuits));
  expect(merged.circuits.size).toBe(mostCircuits);
  expect(mergeRegisters(many(mostCircuits), many(0))).toEqual(merged);
});

test.each([
  undefined,
  'no JSON',
  'null',
  '[]',
  '{"beats":[1],"circuits":"x"}',
  '{"beats":{"":1,"a":-1,"b":"2"}}',
])('what is no register is an empty one: %s', (text) => {
  expect(readRegister(text)).toEqual(register({}, {}));
});

test('no name reaches a prototype', () => {
  const text = `{"circuits":{"__proto__":[${JSON.stringify(vote('a', 1))}]},"beats":{"__proto__":1}}`;
  const read = readRegister(text);
  expect([...read.circuits.keys(), ...read.beats.keys()]).toEqual(['__proto__', '__proto__']);
  expect(JSON.parse(writeRegister(read))).toEqual(JSON.parse(text));
});
