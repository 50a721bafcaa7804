/**
 * What differs between two sets of rules, in the words of the rules language.
 *
 * @module
 */

import type { RulesTexts } from '../files.ts';
import type { Route, Rules } from '../model.ts';
import { blockWords } from './block-words.ts';
import { conditionsText, sharesText, summarizeRoutes } from './summary.ts';

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
  /** Absent where they were published as JSON: then values of both are told as they were understood, not as they are written. */
  readonly text?: string | RulesTexts;
}

/** Values by name, and what they are compared by. */
type Described = ReadonlyMap<string, { readonly text: string; readonly exact: string }>;

/** Compares rules: routes by name, services by name, then the rest of the file. */
export function differences(before: WrittenRules, after: WrittenRules): readonly Difference[] {
  const areWritten = before.text !== undefined && after.text !== undefined;
  const routes = areWritten ? writtenRoutes : understoodRoutes;
  return [
    ...compare('route', routes(before), routes(after)),
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
const told: readonly string[] = ['name', 'line', 'file', 'path', 'methods', 'hosts', 'match', 'to'];

type DescribedRoutes = ReadonlyMap<string, Described>;

/** Blocks as they are written. */
function writtenRoutes({ rules, text = '' }: WrittenRules): DescribedRoutes {
  const summaries = summarizeRoutes(rules, text);
  return new Map(
    rules.routes.map((route, index) => {
      const effective = summaries[index]?.effective ?? [];
      const written = new Map(effective.map(({ key, value }) => [key, value]));
      const words = blockWords(route);
      return [route.name, describeRoute(route, (key) => written.get(key) ?? words.get(key))];
    }),
  );
}

/** Blocks as they were understood. */
function understoodRoutes({ rules }: WrittenRules): DescribedRoutes {
  return new Map(
    rules.routes.map((route) => {
      const words = blockWords(route);
      return [route.name, describeRoute(route, (key) => words.get(key))];
    }),
  );
}

function describeRoute(route: Route, wordsOf: (key: string) => string | undefined): Described {
  const { path, methods = [], hosts = [] } = route;
  const described = new Map<string, { text: string; exact: string }>();
  const taken = { path, methods: methods.join(' '), hosts: hosts.join(' ') };
  const led = { match: conditionsText(route), to: sharesText(route) };
  for (const [key, value] of Object.entries({ ...taken, ...led })) {
    if (value !== '') described.set(key, { text: value, exact: value });
  }
  for (const [member, value] of Object.entries(route)) {
    if (told.includes(member) || value === undefined) continue;
    const key = keyOf(member);
    const words = wordsOf(key);
    if (words === undefined) describe(described, key, value);
    else described.set(key, { text: words, exact: exactly(value) });
  }
  return described;
}

/** A value by itself, what it is made of by keys such as `headers.request` or `versions.v1.urls`. */
function describe(
  described: Map<string, { text: string; exact: string }>,
  key: string,
  value: unknown,
): void {
  if (value === undefined) return;
  const parts = partsOf(value);
  if (parts === undefined) {
    described.set(key, { text: textOf(value), exact: exactly(value) });
    return;
  }
  for (const [name, part] of parts) describe(described, name === '' ? key : `${key}.${name}`, part);
}

/** What has parts with names; `undefined` for anything else. */
function partsOf(value: unknown): [name: string, part: unknown][] | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if (!Array.isArray(value)) {
    const members = Object.entries(value);
    return members.length === 0
      ? undefined
      : members.map(([name, member]) => [keyOf(name), member]);
  }
  const isNamed = value.length > 0 && value.every((item) => typeof item?.name === 'string');
  if (!isNamed) return undefined;
  return value.map(({ name, ...rest }: { readonly name: string }) => [name, rest]);
}

function textOf(value: unknown): string {
  if (typeof value === 'string' && value !== '') return value;
  const isList = Array.isArray(value) && value.length > 0;
  return isList && value.every((item) => typeof item === 'string')
    ? value.join(', ')
    : exactly(value);
}

/** JSON in which the order of members, which means nothing, is always the same. */
function exactly(value: unknown): string {
  return JSON.stringify(value, (_, member: unknown) => {
    if (typeof member !== 'object' || member === null || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

/** The key of the rules language for a member of the model. */
function keyOf(member: string): string {
  const key = member.replace(/Ms$/, '').replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return key === 'rate_limits' ? 'rate_limit' : key;
}

/** Routes that stand in another order than before: the first that matches wins. */
function movedRoutes(before: Rules, after: Rules): Difference[] {
  const ranks = new Map(before.routes.map(({ name }, rank) => [name, rank]));
  let farthest = -1;
  return after.routes.flatMap(({ name }): Difference[] => {
    const rank = ranks.get(name);
    if (rank === undefined) return [];
    const isAhead = farthest > rank;
    farthest = Math.max(farthest, rank);
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
  const described = new Map<string, { text: string; exact: string }>();
  for (const [key, member] of Object.entries(value)) describe(described, keyOf(key), member);
  return described;
}
