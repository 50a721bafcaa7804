/** The code blocks of docs/policies: programs run, rules are right. */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, { default: string }>;
};

/** The source that an entry of the package is built from. */
function sourceOf(entry: string): string {
  const built = manifest.exports[entry.replace('fetchmesh', '.')]?.default;
  if (built === undefined) throw new Error(`${entry} is no entry of the package`);
  return pathToFileURL(resolve(built.replace('./dist', 'src').replace(/\.js$/, '.ts'))).href;
}

const pages = readdirSync('docs/policies').map((page) => {
  const text = readFileSync(join('docs/policies', page), 'utf8');
  const blocks = (language: string): string[] =>
    Array.from(
      text.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g')),
      (found) => found[1] as string,
    );
  return { page, programs: blocks('ts'), rules: blocks('yaml') };
});

describe.each(pages)('$page', ({ programs, rules }) => {
  test('shows programs, and they run', async () => {
    expect(programs.length).toBeGreaterThan(0);
    const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-policies-'));
    try {
      for (const [index, program] of programs.entries()) {
        const file = join(directory, `${index}.ts`);
        const imported = program.replace(
          /from '(fetchmesh[^']*)'/g,
          (_, entry: string) => `from '${sourceOf(entry)}'`,
        );
        writeFileSync(file, imported);
        const exported = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as object;
        expect(Object.keys(exported)).not.toEqual([]);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  test('shows rules that are right', () => {
    for (const text of rules) {
      const { diagnostics } = parseRules(text, { mode: 'gateway' });
      expect(renderDiagnostics(diagnostics, text)).toBe('');
    }
  });
});
