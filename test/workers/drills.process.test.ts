import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test } from 'vitest';
import { drills } from '../../workers/drills/all.ts';
import { Stage, sumOf } from '../../workers/drills/drill.ts';
import { endAll, type Runtime, startScript } from '../support/serving.ts';

const script = new URL('../../workers/drills/run.ts', import.meta.url).pathname;

/** Restarts processes of Node, 20 times: `npm run drill` has it. */
const portable = drills.map(({ name }) => name).filter((name) => name !== 'restart');

afterEach(endAll);

describe('the drills', () => {
  test.each<Runtime>(['node', 'bun', 'deno'])('pass on %s', async (runtime) => {
    const run = startScript(script, portable, runtime);
    const code = await run.exited();
    expect(code, run.output()).toBe(0);
    expect(run.output().match(/^ {2}PASSED$/gm)).toHaveLength(portable.length);
  });

  test('a figure that is wrong fails the drill', () => {
    const stage = new Stage();
    stage.expect('what', '1 of 2', false);
    stage.trace('no such span', () => true);
    expect(stage.findings.map(({ holds }) => holds)).toEqual([false, false]);
  });

  test('an unknown name is refused', async () => {
    const run = startScript(script, ['everything'], 'node');
    expect(await run.exited()).toBe(2);
    expect(run.output()).toContain('There is no drill everything; there are canary, delay');
  });

  test('series are summed up by their labels, and by whole values', () => {
    const text = '# TYPE a counter\na{b="1",c="2"} 3\na{b="1"} 4\na{b="10"} 5\nab{b="1"} 6\n';
    expect(sumOf(text, 'a', { b: '1' })).toBe(7);
    expect(sumOf(text, 'a', {})).toBe(12);
  });

  test('the recording has every drill, and each of them passed', () => {
    const page = readFileSync(new URL('../../docs/drills.md', import.meta.url), 'utf8');
    for (const { name, summary } of drills) {
      expect(page).toContain(`── ${name}\n${summary}\n`);
    }
    expect(page.match(/^ {2}PASSED$/gm)).toHaveLength(drills.length);
  });
});
