/**
 * Checks the package as a stranger gets it: packed, installed into an empty project, every entry imported on Node, Bun and
 * Deno, the command line started. Needs the registry for the package's own dependencies.
 */

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  name: string;
  exports: Record<string, unknown>;
  devDependencies: Record<string, string>;
};
const bin = resolve('node_modules/.bin');
const project = mkdtempSync(join(tmpdir(), 'fetchmesh-package-'));

function run(command: string, args: readonly string[], cwd = project): string {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
}

try {
  const [packed] = JSON.parse(
    run(
      'npm',
      ['pack', '--json', '--ignore-scripts', '--pack-destination', project],
      process.cwd(),
    ),
  ) as [{ filename: string; size: number; entryCount: number }];
  console.log(
    `${packed.filename}: ${Math.round(packed.size / 1024)} KB, ${packed.entryCount} files`,
  );

  writeFileSync(join(project, 'package.json'), '{"type":"module","private":true}');
  const api = `@opentelemetry/api@${manifest.devDependencies['@opentelemetry/api']}`;
  run('npm', ['install', '--no-fund', '--no-audit', '--loglevel=error', packed.filename, api]);

  const entries = Object.keys(manifest.exports)
    .filter((entry) => entry !== './package.json')
    .map((entry) => manifest.name + entry.slice(1));
  writeFileSync(
    join(project, 'entries.mjs'),
    `${entries.map((entry) => `await import('${entry}');`).join('\n')}\nconsole.log('imported ${entries.length} entries');`,
  );
  const runtimes = [
    ['node', ['entries.mjs']],
    ['bun', ['entries.mjs']],
    ['deno', ['run', '-A', '--no-remote', '--node-modules-dir=manual', 'entries.mjs']],
  ] as const;
  for (const [runtime, args] of runtimes) {
    console.log(`${runtime}: ${run(join(bin, runtime), args).trim()}`);
  }

  const help = run('npx', ['--no-install', 'fetchmesh', 'serve', '--help']);
  if (!help.includes('--otlp-endpoint')) throw new Error(`fetchmesh serve --help said: ${help}`);
  console.log('npx fetchmesh: ok');
} finally {
  rmSync(project, { recursive: true });
}
