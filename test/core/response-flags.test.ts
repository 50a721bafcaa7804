import { describe, expect, test } from 'vitest';
import { Context } from '../../src/core/context.ts';
import { noteFlag, withExchange } from '../../src/core/exchange.ts';
import { formatFlags } from '../../src/core/response-flags.ts';

describe('flags are written', () => {
  test('as a dash where there is none', () => {
    expect(formatFlags([], '-')).toBe('-');
  });

  test('in the order of Envoy, whatever came first', () => {
    expect(formatFlags(['URX', 'DI'], 'UF')).toBe('UF,DI,URX');
    expect(formatFlags(['DI'], '-')).toBe('DI');
  });

  test('each once', () => {
    expect(formatFlags(['FI', 'DI', 'FI'], 'FI')).toBe('DI,FI');
  });
});

describe('what happened on the way', () => {
  test('is on the record of its request, and of no other', () => {
    const first = withExchange(Context.background());
    const second = withExchange(Context.background());
    noteFlag(first.context, 'DI');
    noteFlag(first.context, 'URX');
    expect([first.record.flags, second.record.flags]).toEqual([['DI', 'URX'], []]);
  });

  test('is let go where nobody keeps a record', () => {
    const context = Context.background();
    noteFlag(context, 'DI');
    expect(withExchange(context).record.flags).toEqual([]);
  });
});
