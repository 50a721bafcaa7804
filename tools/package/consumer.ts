/**
 * A stranger's project: empty, with the packed package and an SDK of OpenTelemetry installed.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import process from 'node:process';

/** The commands that `npm ci` brought: runtimes and compilers. */
export const bin: string = resolve('node_modules/.bin');

/** Runs a command and hands back what it printed; what it says on stderr is seen. */
export function run(command: string, args: readonly string[], cwd: string): string {
  return execFileSync(command, args, {
    cwd,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, NO_COLOR: '1', PATH: `${bin}:${process.env['PATH']}` },
  });
}

/** The package as it would be published. */
export interface Packed {
  readonly file: string;
  /** What it can be imported by: `fetchmesh`, `fetchmesh/retry` … */
  readonly entries: readonly string[];
}

/** Packs what was built into `directory`. */
export function pack(directory: string): Packed {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', directory];
  const [packed] = JSON.parse(run('npm', args, process.cwd())) as [
    { filename: string; size: number; entryCount: number },
  ];
  console.log(
    `${packed.filename}: ${Math.round(packed.size / 1024)} KB, ${packed.entryCount} files`,
  );
  const { name, exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    name: string;
    exports: Record<string, unknown>;
  };
  const entries = Object.keys(exports)
    .filter((entry) => !entry.endsWith('.json'))
    .map((entry) => name + entry.slice(1));
  return { file: join(directory, packed.filename), entries };
}

/** An SDK of OpenTelemetry, and the API that it asks for. */
export interface SdkGeneration {
  /** The SDK's package. */
  readonly sdk: string;
  /** What to install. */
  readonly packages: readonly string[];
}

/** The two generations, in the versions that the tests run with. */
export function sdkGenerations(): readonly SdkGeneration[] {
  const second = readVersions('package.json', 'devDependencies');
  const third = readVersions('test/fixtures/sdk3/package.json', 'dependencies');
  return [
    { sdk: '@opentelemetry/sdk-trace-web', versions: second },
    { sdk: '@opentelemetry/sdk-trace', versions: third },
  ].map(({ sdk, versions }) => ({
    sdk,
    packages: [sdk, '@opentelemetry/api'].map((name) => `${name}@${versions[name]}`),
  }));
}

function readVersions(file: string, field: string): Readonly<Record<string, string>> {
  return JSON.parse(readFileSync(file, 'utf8'))[field];
}

/** Makes the project. npm refuses (ERESOLVE) where the package cannot live beside that SDK. */
export function install({ file }: Packed, { sdk, packages }: SdkGeneration): string {
  const project = join(dirname(file), basename(sdk));
  mkdirSync(project);
  writeFileSync(join(project, 'package.json'), '{"type":"module","private":true}');
  const flags = ['--no-fund', '--no-audit', '--loglevel=error', '--prefer-offline'];
  run('npm', ['install', ...flags, file, ...packages], project);
  return project;
}
