/**
 * Reading a file along the schemas of the language.
 *
 * zod judges the single values. This walk decides beforehand which schema a value is for (alternatives are told apart by
 * the kind of the value, so that no message speaks of all of them), points at the place, and goes on behind an error.
 *
 * @module
 */

import * as z from 'zod';
import { type Environment, substitute } from './env.ts';
import {
  beginningOf,
  type ListNode,
  type MapNode,
  type PositionedNode,
  type ScalarNode,
} from './nodes.ts';
import { quote } from './quote.ts';
import type { Problem, Report } from './report.ts';
import { isSecretKey } from './secrets.ts';
import {
  type BlockInfo,
  blocks,
  complaintOf,
  drafts,
  lists,
  maps,
  type NamedInfo,
  type ScalarInfo,
  type Site,
  scalars,
} from './shape.ts';
import type { SourceText, Span } from './source.ts';
import {
  aboutEnvironment,
  kindOf,
  notAllowed,
  notAvailable,
  unknownKey,
  wrongKind,
} from './wording.ts';

/** What a value is read as that was reported: nothing more is to be said of it. */
export const unsound: unique symbol = Symbol('unsound');

/** A value, or {@link unsound}. */
export type Sound<T> = T | typeof unsound;

/** What is read of a block that is marked as a draft: each part by itself, unknown and missing keys as unsound ones. */
export type Draft<T> = { readonly [K in keyof T]: Sound<T[K]> };

/** What a reader needs beside the file. */
export interface ReadContext {
  readonly source: SourceText;
  readonly environment: Environment;
  readonly report: Report;
}

/** Reads a value. `name`: what messages call it where no key leads to it. */
export function read<T>(
  schema: z.ZodType<T>,
  node: PositionedNode,
  name: string,
  context: ReadContext,
): Sound<T> {
  return new Walk(context).value(schema, node, { name, isSecret: false }) as Sound<T>;
}

interface Place {
  /** The key. */
  readonly name: string;
  /** A key on the way speaks of secrets. */
  readonly isSecret: boolean;
  /** It is an entry of the list under that key. */
  readonly isItem?: boolean;
  /** What it could be for, where there are several. */
  readonly options?: readonly z.ZodType[];
}

class Walk {
  readonly #context: ReadContext;

  constructor(context: ReadContext) {
    this.#context = context;
  }

  value(schema: z.ZodType, node: PositionedNode, place: Place): unknown {
    if (node.kind === 'unreadable') return unsound;
    if (node.kind === 'map') {
      const block = blocks.get(schema);
      if (block !== undefined) return this.#block(schema, block, node, place);
      const map = maps.get(schema);
      if (map !== undefined) return this.#named(schema, map, node, place);
    } else if (node.kind === 'list') {
      const item = lists.get(schema);
      if (item !== undefined) return this.#list(schema, item, node, place);
    } else {
      const info = scalars.get(schema);
      if (info !== undefined) return this.#scalar(schema, info, node, place);
    }
    if (schema instanceof z.ZodUnion) return this.#alternative(schema, node, place);
    return this.#refuseKind([schema], node, place);
  }

