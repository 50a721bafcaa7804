import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bindContext,
  Context,
  contextOf,
  isContext,
  type Key,
  key,
} from '../../src/core/context.ts';
import { settled } from '../support/virtual-clock.ts';

describe('a slot', () => {
  test('holds what the nearest ancestor put into it', () => {
    const tenant = key<string>('tenant');
    const outer = Context.background().with(tenant, 'outer');
    expect(outer.with(tenant, 'inner').get(tenant)).toBe('inner');
    expect(outer.get(tenant)).toBe('outer');
  });

  test('that was never filled holds the fallback of its key', () => {
    expect(Context.background().get(key('tenant', 'public'))).toBe('public');
    expect(Context.background().get(key('tenant'))).toBeUndefined();
  });

  test('that was filled with undefined holds undefined, not the fallback', () => {
    const tenant: Key<string | undefined> = key<string | undefined>('tenant', 'public');
    expect(Context.background().with(tenant, undefined).get(tenant)).toBeUndefined();
  });

  test('belongs to its key and not to the name of its key', () => {
    const mine = key<number>('count');
    const theirs = key<number>('count');
    const context = Context.background().with(mine, 1);
    expect(context.get(theirs)).toBeUndefined();
  });

  test('of any tree of contexts holds what a map copied at each step would', () => {
    const keys = [key('a', -1), key('b', -2), key('c', -3)];
    const step = fc.record({ parent: fc.nat(), slot: fc.nat({ max: 2 }), value: fc.integer() });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const contexts = [Context.background()];
        const models = [new Map<Key<number>, number>()];
        for (const { parent, slot, value } of steps) {
          const index = parent % contexts.length;
          const slotKey = keys[slot] as Key<number>;
          contexts.push((contexts[index] as Context).with(slotKey, value));
          models.push(new Map(models[index]).set(slotKey, value));
        }
        // All of them, after all writes: none saw another's.
        for (const [index, context] of contexts.entries()) {
          for (const slotKey of keys) {
            expect(context.get(slotKey)).toBe(models[index]?.get(slotKey) ?? slotKey.fallback);
          }
        }
      }),
    );
  });
});

describe('a context', () => {
  test('says which way the request goes', () => {
    expect(Context.background().direction).toBe('outbound');
    expect(Context.background('inbound').direction).toBe('inbound');
  });

  test('turned outward keeps its slots and leaves its parent inbound', () => {
    const tenant = key<string>('tenant');
    const inbound = Context.background('inbound').with(tenant, 'acme');
    const outbound = inbound.outward().with(key('more'), true);
    expect(outbound.direction).toBe('outbound');
    expect(outbound.get(tenant)).toBe('acme');
    expect(inbound.direction).toBe('inbound');
  });

  test('turned inward keeps its slots and has another platform', () => {
    const tenant = key<string>('tenant');
    const outer = Context.root('inbound', ['env'], { pending: 0, rejected: 0 }, undefined);
    const inner = outer.with(tenant, 'acme').inward(['other env', 'ctx']);
    expect(inner.platform).toEqual(['other env', 'ctx']);
    expect(inner.get(tenant)).toBe('acme');
    expect(inner.direction).toBe('inbound');
    expect(outer.platform).toEqual(['env']);
  });

  test('of another copy of this package is one, and anything else is not', async () => {
    // The query makes it another module, with classes and symbols of its own.
    const specifier = '../../src/core/context.ts?copy';
    const copy: typeof import('../../src/core/context.ts') = await import(
      /* @vite-ignore */ specifier
    );
    expect(copy.Context).not.toBe(Context);
    expect(isContext(copy.Context.background())).toBe(true);
    expect(copy.isContext(Context.background())).toBe(true);
    for (const value of [undefined, null, {}, [], 'context', { fetch }, new Headers(), () => {}]) {
      expect(isContext(value)).toBe(false);
    }
  });
});

describe('contextOf', () => {
  test('finds the context of the very request that it was bound to', () => {
    const request = new Request('http://shop.example/');
    const context = Context.background();
    expect(contextOf(request)).toBeUndefined();
    bindContext(request, context);
    expect(contextOf(request)).toBe(context);
    expect(contextOf(request.clone())).toBeUndefined();
  });
});

describe('waitUntil', () => {
  const lifetime = (extendLifetime?: (work: Promise<unknown>) => void) => {
    const background = { pending: 0, rejected: 0 };
    return { background, context: Context.root('inbound', [], background, extendLifetime) };
  };

  test('counts the work until it has settled', async () => {
    const { background, context } = lifetime();
    let finish: (() => void) | undefined;
    context.waitUntil(
      new Promise<void>((resolve) => {
        finish = resolve;
      }),
    );
    expect(background).toEqual({ pending: 1, rejected: 0 });
    finish?.();
    await settled();
    expect(context.background).toEqual({ pending: 0, rejected: 0 });
  });

  test('absorbs rejections and counts them', async () => {
    const given: Promise<unknown>[] = [];
    const { background, context } = lifetime((work) => given.push(work));
    context.waitUntil(Promise.reject(new Error('the mirror is down')));
    await expect(given[0]).resolves.toBeUndefined();
    expect(background).toEqual({ pending: 0, rejected: 1 });
  });

  test('never throws: not where the platform refuses, not where the work is no promise', async () => {
    const { background, context } = lifetime(() => {
      throw new TypeError('Illegal invocation');
    });
    context.waitUntil(Promise.resolve());
    context.waitUntil(undefined as unknown as Promise<unknown>);
    await settled();
    expect(background).toEqual({ pending: 0, rejected: 0 });
  });

  test('children and outward contexts share the counters of their request', async () => {
    const { background, context } = lifetime();
    context
      .with(key('attempt'), 2)
      .outward()
      .waitUntil(Promise.reject(new Error('late')));
    await settled();
    expect(background.rejected).toBe(1);
  });
});
