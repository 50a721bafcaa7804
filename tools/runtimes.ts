/** How each runtime starts a script of this tree; nothing is fetched on the way. */

export const runtimes = {
  node: ['node'],
  bun: ['bun', '--bun', '--no-install'],
  deno: ['deno', 'run', '-A', '--no-remote', '--node-modules-dir=manual'],
} as const satisfies Record<string, readonly [program: string, ...front: string[]]>;

/** A runtime that runs as a process. */
export type Runtime = keyof typeof runtimes;

/** The one that this runs on. */
export const ownRuntime: Runtime =
  'Bun' in globalThis ? 'bun' : 'Deno' in globalThis ? 'deno' : 'node';
