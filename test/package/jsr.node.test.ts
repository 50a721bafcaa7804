import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const read = (file: string) => JSON.parse(readFileSync(file, 'utf8'));
const manifest = read('package.json');
const jsr = read('jsr.json');

/** Where the source of a built module is. */
function sourceOf(built: string): string {
  return built.replace('./dist/', './src/').replace(/\.js$/, '.ts');
}

describe('jsr.json says of the sources what package.json says of what is built', () => {
  test('version and licence', () => {
    expect(jsr).toMatchObject({ version: manifest.version, license: manifest.license });
  });

  test('entries', () => {
    const entries = Object.entries<string | { types: string; default: string }>(manifest.exports)
      .filter(([name]) => !name.endsWith('.json'))
      .map(([name, target]) => [name, sourceOf((target as { default: string }).default)]);
    expect(jsr.exports).toEqual(Object.fromEntries(entries));
  });

  test.each(Object.entries<string>(jsr.exports))('%s has a source', (_, source) => {
    expect(existsSync(source)).toBe(true);
  });
});

test('the types of an entry lie beside it', () => {
  for (const target of Object.values<{ types: string; default: string } | string>(
    manifest.exports,
  )) {
    if (typeof target === 'string') continue;
    expect(target.types).toBe(target.default.replace(/\.js$/, '.d.ts'));
  }
});
