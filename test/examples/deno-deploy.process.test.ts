import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import jsr from '../../jsr.json' with { type: 'json' };
import { folder } from '../support/command-line.ts';

const root = resolve(import.meta.dirname, '../..');

/** Serves it as its README says, with the package by its name, from its sources. */
async function serve(directory: string): Promise<string> {
  const imports = Object.fromEntries(
    Object.entries(jsr.exports).map(([entry, source]) => [
      `fetchmesh${entry.slice(1)}`,
      new URL(source, `file://${root}/`).href,
    ]),
  );
  const map = join(directory, 'imports.json');
  await writeFile(map, JSON.stringify({ imports }));
  const deno = spawn(
    'deno',
    [
      ...['serve', '-A', '--unstable-kv', '--no-remote', '--node-modules-dir=manual'],
      ...['--import-map', map, '--host', '127.0.0.1', '--port', '0'],
      'examples/deno-deploy/main.ts',
    ],
    {
      cwd: root,
      env: { ...process.env, KV_PATH: join(directory, 'kv'), NO_COLOR: '1' },
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  onTestFinished(async () => {
    deno.kill('SIGKILL');
    await once(deno, 'close');
  });
  let said = '';
  deno.stderr.setEncoding('utf8');
  for await (const chunk of deno.stderr) {
    said += chunk;
    const url = /Listening on (http\S+?)\/?\s/.exec(said)?.[1];
    if (url !== undefined) return url;
  }
  throw new Error(`It never listened: ${said}`);
}

// In true time, which the example knows alone: it asks for a second of patience with the store, and no unit comes back before
// a third of a minute has passed.
test('deno-deploy counts for all instances together', async () => {
  const directory = await folder();
  const [one, other] = [await serve(directory), await serve(directory)];
  const ask = async (url: string, client: string) => {
    const response = await fetch(url, { headers: { 'x-client': client } });
    await response.text();
    return response.status;
  };
  expect(await ask(one, 'ada')).toBe(200);
  expect(await ask(other, 'ada')).toBe(200);
  expect(await ask(one, 'ada')).toBe(200);
  expect(await ask(other, 'ada')).toBe(429);
  expect(await ask(other, 'grace')).toBe(200);
});
