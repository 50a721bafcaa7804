/** What becomes of rules when the store that holds them fails, by the numbers of docs/semantics/failures.md, in virtual time. */

import { describe, expect, test } from 'vitest';
import { followRules, type RulesEvent } from '../../../src/rules/sources/follow.ts';
import { rulesKeys } from '../../../src/rules/sources/kv.ts';
import { publishRules, storeRules } from '../../../src/rules/sources/store.ts';
import { rulesFrom } from '../../support/rules.ts';
import { goodNetwork, Simulation } from '../../support/simulation.ts';

const rules = rulesFrom('services: { a: "http://a.test" }\nroutes: [{ path: /**, to: a }]');

describe.each([1, 2])(
  'FT-19 a store that shows what was there up to a minute ago, seed %i',
  (seed) => {
    const simulation = new Simulation(seed);
    const { clock } = simulation;
    const author = simulation.link(goodNetwork);
    const store = simulation.link({ ...goodNetwork, drop: 0.1, staleMs: 60_000 });
    const applied: number[] = [];
    const events: RulesEvent[] = [];
    const followed = followRules({
      source: storeRules(store),
      apply: (_, revision) => void applied.push(revision),
      onEvent: (event) => events.push(event),
      clock,
    });

    async function done<T>(work: Promise<T>): Promise<T> {
      let isDone = false;
      work.finally(() => {
        isDone = true;
      });
      while (!isDone) await clock.advance(25);
      return work;
    }
    async function look(times: number): Promise<void> {
      for (let one = 0; one < times; one++) {
        await done(followed.refresh());
        await clock.advance(3_000);
      }
    }

    test('rules only go forward, and arrive', async () => {
      for (let revision = 1; revision <= 6; revision++) {
        expect(await done(publishRules(author, rules))).toBe(revision);
        await look(8);
      }
      await look(25);
      expect(applied).toEqual([...new Set(applied)].sort((a, b) => a - b));
      expect(applied.at(-1)).toBe(6);
      const outdated = events
        .filter(({ type }) => type === 'outdated')
        .map(({ message }) => message);
      expect(outdated.length).toBeGreaterThan(0);
      expect(outdated).toEqual([...new Set(outdated)]);
    });

    test('what is invalid is told once, and the last good rules stay', async () => {
      const keys = rulesKeys('default');
      const ref = keys.revision(7);
      await done(Promise.resolve(author.set(ref, '{"version": 1}')));
      await done(Promise.resolve(author.set(keys.current, JSON.stringify({ revision: 7, ref }))));
      await look(40);
      expect(followed.revision).toBe(6);
      const refused = events.filter(({ type }) => type === 'refused');
      console.log(`FT-19 ${events.length} events, ${refused.length} of them of what is invalid`);
      expect(refused.map(({ revision }) => revision)).toEqual([7]);
    });
  },
);
