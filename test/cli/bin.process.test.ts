import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, rm, symlink } from 'node:fs/promises';
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

/** @param caches Where the caches of the user are. */
async function run(verb: string, caches: string): Promise<string> {
  const command = join(clone, 'bin/fetchmesh.mjs');
  const { NODE_COMPILE_CACHE: _, NODE_DISABLE_COMPILE_CACHE: __, ...around } = process.env;
  const env = { ...around, XDG_CACHE_HOME: caches };
  const { stdout } = await promisify(execFile)(process.execPath, [command, verb, '--help'], {
    env,
  });
  return stdout;
}

test('the command of a clone runs before anything was built', async () => {
  expect(await run('serve', clone)).toContain('fetchmesh serve: run a gateway');
});

test('what was compiled is kept for the next start, but not of a gateway', async () => {
  const caches = join(clone, 'caches');
  await mkdir(caches);
  await run('serve', caches);
  expect(await readdir(caches)).toEqual([]);
  await run('check', caches);
  expect(await readdir(caches)).toEqual(['fetchmesh']);
});

test('where nothing can be kept all is well', async () => {
  expect(await run('check', '/dev/null/caches')).toContain('fetchmesh check: say all');
});
