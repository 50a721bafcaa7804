import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');

test('denoKvStore holds on Deno all that a store has to hold', async () => {
  const { stdout } = await promisify(execFile)(
    resolve(root, 'node_modules/.bin/deno'),
    [
      ...['run', '-A', '--unstable-kv', '--no-remote', '--node-modules-dir=manual'],
      'test/fixtures/stores/check-deno-kv.ts',
    ],
    { cwd: root },
  );
  expect(stdout.trim()).toBe('19 held, 0 did not');
});
