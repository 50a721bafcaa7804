/**
 * What `check` prints of each bad file, to the letter: `bad-files.txt`, made anew by `vitest -u` and read before it is committed.
 */

import { expect, test } from 'vitest';
import { parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';
import { badFiles } from './bad-files.ts';

test('E2: what is printed of every bad file', async () => {
  const printed = badFiles.map(({ name, text, options }) => {
    const { diagnostics } = parseRules(text, options);
    return `── ${name}\n\n${renderDiagnostics(diagnostics, text)}`;
  });
  await expect(printed.join('\n')).toMatchFileSnapshot('bad-files.txt');
});
