/**
 * Builds `dist/`: the library as it stands, file by file, and the command line in a bundle that starts fast; and
 * `rules.schema.json` and `rules.overlay.schema.json` beside it, which editors find under the name that `fetchmesh init` writes.
 */

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { overlayJsonSchema, rulesJsonSchema } from '../src/rules/json-schema.ts';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
await build({
  // The thread is loaded by its address.
  entryPoints: ['src/cli/main.ts', 'src/cli/load-rules-thread.ts'],
  outdir: 'dist/cli',
  bundle: true,
  // Verbs are loaded on demand: each is a chunk.
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.12',
  minifySyntax: true,
  // Some of what is bundled is CommonJS and asks for modules of Node.
  banner: {
    js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
  },
  legalComments: 'linked',
  // Picks its adapter by the runtime that loads it.
  external: ['srvx', 'srvx/node'],
});
writeFileSync('rules.schema.json', `${JSON.stringify(rulesJsonSchema())}\n`);
writeFileSync('rules.overlay.schema.json', `${JSON.stringify(overlayJsonSchema())}\n`);
