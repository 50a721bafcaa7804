/**
 * What differs between two sets of rules, in the words of the rules language.
 *
 * @module
 */

import type { RulesTexts } from '../files.ts';
import type { Rules } from '../model.ts';
import { summarizeRoutes } from './summary.ts';

/** One thing that differs. */
export interface Difference {
  /** Such as `route users` or `service web`. */
  readonly subject: string;
  readonly kind: 'added' | 'removed' | 'changed' | 'moved';
  /** What changed in it; empty for what was added, removed or moved. */
  readonly changes: readonly Change[];
}

/** A value before and after; `undefined` where there is none. */
export interface Change {
  readonly key: string;
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** Rules and what they were read from. */
export interface WrittenRules {
  readonly rules: Rules;
  readonly text: string | RulesTexts;
}

/** Values by name, and what they are compared by. */
type Described = ReadonlyMap<string, { readonly text: string; readonly exact: string }>;

/** Compares rules: routes by name, services by name, then the rest of the file. */
export function differences(before: WrittenRules, after: WrittenRules): readonly Difference[] {
  return [
    ...compare('route', routesOf(before), routesOf(after)),
    ...movedRoutes(before.rules, after.rules),
    ...compare('service', servicesOf(before.rules), servicesOf(after.rules)),
    ...compare('auth', authOf(before.rules), authOf(after.rules)),
    ...compare('', restOf(before.rules), restOf(after.rules)),
  ];
}

function compare(
  kind: string,
  before: ReadonlyMap<string, Described>,
  after: ReadonlyMap<string, Described>,
): Difference[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((name): Difference[] => {
    const subject = `${kind} ${name}`.trim();
    const old = before.get(name);
    const now = after.get(name);
    if (old === undefined) return [{ subject, kind: 'added', changes: [] }];
    if (now === undefined) return [{ subject, kind: 'removed', changes: [] }];
    const changes = changesBetween(old, now);
    return changes.length === 0 ? [] : [{ subject, kind: 'changed', changes }];
  });
}

function changesBetween(before: Described, after: Described): Change[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key): Change[] => {
    const old = before.get(key);
    const now = after.get(key);
    if (old?.exact === now?.exact) return [];
    return [{ key, before: old?.text, after: now?.text }];
  });
}

/** Members of a route that say the same in other words, or where it stands. */
const told: readonly string[] = [
  'name',
  'line',
  'path',
  'methods',
  'hosts',
  'match',
  'to',
  'sticky',
];

function routesOf({ rules, text }: WrittenRules): ReadonlyMap<string, Described> {
  const summaries = summarizeRoutes(rules, text);
  return new Map(
    rules.routes.map((route, index) => {
      const { name, path, methods, hosts, match, to, effective } = summaries[
        index
      ] as (typeof summaries)[number];
      const described = new Map<string, { text: string; exact: string }>();
      for (const [key, value] of Object.entries({ path, methods, hosts, match, to })) {
        if (value !== '') described.set(key, { text: value, exact: value });
      }
      for (const [member, value] of Object.entries(route)) {
        if (told.includes(member)) continue;
        const key = keyOf(member);
        const shown = effective.find((block) => block.key === key)?.value;
        const exact = JSON.stringify(value);
        described.set(key, { text: shown ?? exact, exact });
      }
      return [name, described];
    }),
  );
}

/** The key of the rules language for a member of the model. */
function keyOf(member: string): string {
  const key = member.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return key === 'rate_limits' ? 'rate_limit' : key;
}

/** Routes that stand in another order than before: the first that matches wins. */
function movedRoutes(before: Rules, after: Rules): Difference[] {
  const old = before.routes.map(({ name }) => name);
  const now = after.routes.map(({ name }) => name);
  const kept = now.filter((name) => old.includes(name));
  const ranks = kept.map((name) => old.indexOf(name));
  return kept.flatMap((name, index): Difference[] => {
    const rank = ranks[index] as number;
    const isAhead = ranks.slice(0, index).some((above) => above > rank);
    return isAhead ? [{ subject: `route ${name}`, kind: 'moved', changes: [] }] : [];
  });
}

function servicesOf({ services }: Rules): ReadonlyMap<string, Described> {
  return new Map(services.map((service) => [service.name, members(service)]));
}

function authOf({ auth = [] }: Rules): ReadonlyMap<string, Described> {
  return new Map(auth.map((rule) => [rule.name, members(rule)]));
}

function restOf({
  services: _,
  routes: __,
  auth: ___,
  version: ____,
  ...rest
}: Rules): ReadonlyMap<string, Described> {
  return new Map(Object.entries(rest).map(([name, value]) => [name, members(value)]));
}

function members(value: object): Described {
  return new Map(
    Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => {
        const exact = JSON.stringify(member);
        return [keyOf(key), { text: exact, exact }];
      }),
  );
}
