import { expect, test } from 'vitest';
import { parseRules } from '../../src/rules/parse.ts';

const base = `services: { web: "http://127.0.0.1:3000", spare: "http://127.0.0.1:3001" }
routes:
  - { name: all, path: /a/**, to: web }
  - { name: one, path: /a/b, to: web }
  - { name: two, path: /c, to: web }
  - { path: /d, to: web, retries: { max: 3, per_try: 5s }, timeout: 3s }
`;
const overlay = `routes:
  - { name: two, timeout: 3s, retries: { max: 3, per_try: 5s } }
  - { name: new, path: /n, to: web, timeout: 3s, retries: { max: 3, per_try: 5s } }
  - name: one
    timeout: 3s
    retries: { max: 3, per_try: 5s }
`;

/** Which route each finding is about, in the order of the files. */
function found(text: string, options: Parameters<typeof parseRules>[1] = {}) {
  return parseRules(text, { file: 'a.yaml', ...options }).diagnostics.map(
    ({ code, file, range, route }) => [code, `${file}:${range.line}`, route],
  );
}

test('a finding names its route, by its path where it has no name, and none where it is about none', () => {
  expect(found(base)).toEqual([
    ['FM024', 'a.yaml:1', undefined],
    ['FM040', 'a.yaml:4', 'one'],
    ['FM032', 'a.yaml:6', '/d'],
  ]);
});

test('what an overlay says is about the route that it changes, wherever that begins', () => {
  const overlays = [{ file: 'b.yaml', text: overlay }];
  expect(found(base, { overlays }).slice(3)).toEqual([
    ['FM032', 'b.yaml:2', 'two'],
    ['FM032', 'b.yaml:3', 'new'],
    ['FM032', 'b.yaml:6', 'one'],
  ]);
});

test('so it is where the files cannot be used, and behind a byte order mark', () => {
  const overlays = [{ file: 'b.yaml', text: `\ufeff${overlay.replace('timeout', 'timout')}` }];
  expect(found(`\ufeff${base}`, { overlays }).slice(3)).toEqual([
    ['FM001', 'b.yaml:2', 'two'],
    ['FM032', 'b.yaml:3', 'new'],
    ['FM032', 'b.yaml:6', 'one'],
  ]);
});
