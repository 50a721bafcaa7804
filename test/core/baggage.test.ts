import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { baggageOf, parseBaggage, serializeBaggage } from '../../src/core/baggage.ts';

/** Keys and values, without properties. */
function pairs(header: string): [string, string][] {
  return Array.from(parseBaggage(header), ([key, { value }]) => [key, value]);
}

describe('reading baggage', () => {
  test.each([
    ['one member', 'a=1', [['a', '1']]],
    [
      'several, in order',
      'b=2,a=1',
      [
        ['b', '2'],
        ['a', '1'],
      ],
    ],
    [
      'white space around everything',
      ' a = 1 \t,\tb = 2 ',
      [
        ['a', '1'],
        ['b', '2'],
      ],
    ],
    ['an empty value', 'a=', [['a', '']]],
    ['percent escapes', 'a=caf%C3%A9%20%2C', [['a', 'café ,']]],
    ['escapes that are no UTF-8 become replacement characters', 'a=%ff', [['a', '\ufffd']]],
    ['a lone percent sign stays', 'a=100%', [['a', '100%']]],
    ['a plus sign is a plus sign', 'a=1+1', [['a', '1+1']]],
    ['an equals sign in a value', 'a=b=c', [['a', 'b=c']]],
    ['of two members with one key the last counts', 'a=1,a=2', [['a', '2']]],
    [
      'malformed members go, the others stay',
      'a=1,broken,=2,b c=3,d="4",e=5',
      [
        ['a', '1'],
        ['e', '5'],
      ],
    ],
    [
      'keys that objects are born with',
      '__proto__=1,constructor=2',
      [
        ['__proto__', '1'],
        ['constructor', '2'],
      ],
    ],
    ['empty members', ',,a=1,,', [['a', '1']]],
  ])('%s', (_, header, expected) => {
    expect(pairs(header)).toEqual(expected);
  });

  test('properties are kept as they came', () => {
    expect(parseBaggage('a=1;p=2; q').get('a')).toEqual({ value: '1', properties: 'p=2; q' });
  });

  test('no header, no baggage', () => {
    expect(parseBaggage(null).size).toBe(0);
    expect(parseBaggage('').size).toBe(0);
  });

  test('no more than 180 members, 8,192 bytes and 4,096 a member', () => {
    const many = Array.from({ length: 300 }, (_, index) => `k${index}=1`).join(',');
    expect(parseBaggage(many).size).toBe(180);
    const long = Array.from({ length: 20 }, (_, index) => `k${index}=${'x'.repeat(1_000)}`);
    expect(parseBaggage(long.join(',')).size).toBe(8);
    expect(pairs(`a=${'x'.repeat(5_000)},b=2`)).toEqual([['b', '2']]);
    expect(parseBaggage('a=1,'.repeat(1_000_000)).size).toBe(1);
  });

  test('is done once for each request', () => {
    const request = new Request('http://shop.example/', { headers: { baggage: 'a=1' } });
    expect(baggageOf(request)).toBe(baggageOf(request));
  });
});

describe('writing baggage', () => {
  test('what baggage-octet does not allow is escaped, and properties go along', () => {
    const baggage = new Map([
      ['a', { value: 'b c,"é' }],
      ['p', { value: '1', properties: 'x=y' }],
      ['not a key', { value: '2' }],
    ]);
    expect(serializeBaggage(baggage)).toBe('a=b%20c%2C%22%C3%A9,p=1;x=y');
  });

  test('what was written is read back', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.stringMatching(/^[a-z0-9!#$&'*+.^_|~-]{1,10}$/),
          fc.string({ unit: 'grapheme', maxLength: 20 }),
          { maxKeys: 10 },
        ),
        (values) => {
          const entries = Object.entries(values).map(
            ([key, value]): [string, { value: string }] => [key, { value }],
          );
          expect(parseBaggage(serializeBaggage(new Map(entries)))).toEqual(new Map(entries));
        },
      ),
    );
  });

  test('more than fits is left out, whole members at a time', () => {
    const baggage = new Map(
      Array.from({ length: 30 }, (_, index) => [`k${index}`, { value: 'x'.repeat(1_000) }]),
    );
    const written = serializeBaggage(baggage);
    expect(written.length).toBeLessThanOrEqual(8_192);
    expect(parseBaggage(written).size).toBe(8);
  });

  test('no text makes either of them throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(() => serializeBaggage(parseBaggage(text))).not.toThrow();
      }),
    );
  });
});
