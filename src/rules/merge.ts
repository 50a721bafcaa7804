/**
 * Putting several files together: files that stand side by side, and overlays that change what is below them.
 *
 * Both work on data that knows where it stands, before anything is checked: what comes out is read as one file, and every
 * part of it still tells its own file and line.
 *
 * @module
 */

import {
  kindNames,
  type ListNode,
  type MapEntry,
  type MapNode,
  type PositionedNode,
} from './nodes.ts';
import { quote } from './quote.ts';
import type { Problem, Report } from './report.ts';
import type { Span } from './source.ts';
import { suggest } from './suggest.ts';

/** The maps that are merged key by key; `*` stands for every key. What is not in here is replaced as a whole. */
export interface Merged {
  readonly [key: string]: Merged;
}

/**
 * Where an overlay reaches into. A policy is not among it: half of a breaker from here and half from there would be a third
 * one that nobody wrote; nor are an issuer of tokens, whose keys must not become those of another, and `roles`.
 */
export const overlaid: Merged = {
  defaults: {},
  telemetry: { traces: {}, metrics: {}, logs: {} },
  health: {},
  limits: {},
  auth: {},
  services: { '*': { versions: {} } },
};

/** What files side by side may share: each adds to these. */
const shared: Merged = {
  ...{ defaults: {}, telemetry: {}, health: {}, limits: {}, auth: {}, services: {} },
};

/** Moves a node and all that is in it, behind files of that length. */
export function shifted(node: PositionedNode, by: number): PositionedNode {
  const span = shiftedSpan(node.span, by);
  if (node.kind === 'map') {
    const entries = new Map<string, MapEntry>();
    for (const [key, entry] of node.entries) {
      entries.set(key, {
        keySpan: shiftedSpan(entry.keySpan, by),
        node: shifted(entry.node, by),
      });
    }
    return { ...node, span, entries };
  }
  if (node.kind === 'list') {
    return { ...node, span, items: node.items.map((item) => shifted(item, by)) };
  }
  return { ...node, span };
}

function shiftedSpan({ start, end }: Span, by: number): Span {
  return { start: start + by, end: end + by };
}

/** Adds a file to those before it: its routes come behind theirs, and a name that both define is refused. */
export function joined(
  first: PositionedNode,
  next: PositionedNode,
  file: string,
  report: Report,
): PositionedNode {
  return bothMaps(first, next, file, report, (above, below) => union(above, below, shared, report));
}

/** Lays a file over those below it. */
export function overlay(
  below: PositionedNode,
  above: PositionedNode,
  file: string,
  report: Report,
): PositionedNode {
  return bothMaps(below, above, file, report, (base, over) => {
    const [routes, changed] = [base.entries.get('routes'), over.entries.get('routes')];
    if (routes?.node.kind !== 'list' || changed?.node.kind !== 'list') {
      return laidOver(base, over, overlaid, report);
    }
    const others = new Map([...over.entries].filter(([key]) => key !== 'routes'));
    const merged = laidOver(base, { ...over, entries: others }, overlaid, report);
    const node = routesLaidOver(routes.node, changed.node, report);
    return { ...merged, entries: new Map([...merged.entries, ['routes', { ...routes, node }]]) };
  });
}

function bothMaps(
  first: PositionedNode,
  second: PositionedNode,
  file: string,
  report: Report,
  merge: (first: MapNode, second: MapNode) => PositionedNode,
): PositionedNode {
  // The first one is judged with all the rest.
  if (first.kind !== 'map' || second.kind === 'unreadable') return first;
  if (second.kind === 'map') return merge(first, second);
  report(second.span, {
    code: 'FM013',
    message: `${quote(file)} must be a map, not ${kindNames[second.kind]}`,
    help: 'write what changes as in the file below it, such as routes: [{ path: /a, timeout: 1s }]',
  });
  return first;
}

function union(first: MapNode, second: MapNode, plan: Merged, report: Report): MapNode {
  const entries = new Map(first.entries);
  for (const [key, entry] of second.entries) {
    const before = entries.get(key);
    const inside = Object.hasOwn(plan, key) ? plan[key] : undefined;
    if (before === undefined) {
      entries.set(key, entry);
    } else if (key === 'routes' && before.node.kind === 'list' && entry.node.kind === 'list') {
      const items = [...before.node.items, ...entry.node.items];
      entries.set(key, { ...before, node: { ...before.node, items } });
    } else if (inside !== undefined && before.node.kind === 'map' && entry.node.kind === 'map') {
      entries.set(key, { ...before, node: union(before.node, entry.node, inside, report) });
    } else if (key !== 'version' && !key.startsWith('x-')) {
      report(entry.keySpan, {
        code: 'FM004',
        message: `duplicate key ${quote(key)}`,
        label: 'a second time',
        related: [{ span: before.keySpan, label: 'the first time' }],
      });
    }
  }
  return { ...first, entries };
}

