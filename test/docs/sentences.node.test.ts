/**
 * What the policies are said to do is what the tests hold: every numbered sentence of docs/semantics is cited by a test, or
 * docs/decisions/0005 says why not; and none of the numbers is left out.
 */

import { globSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

/** How many sentences each family has. */
const families: Readonly<Record<string, number>> = {
  CO: 7,
  ST: 11,
  TO: 14,
  DL: 5,
  RT: 20,
  RA: 8,
  BR: 8,
  BO: 7,
  RB: 9,
  CB: 36,
  AT: 7,
  BH: 7,
  RL: 13,
  RH: 5,
  HG: 11,
  FI: 9,
  MI: 7,
  OD: 10,
  LB: 10,
  FB: 4,
  LS: 4,
  RF: 8,
  LI: 6,
  PI: 10,
  UT: 7,
  UG: 11,
  JW: 14,
  AZ: 20,
  AL: 8,
  FT: 26,
};

const id = (family: string, number: number): string =>
  `${family}-${String(number).padStart(2, '0')}`;

/** All ids in a text; `RT-06…09` and `LB-05 to LB-09` name the ones between as well. */
function idsIn(text: string): ReadonlySet<string> {
  const found = new Set<string>();
  const names = Object.keys(families).join('|');
  const pattern = new RegExp(`\\b(${names})-(\\d{2})(?:(?:…| to (?:${names})-)(\\d{2}))?`, 'g');
  for (const [, family, first, last = first] of text.matchAll(pattern)) {
    for (let number = Number(first); number <= Number(last); number++) {
      found.add(id(family as string, number));
    }
  }
  return found;
}

const read = (files: string): string =>
  globSync(files)
    .filter((file) => !file.endsWith('sentences.node.test.ts'))
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');

const said = idsIn(read('docs/semantics/*.md'));
const excused = idsIn(readFileSync('docs/decisions/0005-numbered-sentences.md', 'utf8'));
const cited = idsIn(read('test/**/*.ts'));

describe('the numbered sentences', () => {
  test('are all said, or it is said why not', () => {
    const all = Object.entries(families).flatMap(([family, count]) =>
      Array.from({ length: count }, (_, index) => id(family, index + 1)),
    );
    expect(all.filter((sentence) => !said.has(sentence) && !excused.has(sentence))).toEqual([]);
  });

  test('that are said are held by a test, or it is said why not', () => {
    const loose = [...said].filter((sentence) => !cited.has(sentence) && !excused.has(sentence));
    expect(loose).toEqual([]);
  });

  test('that a test cites are said somewhere', () => {
    const unknown = [...cited].filter((sentence) => !said.has(sentence) && !excused.has(sentence));
    expect(unknown).toEqual([]);
  });
});
