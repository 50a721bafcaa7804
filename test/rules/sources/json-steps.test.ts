import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { inOneGo } from '../../../src/core/steps.ts';
import { jsonSteps } from '../../../src/rules/sources/json-steps.ts';

/** Long enough to be read in steps. */
const padding = 'x'.repeat(70_000);

function outcome(read: () => unknown): unknown {
  try {
    return { value: JSON.stringify(read()) };
  } catch (error) {
    return { thrown: (error as Error).message };
  }
}

function stepsOf(text: string): number {
  const steps = jsonSteps(text);
  let count = 0;
  while (!steps.next().done) count += 1;
  return count;
}

describe('JSON in steps', () => {
  const texts = [
    '{"pad":"PAD","routes":[{"a":[1,[2,3]]},{"b":"],[\\"\\\\"},"],{",null,-1.5e3],"services":[]}',
    ' { "pad" : "PAD" , "routes" : [ ] , "other" : { "list" : [ 1 , 2 ] } } ',
    '{"pad":"PAD","twice":[1],"twice":[2,3]}',
    '{"pad":"PAD","twice":[1],"twice":5}',
    '{"pad":"PAD","__proto__":[1,{"__proto__":[2]}],"constructor":[3]}',
    '{"pad":"PAD","rout\\u0065s":[1]}',
    '["PAD",[1,2]]',
    '"PAD"',
    '{"pad":"PAD\\\\","a":["\\\\\\"",1]}',
  ];
  test.each(texts)('%s is what JSON.parse makes of it', (text) => {
    const long = text.replace('PAD', padding);
    const read = inOneGo(jsonSteps(long));
    expect(JSON.stringify(read)).toBe(JSON.stringify(JSON.parse(long)));
    expect(Object.getPrototypeOf(read)).toBe(Object.getPrototypeOf(JSON.parse(long)));
  });

  const broken = [
    '{"pad":"PAD","routes":[1,]}',
    '{"pad":"PAD","routes":[,1]}',
    '{"pad":"PAD","routes":[1 2]}',
    '{"pad":"PAD","routes":[1}',
    '{"pad":"PAD","routes":{1]}',
    '{"pad":"PAD","routes":[{]}]}',
    '{"pad":"PAD","routes":[1]]',
    '{"pad":"PAD","routes":[1]}}',
    '{"pad":"PAD","routes":[01]}',
    '{"pad":"PAD","routes":[\u00a0]}',
    '{"pad":"PAD","routes":[1],}',
    '{"pad":"PAD","routes"[1]}',
    '{"pad":"PAD',
    '{"pad":"PAD\\"',
    '\ufeff{"pad":"PAD"}',
    'PAD',
  ];
  test.each(broken)('%s is refused in the words of JSON.parse', (text) => {
    const long = text.replace('PAD', padding);
    expect(outcome(() => inOneGo(jsonSteps(long)))).toEqual(outcome(() => JSON.parse(long)));
    expect(() => inOneGo(jsonSteps(long))).toThrow(SyntaxError);
  });

  test('whatever it is, and wherever it is damaged', () => {
    const members = fc.dictionary(
      fc.string({ unit: 'grapheme' }),
      fc.oneof(fc.array(fc.jsonValue()), fc.jsonValue()),
    );
    const damage = fc.record({
      at: fc.double({ min: 0, max: 1, noNaN: true }),
      text: fc.constantFrom('', '"', '\\', ',', '[', ']', '{', '}', '0', ' '),
    });
    fc.assert(
      fc.property(members, fc.option(damage), (value, damaged) => {
        const text = JSON.stringify({ ...value, padding });
        const at = Math.floor((damaged?.at ?? 0) * (text.length - padding.length));
        const long =
          damaged === null ? text : text.slice(0, at) + damaged.text + text.slice(at + 1);
        expect(outcome(() => inOneGo(jsonSteps(long)))).toStrictEqual(
          outcome(() => JSON.parse(long)),
        );
      }),
      { numRuns: 300 },
    );
  });

  test('what is nested too deeply is refused before JSON.parse gets it', () => {
    const deep = (depth: number) =>
      `{"pad":"${padding}","a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    expect(inOneGo(jsonSteps(deep(511)))).toEqual(JSON.parse(deep(511)));
    expect(() => inOneGo(jsonSteps(deep(512)))).toThrow('more than 512 levels deep');
  });

  test('the more there is, the more steps there are', () => {
    const list = (count: number) =>
      JSON.stringify({ list: Array.from({ length: count }, (_, index) => `entry ${index}`) });
    expect(stepsOf(list(10))).toBe(0);
    expect(stepsOf(list(20_000))).toBeGreaterThan(30);
    expect(stepsOf(list(200_000))).toBeGreaterThan(300);
  });
});
