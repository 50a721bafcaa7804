import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseCompiledRules } from '../../src/rules/sources/compiled.ts';

const cli = resolve('test/support/cli.ts');
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-build-'));
});
afterAll(() => rm(directory, { recursive: true }));

interface Ended {
  readonly code: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

function build(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const environment = { ...process.env, SHOP_HOST: 'shop.internal' };
    execFile(
      process.execPath,
      [cli, 'build', ...args],
      { cwd: directory, env: environment },
      (error, stdout, stderr) => resolve({ code: error?.code ?? 0, stdout, stderr }),
    );
  });
}

// biome-ignore lint/suspicious/noTemplateCurlyInString: a reference of the rules language
const rules = 'services: { shop: "http://${SHOP_HOST}" }\nroutes: [{ path: /**, to: shop }]\n';

describe('fetchmesh build', () => {
  test('writes what a Worker reads, with the environment put in', async () => {
    await writeFile(join(directory, 'rules.yaml'), rules);
    const { code, stdout, stderr } = await build();
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(parseCompiledRules(stdout).services[0]?.versions[0]?.urls).toEqual([
      'http://shop.internal',
    ]);
    expect(await build('-o', 'rules.json')).toMatchObject({ code: 0, stdout: '' });
    expect(await readFile(join(directory, 'rules.json'), 'utf8')).toBe(stdout);
  });

  test('writes nothing where the rules are wrong, and shows the place', async () => {
    await writeFile(join(directory, 'bad.yaml'), 'routes: [{ path: /a, timout: 3s }]');
    const { code, stdout, stderr } = await build('-f', 'bad.yaml', '-o', 'bad.json');
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
    expect(stderr).toContain('did you mean `timeout`?');
    await expect(readFile(join(directory, 'bad.json'))).rejects.toThrow('ENOENT');
  });

  test('says what it could not read or write', async () => {
    expect(await build('-f', 'none.yaml')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot read none.yaml'),
    });
    expect(await build('-f', 'rules.yaml', '-o', 'no/such/directory')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('cannot write no/such/directory'),
    });
  });
});
