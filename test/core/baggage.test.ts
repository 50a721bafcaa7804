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

/** Cases from the text of the W3C recommendation: its grammar (§3.3.1), its limits (§3.3.2) and its examples (§3.3.3). */
describe('the W3C text', () => {
  const one = (key: string, value: string): [string, string][] => [[key, value]];

  test.each([..."!#$%&'*+-.^_`|~0A"])('a key may hold %s', (character) => {
    expect(pairs(`k${character}=1`)).toEqual(one(`k${character}`, '1'));
  });

  test.each([...'()<>@:\\"/[]?{} \t\u007f\u00a0\u00e9\u0001'])(
    'a key with %j is none',
    (character) => {
      expect(pairs(`k${character}k=1,b=2`)).toEqual(one('b', '2'));
    },
  );

  test.each([..."!#$%&'()*+-./:<=>?@[]^_`{|}~"])('a value may hold %s', (character) => {
    expect(pairs(`a=${character}`)).toEqual(one('a', character));
  });

  test.each([...'"\\\u007f\u00a0\u00e9\u0001'])('a value with %j is none', (character) => {
    expect(pairs(`a=${character},b=2`)).toEqual(one('b', '2'));
    expect(pairs(`a=x${character}x,b=2`)).toEqual(one('b', '2'));
  });

  test.each([
    ['a blank within a value', 'a=b c,d=1', one('d', '1')],
    ['keys are not decoded', 'a%20b=1', one('a%20b', '1')],
    ['keys are case-sensitive', 'a=1,A=2', [...one('a', '1'), ...one('A', '2')]],
    ['a key alone', 'a', []],
    ['a key alone, whose property has a sign', 'a;p=1', []],
    ['a sign alone', '=', []],
    ['a property alone', ';p=1,b=2', one('b', '2')],
    ['escapes in either case', 'a=%c3%A9', one('a', 'é')],
    ['half an escape', 'a=%C', one('a', '%C')],
    ['an escape that is no hexadecimal', 'a=%zz', one('a', '%zz')],
    ['a percent sign before an escape', 'a=%%41', one('a', '%A')],
    ['an escaped percent sign is decoded once', 'a=%2541', one('a', '%41')],
    ['an escaped delimiter delimits nothing', 'a=1%2Cb%3D2%3Bc', one('a', '1,b=2;c')],
    ['escaped blanks at the ends stay', 'a=%20b%09', one('a', ' b\t')],
    ['an escaped zero byte', 'a=%00', one('a', '\0')],
    ['four bytes of UTF-8', 'a=%F0%9F%91%9F', one('a', '👟')],
    ['a byte order mark stays', 'a=%EF%BB%BFb', one('a', '\ufeffb')],
    ['UTF-8 that breaks off', 'a=%E2%82', one('a', '\ufffd')],
    ['a stray continuation', 'a=%80b', one('a', '\ufffdb')],
    ['an overlong slash', 'a=%C0%AF', one('a', '\ufffd\ufffd')],
    ['half a surrogate', 'a=%ED%A0%80', one('a', '\ufffd\ufffd\ufffd')],
    ['a no-break space around a key is no white space', '\u00a0a=1,b=2', one('b', '2')],
    ['a repeated key among others', 'a=1,b=2,a=3', [...one('a', '3'), ...one('b', '2')]],
    ['an empty value with properties', 'a=;p', one('a', '')],
    [
      'the example with properties',
      'key1=value1;property1;property2, key2 = value2, key3=value3; propertyKey=propertyValue',
      [...one('key1', 'value1'), ...one('key2', 'value2'), ...one('key3', 'value3')],
    ],
    [
      'the example of one header',
      'userId=Am%C3%A9lie,serverNode=DF%2028,isProduction=false',
      [...one('userId', 'Amélie'), ...one('serverNode', 'DF 28'), ...one('isProduction', 'false')],
    ],
  ])('%s', (_, header, expected) => {
    expect(pairs(header)).toEqual(expected);
  });

  test.each([
    ['a=1;', undefined],
    ['a=1; ', undefined],
    ['a=1;p', 'p'],
    ['a=1 ;\tp = 2 ', 'p = 2'],
    ['a=1;p=%20;q', 'p=%20;q'],
    ['a=1;p==', 'p=='],
  ])('of %j the properties are %j', (header, properties) => {
    expect(parseBaggage(header).get('a')).toEqual({
      value: '1',
      ...(properties !== undefined && { properties }),
    });
  });

  test('several headers are one list', () => {
    const headers = new Headers([
      ['baggage', 'userId=alice'],
      ['baggage', 'serverNode=DF%2028,isProduction=false'],
    ]);
    expect(Array.from(parseBaggage(headers.get('baggage')).keys())).toEqual([
      'userId',
      'serverNode',
      'isProduction',
    ]);
  });

  test.each([
    ['180 members', Array.from({ length: 180 }, (_, index) => `k${index}=1`).join(','), 180],
    ['181 members', Array.from({ length: 181 }, (_, index) => `k${index}=1`).join(','), 180],
    ['a member of 4,096 bytes', `a=${'x'.repeat(4_094)}`, 1],
    ['a member of 4,097 bytes', `a=${'x'.repeat(4_095)}`, 0],
    ['8,192 bytes', `a=${'x'.repeat(4_093)},b=${'x'.repeat(4_094)}`, 2],
    ['8,193 bytes', `a=${'x'.repeat(4_094)},b=${'x'.repeat(4_094)}`, 1],
    ['a comma behind 8,192 bytes', `a=${'x'.repeat(4_093)},b=${'x'.repeat(4_094)},`, 2],
    ['a member behind 8,192 bytes', `a=${'x'.repeat(4_093)},b=${'x'.repeat(4_094)},c=1`, 2],
  ])('%s', (_, header, members) => {
    expect(parseBaggage(header).size).toBe(members);
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
