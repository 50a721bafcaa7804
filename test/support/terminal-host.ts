// Runs a command in a terminal of its own and prints what came of it as JSON. Runs on Bun, which has terminals built in.
import process from 'node:process';
import type { TerminalJob, TerminalRun } from './terminal.ts';

/** What is used of Bun. */
interface BunTerminals {
  spawn(
    command: readonly string[],
    options: {
      readonly cwd: string;
      readonly env: Readonly<Record<string, string | undefined>>;
      readonly terminal: {
        readonly cols: number;
        readonly rows: number;
        data(terminal: { write(text: string): void }, bytes: Uint8Array): void;
        /** Nothing can be read any more. */
        exit(): void;
      };
    },
  ): {
    readonly exited: Promise<number>;
    readonly terminal: { close(): void };
  };
}

const { Bun } = globalThis as unknown as { readonly Bun: BunTerminals };
const { command, cwd, env, columns, keys } = JSON.parse(process.argv[2] ?? '') as TerminalJob;

const decoder = new TextDecoder();
const waiting = [...keys];
let output = '';
const read = Promise.withResolvers<void>();
const child = Bun.spawn(command, {
  cwd,
  env,
  terminal: {
    cols: columns,
    rows: 24,
    data(terminal, bytes) {
      output += decoder.decode(bytes, { stream: true });
      while (waiting[0] !== undefined && output.includes(waiting[0].after)) {
        terminal.write(waiting.shift()?.press ?? '');
      }
    },
    exit: () => read.resolve(),
  },
});
const code = await child.exited;
await read.promise;
child.terminal.close();
console.log(JSON.stringify({ code, output } satisfies TerminalRun));
