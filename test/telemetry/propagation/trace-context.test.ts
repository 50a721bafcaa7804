import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  extractTraceContext,
  injectTraceContext,
} from '../../../src/telemetry/propagation/trace-context.ts';

const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
const spanId = '00f067aa0ba902b7';
const valid = `00-${traceId}-${spanId}-01`;

function extract(traceparent: string | readonly string[], ...tracestate: readonly string[]) {
  const headers = new Headers();
  for (const value of [traceparent].flat()) headers.append('traceparent', value);
  for (const value of tracestate) headers.append('tracestate', value);
  return extractTraceContext(headers);
}

describe('traceparent', () => {
  test.each([
    ['a valid one', valid, 1],
    ['not sampled', `00-${traceId}-${spanId}-00`, 0],
    ['the random flag is kept', `00-${traceId}-${spanId}-02`, 2],
    ['both flags', `00-${traceId}-${spanId}-03`, 3],
    ['flags of the future are cleared', `00-${traceId}-${spanId}-ff`, 3],
    ['a later version', `01-${traceId}-${spanId}-01`, 1],
    ['a later version with more behind it', `cc-${traceId}-${spanId}-01-what-the-future`, 1],
    ['a later version with an empty rest', `cc-${traceId}-${spanId}-01-`, 1],
    ['white space around it', ` \t${valid} \t`, 1],
    ['the random flag of a later version is kept', `01-${traceId}-${spanId}-02`, 2],
    ['flags of the future of a later version are cleared', `fe-${traceId}-${spanId}-fe-x`, 2],
  ])('%s is taken', (_, traceparent, traceFlags) => {
    expect(extract(traceparent)).toEqual({ traceId, spanId, traceFlags, isRemote: true });
  });

  test.each([
    ['empty', ''],
    ['version ff', `ff-${traceId}-${spanId}-01`],
    ['version in upper case', `0A-${traceId}-${spanId}-01`],
    ['version of one digit', `0-${traceId}-${spanId}-01`],
    ['version of three digits', `000-${traceId}-${spanId}-01`],
    ['version that is no number', `.0-${traceId}-${spanId}-01`],
    ['version 00 with more behind it', `${valid}-what`],
    ['version 00 with a dash behind it', `${valid}-`],
    ['a later version with more, not set off', `cc-${traceId}-${spanId}-01.what`],
    ['trace id all zero', `00-${'0'.repeat(32)}-${spanId}-01`],
    ['span id all zero', `00-${traceId}-${'0'.repeat(16)}-01`],
    ['trace id in upper case', `00-${traceId.toUpperCase()}-${spanId}-01`],
    ['span id in upper case', `00-${traceId}-${spanId.toUpperCase()}-01`],
    ['flags in upper case', `00-${traceId}-${spanId}-0A`],
    ['trace id too short', `00-${traceId.slice(1)}-${spanId}-01`],
    ['trace id too long', `00-${traceId}0-${spanId}-01`],
    ['span id too short', `00-${traceId}-${spanId.slice(1)}-01`],
    ['span id too long', `00-${traceId}-${spanId}0-01`],
    ['illegal characters', `00-${traceId.replace('4', '.')}-${spanId}-01`],
    ['flags too short', `00-${traceId}-${spanId}-1`],
    ['flags too long', `00-${traceId}-${spanId}-001`],
    ['flags missing', `00-${traceId}-${spanId}`],
    ['underscores', valid.replaceAll('-', '_')],
    ['illegal characters in the span id', `00-${traceId}-${spanId.replace('f', 'g')}-01`],
    ['illegal characters in the flags', `00-${traceId}-${spanId}-.0`],
    ['illegal characters at the end of the flags', `00-${traceId}-${spanId}-0.`],
    ['a version that ends in no digit', `0.-${traceId}-${spanId}-01`],
    ['no version', `${traceId}-${spanId}-01`],
    ['no dashes', valid.replaceAll('-', '')],
    ['a comma behind it', `${valid},`],
    ['a later version with too short a trace id', `cc-${traceId.slice(1)}-${spanId}-01-x`],
    ['a later version with all zero', `cc-${'0'.repeat(32)}-${spanId}-01`],
    ['a no-break space around it', `\u00a0${valid}`],
    ['white space within', `00 -${traceId}-${spanId}-01`],
    ['over-long', `cc-${traceId}-${spanId}-01-${'x'.repeat(2_000)}`],
  ])('%s is refused', (_, traceparent) => {
    expect(extract(traceparent)).toBeUndefined();
  });

  test('two headers are refused, even if they are the same', () => {
    expect(extract([valid, valid])).toBeUndefined();
    expect(extract([valid, `00-${'1'.repeat(32)}-${spanId}-01`])).toBeUndefined();
  });
});

