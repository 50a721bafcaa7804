/** The table of all attacks: every family that there is, each of them sent by a test. */

import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Attack, type Family, families } from './attack.ts';

const files = globSync('test/security/attacks/*.ts').filter(
  (file) => !/(?:\.test|\/attack)\.ts$/.test(file),
);
/** What each file exports that is a list of attacks. */
const lists = (
  await Promise.all(
    files.map(async (file) => {
      const exported = (await import(/* @vite-ignore */ `./${basename(file)}`)) as Record<
        string,
        unknown
      >;
      return Object.entries(exported)
        .filter(([, list]) => Array.isArray(list))
        .map(([name, list]) => ({ file: basename(file), name, list: list as readonly Attack[] }));
    }),
  )
).flat();
const table = lists.flatMap(({ list }) => list);

describe('the table of attacks', () => {
  test('has at least 150 of them', () => {
    expect(table.length).toBeGreaterThanOrEqual(150);
  });

  test.each(Object.entries(families))('has %s, at least %i', (family, least) => {
    const names = table.filter((attack) => attack.family === family).map(({ name }) => name);
    expect(names.length).toBeGreaterThanOrEqual(least);
    expect(new Set(names).size, 'names that differ').toBe(names.length);
  });

  test('has nothing but attacks of these families, each with what has to come of it', () => {
    for (const { family, name, input, expected } of table) {
      expect(Object.keys(families)).toContain(family satisfies Family);
      expect(name).not.toBe('');
      expect([input, expected]).not.toContain(undefined);
    }
  });

  const tests = globSync('test/**/*.test.ts')
    .filter((file) => !file.endsWith('table.node.test.ts'))
    .map((file) => readFileSync(file, 'utf8'));

  test.each(lists)('sends $name of $file', ({ file, name }) => {
    const isSent = tests.some(
      (text) =>
        new RegExp(`import \\{[^}]*\\b${name}\\b[^}]*\\} from '[^']*/${file}'`).test(text) &&
        new RegExp(`(?:each\\(|of |\\.\\.\\.)${name}\\b`).test(text),
    );
    expect(isSent).toBe(true);
  });
});
