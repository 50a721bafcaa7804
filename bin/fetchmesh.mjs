#!/usr/bin/env node
// The published command. Plain JavaScript, so that an old Node can still say what is wrong.
import { existsSync } from 'node:fs';

// Not imported: Node then looks at each member of it, which takes milliseconds.
const { process } = globalThis;

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  console.error(
    `fetchmesh needs Node 22.12 or later, this is ${process.version}: https://nodejs.org`,
  );
  process.exit(2);
}
// A clone that was not built yet runs from its sources.
const built = new URL('../dist/cli/main.js', import.meta.url);
const main = existsSync(built) ? built : new URL('../src/cli/main.ts', import.meta.url);
const { runProcess } = await import(main.href);
await runProcess();
