/** How the command line is bundled. */

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
          : `module.exports = globalThis.process.getBuiltinModule('${path}');`,
    }));
    // The same as modules of ECMAScript: what is not used is left out, and the rest is no function of its own for each file.
    onResolve({ filter: /^yaml$/ }, () => ({
      path: fileURLToPath(new URL('../node_modules/yaml/browser/index.js', import.meta.url)),
    }));
  },
};

/** Into `dist/cli`. */
export const command: BuildOptions = {
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
    js: 'const require = (name) => globalThis.process.getBuiltinModule(name);',
  },
  legalComments: 'linked',
  plugins: [lighter],
  // Picks its adapter by the runtime that loads it.
  external: ['srvx', 'srvx/node'],
};