function laidOver(base: MapNode, over: MapNode, plan: Merged, report: Report): MapNode {
  const entries = new Map(base.entries);
  for (const [key, entry] of over.entries) {
    const below = entries.get(key);
    const inside = Object.hasOwn(plan, key) ? plan[key] : plan['*'];
    const { node } = entry;
    if (isNull(node)) {
      if (below === undefined) report(entry.keySpan, nothingBelow(key, base.entries.keys()));
      entries.delete(key);
    } else if (inside !== undefined && below?.node.kind === 'map' && node.kind === 'map') {
      entries.set(key, { ...below, node: laidOver(below.node, node, inside, report) });
    } else {
      entries.set(key, key.startsWith('x-') ? entry : { ...entry, node: asNew(node, report) });
    }
  }
  return { ...base, entries };
}

/** `null`, and not a key with nothing behind it. */
function isNull(node: PositionedNode): boolean {
  return node.kind === 'nothing' && node.written !== '';
}

/** What is merged with nothing below: no `null` in it has anything to remove. */
function asNew(node: PositionedNode, report: Report): PositionedNode {
  if (node.kind === 'list') {
    return { ...node, items: node.items.map((item) => asNew(item, report)) };
  }
  if (node.kind !== 'map') return node;
  const entries = new Map<string, MapEntry>();
  for (const [key, entry] of node.entries) {
    if (isNull(entry.node)) {
      report(entry.keySpan, {
        code: 'FM052',
        message: `there is no ${quote(key)} to remove`,
        label: 'what stands around it is not merged with anything below',
        help: 'take the key out',
      });
    }
    const inside: PositionedNode = isNull(entry.node)
      ? { kind: 'unreadable', span: entry.node.span }
      : asNew(entry.node, report);
    entries.set(key, { ...entry, node: inside });
  }
  return { ...node, entries };
}

/** What was to go would stay: a slip of the pen, most likely. */
function nothingBelow(key: string, known: Iterable<string>): Problem {
  const meant = suggest(key, known);
  const message = `there is no ${quote(key)} below to remove`;
  return meant === undefined
    ? { code: 'FM052', message, label: 'nothing is called that', help: 'take the key out' }
    : { code: 'FM052', message, label: `did you mean ${quote(meant)}?`, fix: meant };
}

function routesLaidOver(base: ListNode, over: ListNode, report: Report): ListNode {
  const items = [...base.items];
  const added: PositionedNode[] = [];
  const changedBy = new Map<number, Span>();
  const names = new Map<string, number>();
  const paths = new Map<string, number[]>();
  for (const [index, item] of base.items.entries()) {
    const name = textAt(item, 'name');
    const path = textAt(item, 'path');
    if (name !== undefined && !names.has(name)) names.set(name, index);
    if (path !== undefined) paths.set(path, [...(paths.get(path) ?? []), index]);
  }

  for (const item of over.items) {
    const name = textAt(item, 'name');
    const path = textAt(item, 'path');
    const found = name === undefined ? paths.get(path ?? '') : [names.get(name) ?? -1];
    const [index = -1, ...others] = found ?? [];
    if (item.kind !== 'map' || (index === -1 && path !== undefined)) {
      added.push(asNew(item, report));
    } else if (index === -1 || others.length > 0) {
      const near = name === undefined ? undefined : suggest(name, names.keys());
      report(spanAt(item, name === undefined ? 'path' : 'name'), {
        code: 'FM052',
        ...(others.length > 0
          ? {
              message: `${found?.length} routes have the path ${quote(path ?? '')}`,
              help: 'say by `name` which one is meant',
            }
          : name === undefined
            ? {
                message: 'a route of an overlay needs `name` or `path`',
                label: 'which route does it change?',
              }
            : {
                message: `there is no route ${quote(name)} to change`,
                label: near && `did you mean ${quote(near)}?`,
                help: 'a new route needs `path`',
              }),
      });
    } else {
      const before = changedBy.get(index);
      if (before !== undefined) {
        report(item.span, {
          code: 'FM025',
          message: `the overlay changes route ${quote(name ?? path ?? '')} twice`,
          label: 'a second time',
          help: 'put both changes into one entry',
          related: [{ span: before, label: 'the first time' }],
        });
        continue;
      }
      changedBy.set(index, item.span);
      items[index] = laidOver(items[index] as MapNode, item, {}, report);
    }
  }
  return { ...base, items: [...added, ...items] };
}

function textAt(node: PositionedNode, key: string): string | undefined {
  const value = node.kind === 'map' ? node.entries.get(key)?.node : undefined;
  return value?.kind === 'text' ? value.written : undefined;
}

function spanAt(node: MapNode, key: string): Span {
  return node.entries.get(key)?.node.span ?? node.span;
}
