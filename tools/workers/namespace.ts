/**
 * The KV namespace that the gateway's rules live in.
 */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type CurrentRules, rulesKeys } from '../../src/rules/sources/kv.ts';
import { builtRules } from './shop.ts';
import { StepError, wrangler, wranglerJson } from './wrangler.ts';

const title = 'shop-rules';
const keys = rulesKeys('shop');

/** The id of the namespace; `undefined` where the account has none. */
export function findNamespace(): string | undefined {
  const namespaces = wranglerJson<{ id: string; title: string }[]>(['kv', 'namespace', 'list']);
  return namespaces.find((namespace) => namespace.title === title)?.id;
}

/** Finds the namespace or makes it. */
export function provideNamespace(): string {
  const found = findNamespace();
  if (found !== undefined) return found;
  wrangler(['kv', 'namespace', 'create', title]);
  const made = findNamespace();
  if (made === undefined)
    throw new StepError(`the KV namespace ${title} was made, and is not there`);
  return made;
}

/**
 * Publishes the rules, unless they are in force already: first the rules, under a key that nobody has read yet, then the
 * pointer to them.
 *
 * @returns The revision in force.
 */
export function publishRules(namespaceId: string): number {
  const place = ['--namespace-id', namespaceId, '--remote'];
  const rules = builtRules('workers/shop.yaml');
  const names = wranglerJson<{ name: string }[]>([
    ...['kv', 'key', 'list', '--prefix', keys.current.replace('current', ''), ...place],
  ]).map(({ name }) => name);
  const read = (key: string) =>
    wrangler(['kv', 'key', 'get', key, '--text', ...place], { quiet: true });
  let revision = Math.max(0, ...names.map((name) => Number(/\/r\/(\d+)$/.exec(name)?.[1] ?? 0)));
  if (names.includes(keys.current)) {
    const current = JSON.parse(read(keys.current)) as CurrentRules;
    if (names.includes(current.ref) && read(current.ref).trim() === rules.trim()) {
      return current.revision;
    }
    revision = Math.max(revision, current.revision);
  }
  revision += 1;
  const ref = keys.revision(revision);
  const directory = mkdtempSync(join(tmpdir(), 'shop-rules-'));
  try {
    const file = join(directory, 'rules.json');
    writeFileSync(file, rules);
    wrangler(['kv', 'key', 'put', ref, '--path', file, ...place]);
    wrangler(['kv', 'key', 'put', keys.current, JSON.stringify({ revision, ref }), ...place]);
  } finally {
    rmSync(directory, { recursive: true });
  }
  return revision;
}

/** Deletes the namespace and all rules in it, if it is there. */
export function deleteNamespace(): void {
  const id = findNamespace();
  if (id === undefined) return;
  wrangler(['kv', 'namespace', 'delete', '--namespace-id', id, '--skip-confirmation']);
}