describe('tracestate', () => {
  const state = (...values: readonly string[]): string | undefined =>
    extract(valid, ...values)?.traceState?.serialize();
  const members = (count: number): string =>
    Array.from({ length: count }, (_, index) => `k${index}=${index}`).join(',');

  test.each([
    ['one member', ['foo=1'], 'foo=1'],
    ['order is kept', ['foo=1,bar=2'], 'foo=1,bar=2'],
    ['several headers are joined', ['foo=1', 'bar=2'], 'foo=1,bar=2'],
    ['empty members are nothing', ['foo=1,,bar=2,', ''], 'foo=1,bar=2'],
    ['white space around members', ['foo=1 \t , \t bar=2'], 'foo=1,bar=2'],
    ['a tenant', ['t61rcwkgmze3@rp=1'], 't61rcwkgmze3@rp=1'],
    ['a tenant may begin with a digit', ['0t@s=1'], '0t@s=1'],
    ['all characters of keys', ['a_-*/0=1'], 'a_-*/0=1'],
    ['a key of 256 characters', [`${'z'.repeat(256)}=1`], `${'z'.repeat(256)}=1`],
    [
      'a tenant of 241 and a system of 14',
      [`${'t'.repeat(241)}@${'v'.repeat(14)}=1`],
      `${'t'.repeat(241)}@${'v'.repeat(14)}=1`,
    ],
    ['a value of 256 characters', [`foo=${'x'.repeat(256)}`], `foo=${'x'.repeat(256)}`],
    ['blanks within a value', ['foo=a b'], 'foo=a b'],
    ['32 members', [members(32)], members(32)],
    ['32 members and empty ones', [`,${members(32)},,`], members(32)],
    ['an empty header before', ['', 'foo=1'], 'foo=1'],
    [
      'all characters of values',
      ['a=!"#$%&\'()*+-./:;<>?@[]^_`{|}~'],
      'a=!"#$%&\'()*+-./:;<>?@[]^_`{|}~',
    ],
    ['a blank before a value is part of it', ['foo= 1'], 'foo= 1'],
    ['order over two headers', ['c=1,a=2', 'b=3'], 'c=1,a=2,b=3'],
  ])('%s', (_, values, expected) => {
    expect(state(...values)).toBe(expected);
  });

  test.each([
    ['a key twice', ['foo=1,foo=1']],
    ['a key twice in two headers', ['foo=1', 'foo=2']],
    ['33 members', [members(33)]],
    ['no value', ['foo']],
    ['an empty key', ['=1']],
    ['an empty value', ['foo=']],
    ['upper case', ['FOO=1']],
    ['a key that begins with a digit', ['0foo=1']],
    ['a key with a blank', ['foo bar=1']],
    ['a blank before the sign', ['foo =1']],
    ['a key of 257 characters', [`${'z'.repeat(257)}=1`]],
    ['a tenant of 242 characters', [`${'t'.repeat(242)}@v=1`]],
    ['a system of 15 characters', [`t@${'v'.repeat(15)}=1`]],
    ['no system', ['foo@=1']],
    ['no tenant', ['@foo=1']],
    ['two signs', ['foo@bar@baz=1']],
    ['two signs in a row', ['foo@@bar=1,bar=2']],
    ['a system that begins with a digit', ['foo@0bar=1']],
    ['a dot in a key', ['foo.bar=1']],
    ['a tab in a value', ['foo=a\tb']],
    ['a letter beyond ASCII in a value', ['foo=\u00e9']],
    ['a delete character in a value', ['foo=\u007f']],
    ['a value of nothing but blanks', ['foo= ,bar=1']],
    ['an empty value before another member', ['foo=,bar=3']],
    ['33 members over two headers', [members(32), 'last=1']],
    ['a value of 257 characters', [`foo=${'x'.repeat(257)}`]],
    ['an equals sign in a value', ['foo=bar=baz']],
    ['one illegal member among good ones', ['foo=1,BAD=2,bar=3']],
    ['one that is far too long', [`foo=${'x'.repeat(100_000)}`]],
  ])('%s: the whole header goes, the trace stays', (_, values) => {
    const extracted = extract(valid, ...values);
    expect(extracted?.traceId).toBe(traceId);
    expect(extracted?.traceState).toBeUndefined();
  });

  test('without a valid traceparent there is none', () => {
    expect(extract('00-broken', 'foo=1')).toBeUndefined();
  });

  test('a changed member moves to the front, the rest stays', () => {
    const original = extract(valid, 'foo=1,bar=2')?.traceState;
    expect(original?.set('bar', '3').serialize()).toBe('bar=3,foo=1');
    expect(original?.set('BAD', '3').serialize()).toBe('foo=1,bar=2');
    expect(original?.unset('foo').serialize()).toBe('bar=2');
    expect(original?.get('foo')).toBe('1');
  });
});

describe('both ways', () => {
  test('what was injected is extracted', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^[0-9a-f]{31}[1-9a-f]$/),
        fc.stringMatching(/^[0-9a-f]{15}[1-9a-f]$/),
        fc.integer({ min: 0, max: 3 }),
        (trace, span, flags) => {
          const headers = new Headers();
          const spanContext = { traceId: trace, spanId: span, traceFlags: flags };
          injectTraceContext(spanContext, (name, value) => headers.set(name, value));
          expect(extractTraceContext(headers)).toEqual({ ...spanContext, isRemote: true });
        },
      ),
    );
  });

  test('nothing that can stand in a header makes extraction throw', () => {
    const text = fc.string({ unit: fc.constantFrom(...' \t,=@-_*/;%01afAFzZ~."\\') });
    fc.assert(
      fc.property(text, text, (traceparent, tracestate) => {
        expect(() => extract(traceparent, tracestate)).not.toThrow();
        expect(() => extract(valid, tracestate)).not.toThrow();
      }),
    );
  });

  test('a megabyte of tricks is refused like a line of it', () => {
    const million = 1_000_000;
    expect(extract(`00-${'0'.repeat(million)}`)).toBeUndefined();
    expect(extract(valid, 'a=1,'.repeat(million / 4))?.traceState).toBeUndefined();
    expect(extract(valid, ' \t'.repeat(million / 2))?.traceState).toBeUndefined();
  });
});
