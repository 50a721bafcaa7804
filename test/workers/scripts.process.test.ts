/** The npm scripts that run the shop, as one starts them. */

import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

/** No process hears of SIGKILL, so nothing can be passed on. */
test.each(['SIGTERM', 'SIGKILL'] as const)('%s to npm start ends the shop', async (signal) => {
  const npm = spawn('npm', ['start', '--', '--free-ports'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  npm.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    output += chunk;
  });
  // The shop holds the pipe as well: it closes when both have ended.
  const closed = once(npm, 'close');
  while (!output.includes('Ctrl-C ends it')) await once(npm.stdout, 'data');
  const url = /The shop is open: (\S+)/.exec(output)?.[1] as string;
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  npm.kill(signal);
  await closed;
  await expect(fetch(`${url}/readyz`)).rejects.toThrow();
});

test('dev:workers prints help, and starts nothing for it', async () => {
  const run = (...args: string[]) =>
    promisify(execFile)(process.execPath, ['tools/dev-workers.ts', ...args]);
  expect((await run('--help')).stdout).toContain('npm run dev:workers\n');
  await expect(run('--port=1')).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("'--port=1': there are no options"),
  });
});
