import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { jobFor, loadRules, loadRulesAside, readCompiledAside } from '../../src/cli/load-rules.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { InvalidRulesError } from '../../src/rules/sources/source.ts';
import { folder } from '../support/command-line.ts';
import { endAll, type Runtime, serve } from '../support/serving.ts';

afterEach(endAll);

/** Rules that are big enough for a thread of their own. */
function many(status: number, count = 600): string {
  const routes = Array.from(
    { length: count },
    (_, index) => `  - { path: /route-${index}/:id, respond: { status: ${status} } }\n`,
  );
  return `routes:\n${routes.join('')}`;
}

describe('RF-08: big rules are read on a thread of their own', () => {
  test('what comes of them is the same as here', async () => {
    const job = jobFor({ file: 'big.yaml', text: many(204) }, undefined);
    const aside = await loadRulesAside(job);
    expect(aside.found?.rules.routes).toHaveLength(600);
    expect(aside).toEqual(await loadRules(job));
  });

  test('this thread has its turns meanwhile', async () => {
    let turns = 0;
    let isDone = false;
    function turn(): void {
      turns += 1;
      if (!isDone) setImmediate(turn);
    }
    setImmediate(turn);
    await loadRulesAside(jobFor({ file: 'big.yaml', text: many(204, 2_000) }, undefined));
    isDone = true;
    expect(turns).toBeGreaterThan(100);
  });

  test('what is wrong with them is said here', async () => {
    const job = jobFor({ file: 'big.yaml', text: `${many(204)}  - { paht: /a }\n` }, undefined);
    const { found, said } = await loadRulesAside(job);
    expect(found).toBeUndefined();
    expect(said).toContain('--> big.yaml:602:7');
  });

  test('what takes more memory than there is ends the thread alone, and the rules are refused', async () => {
    const job = jobFor({ file: 'big.yaml', text: many(204, 20_000) }, undefined);
    expect(await loadRulesAside(job, 24)).toEqual({
      found: undefined,
      said: 'big.yaml: reading it takes more memory than there is',
    });
  });

  describe('compiled ones', () => {
    const { rules } = parseRules('routes: [{ name: a, path: /**, respond: { status: 204 } }]');
    const [route] = rules?.routes ?? [];
    const routes = Array.from({ length: 4_000 }, (_, index) => ({ ...route, name: `r${index}` }));

    test('come out as they were', async () => {
      const big = { ...rules, routes };
      expect(await readCompiledAside(JSON.stringify(big))).toEqual(big);
    });

    test('are refused as elsewhere', async () => {
      const wrong = { ...rules, routes: [...routes, { ...route, path: 7 }] };
      const reading = readCompiledAside(JSON.stringify(wrong));
      await expect(reading).rejects.toThrow(InvalidRulesError);
      await expect(reading).rejects.toThrow('routes[4000].path is 7, not');
    });
  });

  test.each<Runtime>(['node', 'bun', 'deno'])('%s: R1, a reload under watch', async (runtime) => {
    const cwd = await folder({ 'a.yaml': many(201) });
    const file = join(cwd, 'a.yaml');
    const { url, said, output } = await serve(['-f', file, '--watch'], runtime);
    expect((await fetch(`${url}/route-599/1`)).status).toBe(201);

    await writeFile(file, many(99));
    await said(/a\.yaml: 600 errors.*rules not loaded/s);
    expect((await fetch(`${url}/route-599/1`)).status).toBe(201);

    await writeFile(file, many(202));
    await said(/revision \w+ is in force/);
    expect((await fetch(`${url}/route-599/1`)).status).toBe(202);
    expect(output()).not.toContain('among the requests');
  });
});
