import { type ContextManager, createContextKey, ROOT_CONTEXT } from '@opentelemetry/api';
import { describe, expect, test } from 'vitest';
import {
  type AsyncLocalStorage,
  asyncContextManager,
} from '../../src/telemetry/context-manager.ts';

const name = createContextKey('name');

function named(value: string) {
  return ROOT_CONTEXT.setValue(name, value);
}

// The Workers plugin always switches Node compatibility on, so there is one on all four.
const manager = asyncContextManager() as ContextManager;

function activeName(): unknown {
  return manager.active().getValue(name);
}

describe('the active context', () => {
  test('is the root outside of everything', () => {
    expect(manager.active()).toBe(ROOT_CONTEXT);
  });

  test('is what it was set to, and is nested', () => {
    const seen: unknown[] = [];
    manager.with(named('outer'), () => {
      seen.push(activeName());
      manager.with(named('inner'), () => seen.push(activeName()));
      seen.push(activeName());
    });
    expect(seen).toEqual(['outer', 'inner', 'outer']);
    expect(activeName()).toBeUndefined();
  });

  test('survives await, timers and streams, and stays with its own request', async () => {
    async function request(value: string): Promise<unknown[]> {
      return manager.with(named(value), async () => {
        const seen: unknown[] = [];
        await Promise.resolve();
        seen.push(activeName());
        await new Promise((resolve) => setTimeout(resolve));
        seen.push(activeName());
        await new Response('body').text();
        seen.push(activeName());
        return seen;
      });
    }
    const seen = await Promise.all([request('one'), request('two')]);
    expect(seen).toEqual([
      ['one', 'one', 'one'],
      ['two', 'two', 'two'],
    ]);
  });
});

test('with passes on this, the arguments and the result', () => {
  const receiver = { base: 1 };
  function add(this: typeof receiver, ...terms: number[]): number {
    return terms.reduce((sum, term) => sum + term, this.base);
  }
  expect(manager.with(ROOT_CONTEXT, add, receiver, 2, 3)).toBe(6);
});

test('bind keeps a context for a function that is called later', () => {
  const receiver = {
    value: 7,
    read: manager.bind(named('bound'), function (this: { value: number }, factor: number) {
      return [activeName(), this.value * factor];
    }),
  };
  expect(receiver.read(2)).toEqual(['bound', 14]);
});

test('bind leaves alone what is no function', () => {
  const emitter = { on() {} };
  expect(manager.bind(ROOT_CONTEXT, emitter)).toBe(emitter);
});

test('enable and disable may be called, since the API does', () => {
  expect(manager.enable()).toBe(manager);
  expect(manager.disable()).toBe(manager);
});

test('the class may be passed, where it cannot be had without an import', () => {
  class Storage<T> implements AsyncLocalStorage<T> {
    #store: T | undefined;
    getStore(): T | undefined {
      return this.#store;
    }
    run<Result>(store: T, callback: () => Result): Result {
      this.#store = store;
      return callback();
    }
  }
  const own = asyncContextManager(Storage);
  expect(own?.with(named('own'), () => own.active().getValue(name))).toBe('own');
});
