import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { allDrills } from '../../workers/drills/all.ts';
import { Stage } from '../../workers/drills/drill.ts';
import { sumOf } from '../../workers/drills/platform.ts';
import { onProcesses } from '../../workers/drills/processes.ts';
import { endAll, type Runtime, startScript } from '../support/serving.ts';

const script = new URL('../../workers/drills/run.ts', import.meta.url).pathname;

const drills = allDrills();
const onWorkers = drills.filter(({ notOnWorkers }) => notOnWorkers === undefined);

afterEach(endAll);

describe('the drills', () => {
  test.each<Runtime>(['node', 'bun', 'deno'])(
    'pass on %s',
    async (runtime) => {
      // As often as two gateways become two others.
      const run = startScript(script, ['--restarts', '4'], runtime);
      const code = await run.exited();
      expect(code, run.output()).toBe(0);
      expect(run.output().match(/^ {2}PASSED$/gm)).toHaveLength(drills.length);
    },
    240_000,
  );

  test.each(['workerd', 'mixed'])(
    'pass on %s, and the others say why they mean nothing there',
    async (runtime) => {
      const run = startScript(script, ['--runtime', runtime], 'node');
      const code = await run.exited();
      expect(code, run.output()).toBe(0);
      expect(run.output().match(/^ {2}PASSED$/gm)).toHaveLength(onWorkers.length);
      const left = run.output().matchAll(/^── (.*)\n.*\n\n {2}Not on Workers: \w/gm);
      expect([...left].map(([, name]) => name)).toEqual(['slow-clients', 'restart']);
      expect(run.output()).toMatch(/^All drills passed in \d+ s; 2 mean nothing here\.$/m);
    },
    300_000,
  );

  test('a figure that is wrong fails the drill', async () => {
    const stage = new Stage({ ...onProcesses(), spans: [] }, { spansWithinMs: 0 });
    stage.expect('what', '1 of 2', false);
    stage.expectAll('answers', [{ status: 503, headers: new Headers(), body: '' }], 200);
    stage.expectAll('no answers', [], 200);
    await stage.trace('no such span', () => true);
    expect(stage.findings.map(({ holds }) => holds)).toEqual([false, false, false, false]);
    await stage.end();
  });

  test.each([
    [['everything'], 'There is no drill everything; there are canary, delay'],
    [['--runtime', 'rhino'], 'There is no runtime rhino; there are node, bun, deno, workerd'],
    [['--restarts', 'often'], "--restarts: 'often' is not a whole number above 0"],
  ])('what makes no sense is refused: %j', async (args, said) => {
    const run = startScript(script, args, 'node');
    expect(await run.exited()).toBe(2);
    expect(run.output()).toContain(said);
  });

  test('--runtime runs them on another runtime', async () => {
    const run = startScript(script, ['--runtime', 'bun', 'canary'], 'node');
    expect(await run.exited(), run.output()).toBe(0);
    expect(run.output()).toContain('All drills passed');
  });

  test('series are summed up by their labels, and by whole values', () => {
    const text = '# TYPE a counter\na{b="1",c="2"} 3\na{b="1"} 4\na{b="10"} 5\nab{b="1"} 6\n';
    expect(sumOf(text, 'a', { b: '1' })).toBe(7);
    expect(sumOf(text, 'a', {})).toBe(12);
  });

  test.each([
    ['drills.md', drills],
    ['drills-on-workerd.md', onWorkers],
  ] as const)('%s has every drill, and each of them passed', (file, passed) => {
    const page = readFileSync(new URL(`../../docs/${file}`, import.meta.url), 'utf8');
    for (const { name, summary } of drills) {
      expect(page).toContain(`── ${name}\n${summary}\n`);
    }
    expect(page.match(/^ {2}PASSED$/gm)).toHaveLength(passed.length);
  });
});
