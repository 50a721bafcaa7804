/**
 * The command line: finds the verb, loads it, and turns what it throws into one readable line.
 *
 * @module
 */

import process from 'node:process';
import { catchStopSignals } from './signals.ts';
import { didYouMean, isUsageError } from './usage.ts';
import { version } from './version.ts';

/** A verb gets the arguments behind its name and answers with the exit code: 0 yes, 1 no, 2 could not tell. */
export type Verb = (args: readonly string[]) => Promise<number>;

interface VerbEntry {
  readonly summary: string;
  readonly load: () => Promise<Verb>;
}

/** Loaded on demand: most of them need no server, and none needs all of it. */
const verbs: Readonly<Record<string, VerbEntry>> = {
  serve: {
    summary: 'run a gateway from a rules file, or in front of one upstream',
    load: async () => {
      // A signal that comes while the rest loads must not be lost.
      const signals = catchStopSignals();
      return (await import('./serve.ts')).serveUntil(signals);
    },
  },
  check: {
    summary: 'say all that is wrong with rules files',
    load: async () => (await import('./check.ts')).check,
  },
  explain: {
    summary: 'say which route takes a request, and why',
    load: async () => (await import('./explain.ts')).explain,
  },
  routes: {
    summary: 'list all routes in a table',
    load: async () => (await import('./routes.ts')).routes,
  },
  diff: {
    summary: 'say what differs between two rules files',
    load: async () => (await import('./diff.ts')).diff,
  },
  init: {
    summary: 'write the files to begin with',
    load: async () => (await import('./init.ts')).init,
  },
  doctor: {
    summary: 'ask upstreams, store and collector how they are',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  reload: {
    summary: 'tell a running gateway to read its rules again',
    load: async () => (await import('./reload.ts')).reload,
  },
  publish: {
    summary: 'put rules into a store, for all gateways that follow it',
    load: async () => (await import('./publish.ts')).publish,
  },
  rollback: {
    summary: 'go back to the rules before, in such a store',
    load: async () => (await import('./rollback.ts')).rollback,
  },
  build: {
    summary: 'check a rules file and write it as JSON, for a Worker',
    load: async () => (await import('./build.ts')).build,
  },
  completion: {
    summary: 'let the shell complete verbs and options',
    load: async () => (await import('./completion.ts')).completion(summaries()),
  },
};

/** By name, for help and completion. */
function summaries(): Record<string, string> {
  return Object.fromEntries(Object.entries(verbs).map(([name, { summary }]) => [name, summary]));
}

/** Verbs that speak to a running gateway; it has no ear for them in this version. */
const later = [
  ...['tap', 'stat', 'top', 'weights', 'canary', 'fault', 'breaker', 'limits', 'dashboard'],
  'import',
];

const help = `fetchmesh: traffic governance as a function around fetch

  npx fetchmesh serve --upstream http://localhost:3000
  npx fetchmesh serve -f rules.yaml --watch
  npx fetchmesh check rules.yaml

Verbs:
${Object.entries(verbs)
  .map(([name, { summary }]) => `  ${name.padEnd(11)} ${summary}`)
  .join('\n')}

fetchmesh VERB --help tells more of each. All verbs take --no-color.`;

/** What asks for help, of a verb behind it or of all. */
const helps: readonly string[] = ['help', '--help', '-h'];

/** Runs the command line. Resolves to the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [first, ...behind] = args;
  if (first === undefined) {
    console.error(help);
    return 2;
  }
  const isHelp = helps.includes(first);
  if (isHelp && (behind[0] === undefined || helps.includes(behind[0]))) {
    const { documentation, printHelp } = await import('./help.ts');
    printHelp(help + documentation());
    return 0;
  }
  const [name, ...rest] = isHelp
    ? [behind[0] as string, '--help']
    : (args as [string, ...string[]]);
  if (name === '--version' || name === '-V') {
    console.log(version());
    return 0;
  }
  const verb = Object.hasOwn(verbs, name) ? verbs[name] : undefined;
  if (verb === undefined) {
    console.error(`fetchmesh: ${unknownVerb(name)}`);
    return 2;
  }
  try {
    const run = await verb.load();
    return await run(rest);
  } catch (error) {
    if (!isUsageError(error)) throw error;
    console.error(`fetchmesh ${name}: ${error.message}`);
    return 2;
  }
}

function unknownVerb(name: string): string {
  const known = Object.keys(verbs);
  if (later.includes(name)) return `${name} is not available in this version`;
  if (name.startsWith('-'))
    return `${name}: options stand behind a verb, such as: fetchmesh check -q`;
  const meant = didYouMean(name, known);
  return `unknown verb '${name}'${meant}\n\nThere is: ${known.join(', ')}`;
}

/** Runs the command line of this process. */
export async function runProcess(): Promise<void> {
  const args = process.argv.slice(2);
  process.exitCode = await main(args);
  // All that is still to come is tidying up, which takes longer than many a verb; a gateway may have rules to write down.
  if (args[0] !== 'serve' && isAllOut(process.stdout) && isAllOut(process.stderr)) process.exit();
}

function isAllOut({ writableLength }: NodeJS.WriteStream): boolean {
  return writableLength === 0;
}
