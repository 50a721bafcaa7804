import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { diagnosticsPage } from '../../tools/diagnostics-page.ts';

test('E2: the page of codes is current: node tools/diagnostics-page.ts', () => {
  expect(readFileSync('docs/diagnostics.md', 'utf8')).toBe(diagnosticsPage());
});
