/**
 * Runs the tests on Node, workerd, Bun and Deno, and checks that each runtime ran exactly the files that it should: a
 * file that a runner passes over in silence is a failure here. The tests of tracing run twice on each: with the second
 * generation of the OpenTelemetry SDK, and with the third. Tests that start processes are a suite of their own. Two suites
 * run at a time where there are two processors: Vitest leaves the second to itself and mostly idle.
 *
 * Usage: node tools/run-tests.ts [node|workerd|bun|deno|system …]
 */

import { spawn } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { testsOfSdk } from '../test/support/third-generation.ts';
import { runtimes } from './runtimes.ts';

type Runtime = 'node' | 'workerd' | 'bun' | 'deno';
type Suite = Runtime | `${Runtime}-sdk3` | 'processes' | 'system';

const vitest = 'node_modules/vitest/vitest.mjs';
const portable = ['run', '-c', 'vitest.portable.config.ts'];

const bun = [...runtimes.bun, vitest, ...portable, '--pool=threads'];
const deno = [...runtimes.deno, vitest, ...portable, '--pool=forks'];

const commands: Readonly<Record<Suite, readonly string[]>> = {
  node: ['node', vitest, 'run', '--project', 'node', '--project', 'node-garbage'],
  // They wait for each other's processes more than they work.
  processes: ['node', vitest, 'run', '--project', 'node', '--maxWorkers=2'],
  'node-sdk3': ['node', vitest, 'run', '--project', 'node-sdk3'],
  workerd: ['node', vitest, 'run', '--project', 'workerd'],
  'workerd-sdk3': ['node', vitest, 'run', '--project', 'workerd-sdk3'],
  bun: [...bun, '--project', 'portable', '--project', 'garbage'],
  'bun-sdk3': [...bun, '--project', 'portable-sdk3'],
  deno: [...deno, '--project', 'portable'],
  'deno-sdk3': [...deno, '--project', 'portable-sdk3'],
  system: ['node', vitest, 'run', '--project', 'system'],
};

/** Suffixes of files that only one suite runs: `limits.process.test.ts` needs sockets and processes of Node. */
const suffixes: Readonly<
  Record<Runtime | 'processes' | 'node-sdk3' | 'system', readonly string[]>
> = {
  node: ['', '.node', '.garbage'],
  processes: ['.process'],
  // Of these too few start processes to be a suite.
  'node-sdk3': ['', '.node', '.process', '.garbage'],
  workerd: ['', '.workerd'],
  // Node and Bun can be asked to collect garbage.
  bun: ['', '.garbage'],
  deno: [''],
  system: ['.system'],
};

/** Said by the Workers plugin for every file, and no concern of the tests. */
const noise = /node:inspector|node%3Ainspector|Sourcemap for|points to a source file outside|^$/;

