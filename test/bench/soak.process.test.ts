import { execFile } from 'node:child_process';
import process from 'node:process';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const run = promisify(execFile);

// `npm run soak` makes 300,000 requests and watches the memory too.
test.each([
  ['Node', process.execPath, ['--expose-gc']],
  ['Bun', 'bun', ['run']],
  ['Deno', 'deno', ['run', '-A', '--no-remote', '--v8-flags=--expose-gc']],
] as const)(
  'nothing is left behind by requests that fail in all the ways there are, on %s',
  { timeout: 120_000 },
  async (_, command, args) => {
    const { stdout } = await run(command, [...args, 'bench/soak.ts', '3000']);
    expect(stdout).toContain('1500 + 3000 requests: 200 ');
    expect(stdout).toContain('left: {"timers":0,"bodies":0,"calls":0,"listeners":0}');
    expect(stdout).toContain('permits and places in queues held: 0, 0');
  },
);
