/**
 * Builds `dist/`: the library as it stands, file by file, and the command line in a bundle that starts fast; and
 * `rules.schema.json` and `rules.overlay.schema.json` beside it, which editors find under the name that `fetchmesh init` writes.
 */

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { overlayJsonSchema, rulesJsonSchema } from '../src/rules/json-schema.ts';
import { command } from './command.ts';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
for (const part of command) await build(part);
writeFileSync('rules.schema.json', `${JSON.stringify(rulesJsonSchema())}\n`);
writeFileSync('rules.overlay.schema.json', `${JSON.stringify(overlayJsonSchema())}\n`);