interface Report {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly testResults: readonly {
    readonly name: string;
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

interface Tally {
  passed: number;
  failed: number;
  complaints: string[];
}

function expectedFiles(suite: Suite): Set<string> {
  const [runtime, generation] = suite.split('-') as [Runtime, 'sdk3'?];
  const kinds = suffixes[suite as keyof typeof suffixes] ?? suffixes[runtime];
  const files = globSync('test/**/*.test.ts').filter(
    (file) =>
      !file.startsWith('test/fixtures/') && (generation === undefined || testsOfSdk.includes(file)),
  );
  return new Set(
    files.filter((file) => {
      const suffix = /(\.[a-z]+)?\.test\.ts$/.exec(file)?.[1] ?? '';
      const isKnown = Object.values(suffixes).some((known) => known.includes(suffix));
      return kinds.includes(isKnown ? suffix : '');
    }),
  );
}

/** Runs one suite, and prints what it said only when it ends and only if it failed: suites run side by side. */
async function runSuite(suite: Suite, reportFile: string): Promise<Tally> {
  const [command, ...args] = commands[suite] as [string, ...string[]];
  // One project for both, so that whoever works on a test need not know which of them it is in.
  if (suite === 'node' || suite === 'processes') args.push(...expectedFiles(suite));
  const child = spawn(command, [...args, '--reporter=json', `--outputFile=${reportFile}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // Hundreds of processes start from the same sources: they share what compiling them brings.
    env: { ...process.env, NO_COLOR: '1', NODE_COMPILE_CACHE: join(directory, 'compiled') },
  });
  const ended = new Promise<number | string | null>((resolve) => {
    child.once('error', ({ message }) => resolve(message));
    child.once('close', (code, signal) => resolve(code ?? signal));
  });
  const [status, ...said] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  console.log(`\n── ${suite} ${'─'.repeat(60 - suite.length)}`);
  if (status !== 0) {
    console.log(
      said
        .join('')
        .split('\n')
        .filter((line) => !noise.test(line))
        .join('\n'),
    );
  }
  let report: Report;
  try {
    report = JSON.parse(readFileSync(reportFile, 'utf8')) as Report;
  } catch {
    return { passed: 0, failed: 1, complaints: [`${suite}: ended with ${status} and no report`] };
  }
  const complaints: string[] = [];
  const ran = new Set(report.testResults.map(({ name }) => relative('.', name)));
  const expected = expectedFiles(suite);
  for (const file of expected) {
    if (!ran.has(file)) complaints.push(`${suite}: did not run ${file}`);
  }
  for (const file of ran) {
    if (!expected.has(file)) complaints.push(`${suite}: should not run ${file}`);
  }
  if (report.numPendingTests > 0) {
    complaints.push(`${suite}: ${report.numPendingTests} tests were skipped`);
  }
  for (const { name, status, message, assertionResults } of report.testResults) {
    if (status === 'passed') continue;
    complaints.push(`${suite}: failed ${relative('.', name)}`);
    console.log(`${relative('.', name)}: ${message}`);
    for (const { fullName, status, failureMessages } of assertionResults) {
      if (status === 'failed') console.log(`  ${fullName}\n    ${failureMessages.join('\n    ')}`);
    }
  }
  if (status !== 0) complaints.push(`${suite}: the runner ended with ${status}`);
  return { passed: report.numPassedTests, failed: report.numFailedTests, complaints };
}

const asked = process.argv.slice(2) as (Runtime | 'system')[];
const chosen = asked.length > 0 ? asked : (['node', 'workerd', 'bun', 'deno'] as const);
const suites = chosen.flatMap((runtime): Suite[] => {
  if (runtime === 'system') return [runtime];
  // What takes longest begins first.
  return [...(runtime === 'node' ? (['processes'] as const) : []), runtime, `${runtime}-sdk3`];
});
const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-tests-'));
const tallies = new Map<Suite, Tally>();
const waiting = suites.values();
const lane = async (): Promise<void> => {
  for (const suite of waiting) {
    tallies.set(suite, await runSuite(suite, join(directory, `${suite}.json`)));
  }
};
await Promise.all(Array.from({ length: Math.min(2, availableParallelism()) }, lane));
rmSync(directory, { recursive: true });

const total: Tally = { passed: 0, failed: 0, complaints: [] };
console.log(`\n${'═'.repeat(63)}`);
for (const suite of suites) {
  const { passed, failed, complaints } = tallies.get(suite) as Tally;
  total.passed += passed;
  total.failed += failed;
  total.complaints.push(...complaints);
  console.log(
    `${suite.padEnd(12)} ${passed} passed, ${failed} failed, ${expectedFiles(suite).size} files`,
  );
}
if (!suites.includes('system')) {
  const count = expectedFiles('system').size;
  console.log(
    `not run      ${count} files that need more than npm ci brings (Prometheus, Redis, openssl): npm run test:system`,
  );
}
for (const complaint of total.complaints) console.error(`✗ ${complaint}`);
const failed = Math.max(total.failed, total.complaints.length);
console.log(`${total.passed} passed, ${failed} failed`);
process.exitCode = failed > 0 || total.passed === 0 ? 1 : 0;
