#!/usr/bin/env node
// The published command. Plain JavaScript, so that an old Node can still say what is wrong.

// Nothing is imported: Node then looks at each member of a module, and makes streams on the way, which takes milliseconds.
const { process } = globalThis;

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  console.error(
    `fetchmesh needs Node 22.12 or later, this is ${process.version}: https://nodejs.org`,
  );
  process.exit(2);
}
const { existsSync } = process.getBuiltinModule('node:fs');
keepCompiled();
// A clone that was not built yet runs from its sources.
const built = new URL('../dist/cli/main.js', import.meta.url);
const main = existsSync(built) ? built : new URL('../src/cli/main.ts', import.meta.url);
const { runProcess } = await import(main.href);
await runProcess();

/**
 * Keeps what Node has compiled for the next start, among the caches of the user and nobody else's. Where there is no such place the
 * start takes a little longer. `NODE_DISABLE_COMPILE_CACHE=1` switches it off. A gateway writes nothing that it was not told to.
 */
function keepCompiled() {
  const { XDG_CACHE_HOME, HOME, LOCALAPPDATA } = process.env;
  const caches = LOCALAPPDATA || XDG_CACHE_HOME || (HOME && `${HOME}/.cache`);
  if (!caches || process.argv[2] === 'serve') return;
  process.getBuiltinModule('node:module').enableCompileCache?.(`${caches}/fetchmesh`);
}
