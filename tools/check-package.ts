/**
 * Checks the package as a stranger gets it: packed, and installed into an empty project beside either generation of
 * OpenTelemetry's SDK. Needs the registry for the package's own dependencies; `npm run check:package` builds first.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { install, pack, run, sdkGenerations } from './package/consumer.ts';
import { checkDeclarations } from './package/declarations.ts';
import { checkCommand, checkRuntimes } from './package/runtimes.ts';
import { checkTypes } from './package/types.ts';

// What JSR would take; it wants types that can be had without a compiler.
run('deno', ['publish', '--dry-run', '--allow-dirty', '--quiet'], process.cwd());
console.log('deno publish --dry-run: ok');
checkDeclarations();

const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-package-'));
try {
  const packed = pack(directory);
  for (const generation of sdkGenerations()) {
    const project = install(packed, generation);
    await checkRuntimes(project, packed.entries, generation.sdk);
    checkTypes(project, packed.entries, generation.sdk);
    checkCommand(project);
  }
} finally {
  rmSync(directory, { recursive: true });
}
