import { describe, expect, test } from 'vitest';
import { followRules, type RulesEvent } from '../../../src/rules/sources/follow.ts';
import { InvalidRulesError, type RulesSource } from '../../../src/rules/sources/source.ts';
import { rulesFrom } from '../../support/rules.ts';
import { settled, VirtualClock } from '../../support/virtual-clock.ts';

const rules = rulesFrom('services: { a: "http://a.test" }\nroutes: [{ path: /**, to: a }]');

/** A source whose answer can be changed, and what became of it. */
function following(latest: RulesSource['latest'] = async () => undefined) {
  const clock = new VirtualClock();
  const events: RulesEvent[] = [];
  const applied: number[] = [];
  const source = { name: 'test', latest, looks: 0 };
  const followed = followRules({
    source: {
      name: 'test',
      latest(signal) {
        source.looks += 1;
        return source.latest(signal);
      },
    },
    apply: (_, revision) => {
      applied.push(revision);
    },
    onEvent: (event) => events.push(event),
    clock,
  });
  return { clock, events, applied, source, followed };
}

const published = (revision: number) => async () => ({ revision, read: async () => rules });

describe('rules that are followed', () => {
  test('FT-19 revisions only grow: an old value served after a new one changes nothing', async () => {
    const { followed, applied, source, events } = following(published(3));
    await followed.refresh();
    source.latest = published(2);
    await followed.refresh();
    await followed.refresh();
    source.latest = published(4);
    await followed.refresh();
    expect(applied).toEqual([3, 4]);
    expect(events.map(({ type, revision }) => [type, revision])).toEqual([
      ['applied', 3],
      ['outdated', 2],
      ['applied', 4],
    ]);
  });

  test('are in force also where whoever is told of it throws', async () => {
    const followed = followRules({
      source: { name: 'test', latest: published(3) },
      apply() {},
      onEvent() {
        throw new Error('no log');
      },
    });
    await followed.refresh();
    expect(followed.revision).toBe(3);
    expect(followed.looking).toBeUndefined();
  });

  test('the revision in force is not read again', async () => {
    const { followed, source } = following(published(3));
    await followed.refresh();
    source.latest = async () => ({ revision: 3, read: () => Promise.reject(new Error('read')) });
    await followed.refresh();
    expect(followed.revision).toBe(3);
  });

  test('what is invalid is refused, said once, and the last good rules stay', async () => {
    const { followed, applied, source, events } = following(published(1));
    await followed.refresh();
    source.latest = async () => ({
      revision: 2,
      read: () => Promise.reject(new InvalidRulesError('routes is missing')),
    });
    for (let look = 0; look < 3; look++) await followed.refresh();
    expect(applied).toEqual([1]);
    expect(events.slice(1)).toEqual([
      {
        type: 'refused',
        revision: 2,
        message: 'test: revision 2: refused: routes is missing; revision 1 stays in force',
      },
    ]);
  });

  test('what cannot be put in force is refused', async () => {
    const events: RulesEvent[] = [];
    const followed = followRules({
      source: { name: 'test', latest: published(1) },
      apply: () => {
        throw new RangeError("there is no version 'v3'");
      },
      onEvent: (event) => events.push(event),
    });
    await followed.refresh();
    expect(followed.revision).toBe(0);
    expect(events.map(({ type }) => type)).toEqual(['refused']);
  });

  test('a source that fails is said once, and again after it has come back', async () => {
    const { followed, source, events } = following(published(1));
    await followed.refresh();
    const down = () => Promise.reject(new Error('503'));
    for (const latest of [down, down, published(1), down]) {
      source.latest = latest;
      await followed.refresh();
    }
    expect(events.map(({ type }) => type)).toEqual(['applied', 'unreachable', 'unreachable']);
    expect(followed.revision).toBe(1);
  });

  test('a source that hangs is given up on, and what it says later changes nothing', async () => {
    const answer = Promise.withResolvers<{ revision: number; read(): Promise<typeof rules> }>();
    const { followed, clock, applied, events, source } = following(() => answer.promise);
    const look = followed.refresh();
    await clock.advance(10_000);
    await look;
    expect(events.map(({ message }) => message)).toEqual([
      'test: no answer within 10000 ms; no rules of it are in force',
    ]);
    answer.resolve({ revision: 9, read: async () => rules });
    await settled();
    expect(applied).toEqual([]);
    source.latest = published(2);
    await followed.refresh();
    expect(applied).toEqual([2]);
    expect(clock.pending).toBe(0);
  });

  test('what takes long to put in force is waited for: the time limit is for reading', async () => {
    const clock = new VirtualClock();
    const events: RulesEvent[] = [];
    const applying = Promise.withResolvers<void>();
    const followed = followRules({
      source: { name: 'test', latest: published(1) },
      apply: () => applying.promise,
      onEvent: (event) => events.push(event),
      clock,
    });
    const look = followed.refresh();
    await clock.advance(9_000);
    expect(followed.revision).toBe(0);
    expect(followed.refresh()).toBe(look);
    expect(clock.pending).toBe(0);
    applying.resolve();
    await look;
    expect(followed.revision).toBe(1);
    expect(events.map(({ type }) => type)).toEqual(['applied']);
  });

  test('what is refused while it is put in force is told, and changes nothing', async () => {
    const events: RulesEvent[] = [];
    const followed = followRules({
      source: { name: 'test', latest: published(2) },
      apply: () => Promise.reject(new RangeError("there is no version 'v3'")),
      onEvent: (event) => events.push(event),
      clock: new VirtualClock(),
    });
    await followed.refresh();
    expect(followed.revision).toBe(0);
    expect(events.map(({ message }) => message)).toEqual([
      "test: revision 2: refused: there is no version 'v3'; no rules of it are in force",
    ]);
  });

  test('of two that are put in force side by side the later one stays', async () => {
    const clock = new VirtualClock();
    const events: RulesEvent[] = [];
    const slow = Promise.withResolvers<void>();
    let latest = published(1);
    const followed = followRules({
      source: { name: 'test', latest: () => latest() },
      apply: (_, revision) => (revision === 1 ? slow.promise : undefined),
      onEvent: (event) => events.push(event),
      clock,
    });
    const first = followed.refresh();
    await clock.advance(10_001);
    latest = published(2);
    await followed.refresh();
    expect(followed.revision).toBe(2);
    slow.resolve();
    await first;
    expect(followed.revision).toBe(2);
    expect(events.map(({ revision }) => revision)).toEqual([2]);
  });

  test('its end gives up what is under way, and looks no more', async () => {
    const clock = new VirtualClock();
    const ending = new AbortController();
    const applied: number[] = [];
    const events: RulesEvent[] = [];
    let looks = 0;
    const followed = followRules({
      source: {
        name: 'test',
        latest: (signal) => {
          looks += 1;
          return new Promise((_, reject) => {
            signal.addEventListener('abort', () => reject(signal.reason));
          });
        },
      },
      apply: (_, revision) => applied.push(revision),
      onEvent: (event) => events.push(event),
      signal: ending.signal,
      clock,
    });
    const look = followed.refresh();
    ending.abort();
    await look;
    await followed.refresh();
    expect([looks, applied, events, clock.pending]).toEqual([1, [], [], 0]);
  });

  test('what went wrong is told in one line that steers no terminal', async () => {
    const wrong = `\u001b[2J\u009b\nfetchmesh: all is well\u202e${'x'.repeat(10_000)}`;
    const { followed, events } = following(() => Promise.reject(new Error(wrong)));
    await followed.refresh();
    const [event] = events;
    expect(event?.message).toMatch(/^test: cannot be read: \\u001b\[2J\\u009b\\nfetchmesh/);
    expect(event?.message.length).toBeLessThan(500);
  });

  test('a look that is under way is shared', async () => {
    const { followed, source } = following(published(1));
    await Promise.all([followed.refresh(), followed.refresh()]);
    expect(source.looks).toBe(1);
  });

  test('a look that died with its request does not keep others from looking', async () => {
    const { followed, clock, source } = following(() => new Promise(() => {}));
    void followed.refresh();
    expect(followed.isDue).toBe(false);
    // Its timer died as well: time passes, and nothing is called.
    const dead = clock.monotonic();
    (clock as { monotonic: () => number }).monotonic = () => dead + 10_001;
    expect(followed.isDue).toBe(true);
    source.latest = published(5);
    await followed.refresh();
    expect(followed.revision).toBe(5);
  });

  test('is due at first, then after 30 s, and after 1 s as long as there are no rules', async () => {
    const { followed, clock, source } = following();
    expect(followed.isDue).toBe(true);
    await followed.refresh();
    expect(followed.isDue).toBe(false);
    await clock.advance(1_000);
    expect(followed.isDue).toBe(true);
    source.latest = published(1);
    await followed.refresh();
    await clock.advance(29_999);
    expect(followed.isDue).toBe(false);
    await clock.advance(1);
    expect(followed.isDue).toBe(true);
  });
});
