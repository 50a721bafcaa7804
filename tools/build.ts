/**
 * Builds `dist/`: the library as it stands, file by file, and the command line in a bundle that starts fast; and
 * `rules.schema.json` and `rules.overlay.schema.json` beside it, which editors find under the name that `fetchmesh init` writes.
 */

import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { command } from './command.ts';
import { rulesSchemas } from './rules-schemas.ts';

rmSync('dist', { recursive: true, force: true });
execFileSync('tsc', ['-p', 'tsconfig.build.json'], { stdio: 'inherit' });
for (const part of command) await build(part);
const schemas = rulesSchemas();
writeFileSync('rules.schema.json', `${JSON.stringify(schemas.rules)}\n`);
writeFileSync('rules.overlay.schema.json', `${JSON.stringify(schemas.overlay)}\n`);
