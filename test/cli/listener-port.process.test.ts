/** Rules that ask at which port a request came in, at a gateway that listens, on each runtime that does. */

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { folder } from '../support/command-line.ts';
import { endAll, serve } from '../support/serving.ts';

afterEach(endAll);

const rules = (port: number): string => `limits: { body: 1KB }
routes:
  - { path: /here, allow: { ports: ${port} }, respond: { status: 204 } }
  - { path: /elsewhere, allow: { not: { ports: ${port} } }, respond: { status: 204 } }
  - { path: /not-here, deny: { ports: ${port} }, respond: { status: 204 } }
`;

describe.each(['node', 'bun', 'deno'] as const)('AZ-09 on %s', (runtime) => {
  test('it is the port of the connection, and not what Host says', async () => {
    const cwd = await folder({ 'rules.yaml': rules(1) });
    const file = join(cwd, 'rules.yaml');
    const gateway = await serve(['-f', file, '--watch'], runtime);
    const port = Number(new URL(gateway.url).port);
    const statusesOf = (init: RequestInit = {}) =>
      Promise.all(
        ['/here', '/elsewhere', '/not-here'].map(
          async (path) => (await fetch(`${gateway.url}${path}`, init)).status,
        ),
      );
    expect(await statusesOf()).toEqual([403, 204, 204]);

    await writeFile(file, rules(port));
    await gateway.said(/revision \w+ is in force/);
    expect(await statusesOf()).toEqual([204, 403, 403]);
    expect(await statusesOf({ method: 'POST', body: 'text' })).toEqual([204, 403, 403]);
  });
});
