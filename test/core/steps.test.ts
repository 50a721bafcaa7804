import { describe, expect, test } from 'vitest';
import { inOneGo, inSlices, type Steps } from '../../src/core/steps.ts';
import { VirtualClock } from '../support/virtual-clock.ts';

/** Time passes with each look at it. */
class PassingClock extends VirtualClock {
  #passed = 0;

  override monotonic(): number {
    this.#passed += 1;
    return super.monotonic() + this.#passed;
  }
}

function* counting(to: number, done: number[]): Steps<string> {
  for (let step = 1; step <= to; step++) {
    done.push(step);
    yield;
  }
  return 'all of it';
}

describe('work in steps', () => {
  test('is done in one go', () => {
    const done: number[] = [];
    expect(inOneGo(counting(3, done))).toBe('all of it');
    expect(done).toEqual([1, 2, 3]);
  });

  test('or in slices, between which others have their turn', async () => {
    const clock = new PassingClock();
    const done: number[] = [];
    const result = inSlices(counting(9, done), { clock, sliceMs: 4 });
    expect(done).toEqual([1, 2, 3, 4]);
    await clock.advance(0);
    expect(await result).toBe('all of it');
    expect(done).toHaveLength(9);
    expect(clock.delays).toEqual([0, 0]);
  });

  test('a clock that stands still while a program runs, as on Workers, is no reason to go on and on', async () => {
    const clock = new VirtualClock();
    const done: number[] = [];
    const result = inSlices(counting(150, done), { clock });
    expect(done).toHaveLength(64);
    await clock.advance(0);
    expect(await result).toBe('all of it');
    expect(clock.delays).toEqual([0, 0]);
  });

  test('what it throws comes out', async () => {
    function* failing(): Steps<never> {
      yield;
      throw new Error('no');
    }
    expect(() => inOneGo(failing())).toThrow('no');
    await expect(inSlices(failing(), { clock: new PassingClock() })).rejects.toThrow('no');
  });
});
