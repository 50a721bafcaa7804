/** What a server keeps of the requests that it has answered: nothing, or a process that serves for weeks would run out of memory. */

import { afterEach, expect, test } from 'vitest';
import { endAll, startScript } from '../support/serving.ts';

const script = new URL('../fixtures/answered/server.ts', import.meta.url).pathname;
const exposing = { node: ['--expose-gc'], bun: [], deno: ['--v8-flags=--expose-gc'] } as const;

afterEach(endAll);

test.each(['node', 'bun', 'deno'] as const)(
  'on %s a request that was answered is garbage, and so is the edited copy under a limit that the app got',
  async (runtime) => {
    const server = startScript(script, [], runtime, 'ignore', exposing[runtime]);
    await server.said(/ are left\n/);
    const [, left, all] = /(\d+) of (\d+) are left/.exec(server.output()) ?? [];
    expect(Number(all)).toBe(200);
    // The collector of Bun is a conservative one, and may take numbers on the stack for the last of them.
    expect(Number(left)).toBeLessThanOrEqual(4);
  },
);
