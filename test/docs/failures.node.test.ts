/** The table of docs/semantics/failures.md says where each failure is tested: all of them, there, and nowhere else. */

import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

const page = readFileSync('docs/semantics/failures.md', 'utf8');
const [sentences = '', table = ''] = page.split('## Where it is shown');

const rows = new Map(
  Array.from(table.matchAll(/^\| (FT-\d\d) \| (.*) \|$/gm), ([, id = '', cell = '']) => [
    id,
    Array.from(cell.matchAll(/\]\(\.\.\/\.\.\/([^)]+)\)/g), ([, file = '']) => file).sort(),
  ]),
);

/** The tests that cite an id: `FT-01`, or `FT-01, FT-02`. */
const citing = new Map<string, string[]>();
for (const file of globSync('test/**/*.test.ts').sort()) {
  if (file.startsWith('test/docs/')) continue;
  for (const id of new Set(readFileSync(file, 'utf8').match(/\bFT-\d\d\b/g))) {
    citing.set(id, [...(citing.get(id) ?? []), file.replaceAll('\\', '/')]);
  }
}

test('every failure has a row, in their order', () => {
  const said = Array.from(sentences.matchAll(/^- \*\*(FT-\d\d)\*\*/gm), ([, id]) => id);
  expect([...rows.keys()]).toEqual(said);
  expect(said.length).toBe(26);
});

test.each([...rows])('%s is tested where its row says', (id, files) => {
  expect(files.length).toBeGreaterThan(0);
  expect(citing.get(id)).toEqual(files);
});
