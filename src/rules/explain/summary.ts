/**
 * A route in a few words: what it takes, where that goes, and what is in force.
 *
 * @module
 */

import { type RulesTexts, readFiles } from '../files.ts';
import type { Route, Rules } from '../model.ts';
import { Positions } from '../positions.ts';
import { type Effective, effectiveBlocks } from './effective.ts';
import { placeName } from './explain.ts';

/** What there is to say of a route. */
export interface RouteSummary {
  readonly name: string;
  readonly line: number;
  /** The file of that line, where the rules are of several files. */
  readonly file?: string;
  readonly path: string;
  /** Such as `GET HEAD`; empty for all. */
  readonly methods: string;
  readonly hosts: string;
  /** Such as `header x-env=canary`; entries of which one has to hold are joined by `or`. */
  readonly match: string;
  /** Such as `users@v1 90%, users@v2 10%`; empty where the route answers by itself, or leads nowhere of its own. */
  readonly to: string;
  readonly effective: readonly Effective[];
}

/** @param texts What the rules were read from. */
export function summarizeRoutes(rules: Rules, texts: string | RulesTexts): readonly RouteSummary[] {
  const { source, root } = readFiles(typeof texts === 'string' ? { file: '', text: texts } : texts);
  const positions = root && new Positions(root);
  return rules.routes.map((route, index) => ({
    name: route.name,
    line: route.line,
    ...(route.file !== undefined && { file: route.file }),
    path: route.path,
    methods: (route.methods ?? []).join(' '),
    hosts: (route.hosts ?? []).join(' '),
    match: conditionsText(route),
    to: destinationsText(route),
    effective: positions ? effectiveBlocks(route, index, positions, source) : [],
  }));
}

function destinationsText(route: Route): string {
  const { to, sticky } = route;
  const isSticky = to.length > 1 && sticky !== undefined;
  return `${sharesText(route)}${isSticky ? ` by ${sticky.by.join(' and ')}` : ''}`;
}

/** Such as `users@v1 90%, users@v2 10%`; empty where the route leads nowhere of its own. */
export function sharesText({ to }: Route): string {
  const [first] = to;
  if (first === undefined) return '';
  if (to.length === 1) return placeName(first);
  return to.map((destination) => `${placeName(destination)} ${destination.weight}%`).join(', ');
}

const words = {
  headers: 'header',
  query: 'query',
  cookies: 'cookie',
  baggage: 'baggage',
  claims: 'claim',
} as const;

/** Such as `header x-env=canary`; empty where there is nothing to match. */
export function conditionsText({ match }: Route): string {
  const entries = match.map((conditions) =>
    Object.entries(words).flatMap(([source, word]) =>
      Object.entries(conditions[source as keyof typeof words] ?? {}).map(
        ([name, wanted]) => `${word} ${name}=${wanted}`,
      ),
    ),
  );
  return entries.map((all) => all.join(', ')).join(' or ');
}
