/**
 * A gateway as a Worker on the open-source runtime of Workers, as a process of its own.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { parseRules } from '../../src/rules/parse.ts';
import { type Candidate, started, versionOf } from './processes.ts';

/** The program itself: what stands in `.bin` starts it from Node. */
const executable: string = createRequire(import.meta.url)('workerd').default;

/** With what it loads; `clear` removes its files. */
export interface WorkerdCandidate extends Candidate {
  readonly code: Uint8Array;
  clear(): void;
}

/** Bundles a gateway with compiled rules that send everything to a target. */
export async function workerdProcess(target: string): Promise<WorkerdCandidate> {
  const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-footprint-'));
  const { rules } = parseRules(`services: { a: "${target}" }\nroutes: [{ path: /**, to: a }]\n`, {
    mode: 'gateway',
  });
  const { outputFiles } = await build({
    stdin: {
      contents: `import { worker } from './src/runtimes/workers.ts';
        export default worker({ bundled: ${JSON.stringify(rules)} });`,
      resolveDir: '.',
    },
    bundle: true,
    minify: true,
    format: 'esm',
    conditions: ['workerd', 'worker', 'browser'],
    write: false,
  });
  const { contents: code } = outputFiles[0] as { readonly contents: Uint8Array };
  writeFileSync(join(directory, 'worker.js'), code);
  return {
    name: 'workerd',
    version: versionOf(executable),
    code,
    start(port) {
      const config = join(directory, 'config.capnp');
      writeFileSync(config, configuration(port));
      return started(executable, ['serve', config]);
    },
    clear: () => rmSync(directory, { recursive: true }),
  };
}

function configuration(port: number): string {
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      compatibilityDate = "2025-06-01",
    )),
    # Where the upstream listens on this machine.
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:${port}", http = (), service = "main")],
);
`;
}
