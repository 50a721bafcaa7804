/**
 * Other rules for gateways that follow a store: shown before they are in force, and put in force where that is wanted.
 *
 * @module
 */

import process from 'node:process';
import { createInterface } from 'node:readline/promises';
import { differences } from '../rules/explain/difference.ts';
import type { Rules } from '../rules/model.ts';
import { InvalidRulesError } from '../rules/sources/source.ts';
import { storeRules } from '../rules/sources/store.ts';
import { differencesRecord, renderDifferences } from './differences.ts';
import type { RulesStore } from './rules-store.ts';
import { UsageError } from './usage.ts';

/** What help says of the options that all verbs of this kind have. */
export const changeHelp = `      --to URL       the store: redis://…, rediss://… or, on Deno, deno-kv:PATH
      --name NAME    which rules of that store (default: default)
      --dry-run      only say what would change
  -y, --yes          do not ask; needed where nobody can be asked
      --json         the answer as JSON`;

/** What is going to be in force. */
export interface RulesChange {
  readonly values: {
    readonly name: string;
    readonly 'dry-run': boolean;
    readonly yes: boolean;
    readonly json: boolean;
  };
  readonly rules: Rules;
  /** In words, such as `the rules of revision 1`. */
  readonly what: string;
  /** The earlier revision that they are of, if any. */
  readonly of?: number;
  /** Puts them in force, as long as this revision is; 0 for none. @returns The new revision. */
  act(after: number): Promise<number>;
}

/**
 * Shows what differs from the rules in force, asks, and acts; rules that are in force already stay as they are.
 *
 * @returns The exit code: 1 where a person has said no.
 */
export async function changeRules(store: RulesStore, change: RulesChange): Promise<number> {
  const { values, rules, what, of } = change;
  const { name } = values;
  const before = await inForce(store, name);
  const old = before === undefined ? without(rules) : before.rules;
  const found = old === undefined ? [] : differences({ rules: old }, { rules });
  const isWanted = found.length > 0 || before?.rules === undefined;
  if (!values.json) {
    if (before === undefined) console.log(`the first rules of '${name}':`);
    console.log(
      old === undefined
        ? `what differs from revision ${before?.revision} cannot be said: ${before?.why}`
        : renderDifferences(found),
    );
  }
  if (!isWanted) {
    if (values.json) printRecord(before.revision);
    else console.log(`${named(before.revision)} has ${what} already`);
    return 0;
  }
  if (values['dry-run']) {
    if (values.json) printRecord(null);
    return 0;
  }
  const answer = values.yes ? 'yes' : await ask(`put ${what} in force in ${store.place}?`);
  if (answer !== 'yes') {
    console.error('nothing was changed');
    return answer === 'no' ? 1 : 130;
  }
  const revision = await store.inTime(change.act(before?.revision ?? 0));
  const undo = before && undoCommand(before.revision);
  if (values.json) printRecord(revision, undo);
  else {
    console.log(`${named(revision)} has ${what}`);
    if (undo !== undefined) console.log(`back to what was before: ${undo}`);
  }
  return 0;

  function named(revision: number): string {
    return `revision ${revision} of '${name}' in ${store.place}`;
  }

  function undoCommand(revision: number): string {
    const which = name === 'default' ? '' : ` --name ${name}`;
    return `npx fetchmesh rollback --to ${store.place}${which} --revision ${revision}`;
  }

  function printRecord(after: number | null, undo?: string): void {
    const record = {
      ...{ name, store: store.place, before: before?.revision ?? null, after },
      ...(of !== undefined && { of }),
      changes: differencesRecord(found),
      ...(undo !== undefined && { undo }),
    };
    console.log(JSON.stringify(record, undefined, 2));
  }
}

/**
 * Says so before anything is done where nobody could be asked.
 *
 * @throws {UsageError} with what to give.
 */
export function mustBeAsked({ yes, 'dry-run': dryRun }: RulesChange['values']): void {
  if (yes || dryRun || (process.stdin.isTTY && process.stderr.isTTY)) return;
  throw new UsageError('nobody can be asked here: give -y, or --dry-run to see what would change');
}

/** A revision, and its rules or else why they cannot be read. */
interface InForce {
  readonly revision: number;
  readonly rules?: Rules;
  readonly why?: string;
}

/** @returns `undefined` where nothing was ever published. */
async function inForce({ store, inTime }: RulesStore, name: string): Promise<InForce | undefined> {
  const { signal } = new AbortController();
  const found = await inTime(storeRules(store, { name }).latest(signal));
  if (found === undefined) return undefined;
  const { revision } = found;
  try {
    return { revision, rules: await inTime(found.read(signal)) };
  } catch (error) {
    // Another version may have published them: no reason to keep better ones out.
    if (!(error instanceof InvalidRulesError)) throw error;
    return { revision, why: error.message };
  }
}

/** What everything is new against. */
function without(rules: Rules): Rules {
  const { auth: _, ...rest } = rules;
  return { ...rest, routes: [], services: [] };
}

/** @returns `'interrupted'` for Ctrl-C. */
async function ask(question: string): Promise<'yes' | 'no' | 'interrupted'> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<string | undefined>((resolve) => {
    lines.once('SIGINT', () => resolve(undefined));
    lines.once('close', () => resolve(''));
  });
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `), ended]);
    if (answer === undefined) process.stderr.write('\n');
    return answer === undefined ? 'interrupted' : /^y(es)?$/i.test(answer.trim()) ? 'yes' : 'no';
  } finally {
    lines.close();
  }
}
