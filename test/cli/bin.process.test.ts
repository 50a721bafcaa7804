import { execFile } from 'node:child_process';
import { cp, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';

const root = resolve(import.meta.dirname, '../..');
let clone: string;

beforeEach(async () => {
  clone = await mkdtemp(join(tmpdir(), 'fetchmesh-clone-'));
  for (const part of ['bin', 'src', 'package.json']) {
    await cp(join(root, part), join(clone, part), { recursive: true });
  }
  await symlink(join(root, 'node_modules'), join(clone, 'node_modules'));
});

afterEach(() => rm(clone, { recursive: true }));

test('the command of a clone runs before anything was built', async () => {
  const command = join(clone, 'bin/fetchmesh.mjs');
  const { stdout } = await promisify(execFile)(process.execPath, [command, 'serve', '--help']);
  expect(stdout).toContain('fetchmesh serve: run a gateway');
});