  #alternative(schema: z.ZodUnion, node: PositionedNode, place: Place): unknown {
    const options = schema.options as readonly z.ZodType[];
    const chosen = options.find((option) => kindOf(option) === node.kind);
    if (chosen !== undefined) return this.value(chosen, node, { ...place, options });
    for (const option of options) {
      const problem = this.#otherKind(scalars.get(option), node, place);
      if (problem !== undefined) {
        this.#context.report(node.span, problem);
        return unsound;
      }
    }
    return this.#refuseKind(options, node, place);
  }

  #list(schema: z.ZodType, item: z.ZodType, { items, span }: ListNode, place: Place): unknown {
    if (items.length === 0) {
      this.#context.report(span, {
        code: 'FM016',
        message: `${quote(place.name)} is an empty list`,
        help: 'write at least one entry, or leave the key out',
      });
      return unsound;
    }
    const { options: _, ...list } = place;
    const inside = { ...list, isItem: true };
    const values = items.map((node) => this.value(item, node, inside));
    this.#reportRepeated(items, place);
    return !drafts.has(schema) && values.includes(unsound) ? unsound : values;
  }

  #reportRepeated(items: readonly PositionedNode[], place: Place): void {
    const seen = new Map<unknown, Span>();
    for (const item of items) {
      if (!('value' in item)) continue;
      const span = seen.get(item.value);
      if (span === undefined) {
        seen.set(item.value, item.span);
        continue;
      }
      this.#context.report(item.span, {
        code: 'FM028',
        severity: 'warning',
        message: `${this.#site(item, place).value} is listed twice`,
        label: 'a second time',
        help: 'remove one of the two',
        related: [{ span, label: 'the first time' }],
      });
    }
  }

  #named(schema: z.ZodType, { name, value }: NamedInfo, node: MapNode, place: Place): unknown {
    const members: [string, unknown][] = [];
    for (const [key, entry] of node.entries) {
      const isSecret = place.isSecret || isSecretKey(key);
      const result = name.safeParse(key);
      if (!result.success) {
        const complaint = complaintOf(result.error.issues[0] as z.core.$ZodIssue);
        const site = { key: quote(place.name), value: quote(key), isSecret };
        if (complaint !== undefined) this.#context.report(entry.keySpan, complaint(site));
        members.push([key, unsound]);
        continue;
      }
      members.push([key, this.value(value, entry.node, { name: key, isSecret })]);
    }
    if (members.length === 0) {
      this.#context.report(node.span, {
        code: 'FM016',
        message: `${quote(place.name)} is an empty map`,
        help: 'write at least one entry, or leave the key out',
      });
      return unsound;
    }
    return this.#members(schema, members);
  }

  #block(schema: z.ZodType, block: BlockInfo, node: MapNode, place: Place): unknown {
    const { title, later, required, shape } = block;
    const members: [string, unknown][] = [];
    for (const [key, entry] of node.entries) {
      if (key.startsWith('x-')) continue;
      const member = Object.hasOwn(shape, key) ? shape[key] : undefined;
      if (member === undefined) {
        const known = Object.keys(shape);
        const missing = known.filter((name) => !node.entries.has(name) && !later.includes(name));
        const problem = later.includes(key)
          ? notAvailable(key)
          : unknownKey(key, title, [...known, ...later], missing);
        this.#context.report(entry.keySpan, problem);
        members.push([key, unsound]);
        continue;
      }
      const isSecret = place.isSecret || isSecretKey(key);
      members.push([key, this.value(member, entry.node, { name: key, isSecret })]);
    }
    for (const key of required) {
      if (node.entries.has(key)) continue;
      this.#context.report(beginningOf(node), {
        code: 'FM014',
        message: `${title} needs ${quote(key)}`,
        label: `no ${quote(key)} here`,
        help: `write \`${key}: …\` beside it`,
      });
      members.push([key, unsound]);
    }
    return this.#members(schema, members);
  }

  #members(schema: z.ZodType, members: readonly [string, unknown][]): unknown {
    if (!drafts.has(schema) && members.some(([, value]) => value === unsound)) return unsound;
    return Object.fromEntries(members);
  }

  #scalar(schema: z.ZodType, info: ScalarInfo, node: ScalarNode, place: Place): unknown {
    if (node.kind !== info.kind) {
      const problem = this.#otherKind(info, node, place);
      if (problem === undefined) return this.#refuseKind([schema], node, place);
      this.#context.report(node.span, problem);
      return unsound;
    }
    const value = this.#substituted(node);
    if (value === unsound) return unsound;
    const result = schema.safeParse(value);
    if (result.success) return result.data;
    const site = this.#site(node, place);
    const complaint = complaintOf(result.error.issues[0] as z.core.$ZodIssue);
    const problem = complaint?.(site) ?? notAllowed(info, node, site, place.options);
    const isSubstituted = value !== node.value;
    this.#context.report(node.span, isSubstituted ? aboutEnvironment(problem) : problem);
    return unsound;
  }

  #substituted(node: ScalarNode): Sound<ScalarNode['value']> {
    if (typeof node.value !== 'string') return node.value;
    const result = substitute(node.value, this.#context.environment);
    if ('text' in result) return result.text;
    const { start, end } = node.span;
    const at = this.#context.source.slice(node.span).indexOf(result.reference);
    const from = at === -1 ? start : start + at;
    const to = at === -1 ? end : from + result.reference.length;
    this.#context.report({ start: from, end: to }, result.problem);
    return unsound;
  }

  #otherKind(
    info: ScalarInfo | undefined,
    node: PositionedNode,
    place: Place,
  ): Problem | undefined {
    if (node.kind === 'map' || node.kind === 'list' || node.kind === 'unreadable') return undefined;
    return info?.otherKind?.(node, this.#site(node, place));
  }

  /** @param schemas Those that the value could have been for. */
  #refuseKind(schemas: readonly z.ZodType[], node: PositionedNode, place: Place): typeof unsound {
    const title =
      place.isItem === true ? schemas.map((schema) => blocks.get(schema)?.title)[0] : '';
    const problem = wrongKind(schemas, node, title || calledAt(place), place.isSecret);
    this.#context.report(beginningOf(node), problem);
    return unsound;
  }

  #site(node: ScalarNode, place: Place): Site {
    return {
      key: calledAt(place),
      value: place.isSecret ? 'the value' : quote(node.written),
      isSecret: place.isSecret,
    };
  }
}

function calledAt({ name, isItem }: Place): string {
  return isItem === true ? `an entry of ${quote(name)}` : quote(name);
}
