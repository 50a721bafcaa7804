/** DESIGN, "The house": a file knows only files of its own room and of the floors below. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/** The rooms below each room. */
const below: Record<string, readonly string[]> = {
  core: [],
  stores: ['core'],
  policies: ['core', 'stores'],
  routing: ['core', 'stores'],
  telemetry: ['core', 'stores'],
  security: ['core', 'stores'],
};
below['rules'] = Object.keys(below);
below['gateway'] = Object.keys(below);
below['runtimes'] = Object.keys(below);
below['cli'] = Object.keys(below);

test.each(Object.entries(below))('%s knows only what is below it', (room, rooms) => {
  const upwards: string[] = [];
  for (const file of readdirSync(`src/${room}`, { recursive: true, encoding: 'utf8' })) {
    if (!file.endsWith('.ts')) continue;
    const text = readFileSync(`src/${room}/${file}`, 'utf8');
    // Not those of examples, which stand behind an asterisk.
    for (const [, path = ''] of text.matchAll(/^(?!\s*\*).*(?:from|import\()\s*'(\.[^']+)'/gm)) {
      const [, other = ''] = join('src', room, file, '..', path).split('/');
      const isKnown = other === room || other === 'index.ts' || rooms.includes(other);
      if (!isKnown) upwards.push(`${file} imports ${path}`);
    }
  }
  expect(upwards).toEqual([]);
});
