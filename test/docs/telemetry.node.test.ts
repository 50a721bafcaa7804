import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { responseFlags } from '../../src/core/response-flags.ts';

test('AL-08: docs/telemetry.md explains each flag', () => {
  const [, table = ''] = readFileSync('docs/telemetry.md', 'utf8').split('## Flags');
  const explained = Array.from(table.matchAll(/^\| (.*?) \|/gm), ([, cell = '']) => cell)
    .flatMap((cell) => Array.from(cell.matchAll(/`(\w+)`/g), ([, flag]) => flag))
    .sort();
  expect(explained).toEqual([...responseFlags].sort());
});
