/** How the command line is bundled. */

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { BuildOptions, Plugin } from 'esbuild';

/** What takes a process longer to load than it has to: `check` is to be there within 150 ms. */
const lighter: Plugin = {
  name: 'lighter',
  setup({ onLoad, onResolve }) {
    // To import a module of its own, Node looks at each member of it, and makes streams and reports on the way.
    onResolve({ filter: /^node:/ }, ({ path, kind }) =>
      kind === 'import-statement' ? { path, namespace: 'builtin' } : { path, external: true },
    );
    onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents:
        path === 'node:process'
          ? 'export default globalThis.process;'
          : // esbuild looks at each member as well, but at none that is inherited.
            `module.exports = Object.create(globalThis.process.getBuiltinModule('${path}'));`,
    }));
    // The same as modules of ECMAScript: what is not used is left out, and the rest is no function of its own for each file.
    onResolve({ filter: /^yaml$/ }, () => ({
      path: fileURLToPath(new URL('../node_modules/yaml/browser/index.js', import.meta.url)),
    }));
  },
};

/** Verbs are loaded on demand. */
const verbs: Plugin = {
  name: 'verbs',
  setup({ onResolve }) {
    onResolve({ filter: /^\.\/[\w-]+\.ts$/ }, ({ path, kind }) =>
      kind === 'dynamic-import' ? { path: path.replace(/ts$/, 'js'), external: true } : undefined,
    );
  },
};

const common: BuildOptions = {
  outdir: 'dist/cli',
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node22.12',
  minifySyntax: true,
  minifyWhitespace: true,
  // Some of what is bundled is CommonJS and asks for modules of Node.
  banner: {
    js: 'const require = (name) => globalThis.process.getBuiltinModule(name);',
  },
  legalComments: 'linked',
  plugins: [lighter],
  // Picks its adapter by the runtime that loads it.
  external: ['srvx', 'srvx/node'],
};

const main = 'src/cli/main.ts';
const check = 'src/cli/check.ts';
const others = Array.from(
  readFileSync(main, 'utf8').matchAll(/import\('\.\/([\w-]+\.ts)'\)/g),
  ([, file]) => `src/cli/${file}`,
).filter((file) => file !== check);

/** Into `dist/cli`, one after the other. */
export const command: readonly BuildOptions[] = [
  { ...common, entryPoints: [main], plugins: [verbs, lighter] },
  // By itself: to find a dozen files takes Node longer than to read one.
  { ...common, entryPoints: [check] },
  // The thread is loaded by its address.
  { ...common, entryPoints: [...others, 'src/cli/load-rules-thread.ts'], splitting: true },
];
