/**
 * The vocabulary in which the rules language is described: zod schemas, and beside each what messages call it.
 *
 * A schema says what may be written and what is made of it; the JSON Schema for editors comes from the same objects. The
 * reader ({@link import('./read.ts')}) walks the file along them. A file needs few of them, and zod takes its time to make
 * one: each is made when the first value is judged by it.
 *
 * @module
 */

import * as z from 'zod';
import type { Code } from './codes.ts';
import type { ScalarNode } from './nodes.ts';
import type { Problem } from './report.ts';

/** Kinds of values, of which a schema takes one. */
export type Kind = 'text' | 'number' | 'boolean' | 'list' | 'map';

/** The value that a complaint is about. */
export interface Site {
  /** The key that it belongs to, quoted. */
  readonly key: string;
  /** The value as it is written, quoted; for secrets something that does not show it. */
  readonly value: string;
  readonly isSecret: boolean;
}

/** Words a finding for the value it is about. */
export type Complaint = (site: Site) => Problem;

/** What a reader of text returns where it refuses the text. */
export class Refusal {
  readonly complaint: Complaint;

  constructor(complaint: Complaint) {
    this.complaint = complaint;
  }
}

/** Beside the schema of a single value. */
export interface ScalarInfo {
  readonly kind: 'text' | 'number' | 'boolean';
  /** As in "must be …": `'a duration'`. */
  readonly expected: string;
  /** Of values that are of the right kind and yet not allowed. */
  readonly code: Code;
  /** The words that are allowed, where they are few. */
  readonly words?: readonly string[];
  /** Better words than "must be …" for a value of another kind. */
  readonly otherKind?: (node: ScalarNode, site: Site) => Problem | undefined;
}

/** Beside the schema of a map with keys of the language. */
export interface BlockInfo {
  /** As in "unknown key in …": `'a route'`. */
  readonly title: string;
  /** Keys that belong to the language and that this version does not carry out (FM060). */
  readonly later: readonly string[];
  readonly required: readonly string[];
  /** It is of use with no key in it. */
  readonly hasDefaults: boolean;
  /** What its keys take. */
  readonly shape: Readonly<Record<string, z.ZodType>>;
}

/** Beside the schema of a map by names of the user's. */
export interface NamedInfo {
  readonly name: z.ZodType<string>;
  readonly value: z.ZodType;
}

/** Beside the schemas of single values. */
export const scalars: WeakMap<z.ZodType, ScalarInfo> = new WeakMap();

/** Beside the schemas of lists: what their entries take. */
export const lists: WeakMap<z.ZodType, z.ZodType> = new WeakMap();

/** Beside the schemas of maps with keys of the language. */
export const blocks: WeakMap<z.ZodType, BlockInfo> = new WeakMap();

/** Beside the schemas of maps with keys of the user's. */
export const maps: WeakMap<z.ZodType, NamedInfo> = new WeakMap();

/** The schemas whose parts are read on where one of them is wrong: the reader returns the sound ones. */
export const drafts: WeakSet<z.ZodType> = new WeakSet();

/** Settings of {@link text}. */
export interface TextSettings<T> {
  readonly expected: string;
  readonly otherKind?: ScalarInfo['otherKind'];
  /** What is made of it. */
  read(text: string): T | Refusal;
}

/** A value of text in a grammar of its own. */
export function text<T>({ expected, otherKind, read }: TextSettings<T>): z.ZodType<T> {
  const schema = z.lazy(() =>
    z.string().transform((value, context) => {
      const result = read(value);
      if (!(result instanceof Refusal)) return result as T;
      context.addIssue({ code: 'custom', params: { complaint: result.complaint } });
      return z.NEVER;
    }),
  );
  scalars.set(schema, {
    kind: 'text',
    expected,
    code: 'FM017',
    ...(otherKind !== undefined && { otherKind }),
  });
  return schema;
}

/** The complaint that an issue of zod carries, if it comes from {@link text}. */
export function complaintOf(issue: z.core.$ZodIssue): Complaint | undefined {
  return issue.code === 'custom' ? (issue.params?.['complaint'] as Complaint) : undefined;
}

/** Text that fits an expression. `expected`: as in "must be …". */
export function textLike(expected: string, grammar: RegExp, help?: string): z.ZodType<string> {
  return text({
    expected,
    read: (value) =>
      grammar.test(value)
        ? value
        : new Refusal(({ value }) => ({
            code: 'FM017',
            message: `${value} is not ${expected}`,
            ...(help !== undefined && { help }),
          })),
  });
}

/** One of a few words. */
export function choice<const T extends string>(words: readonly T[]): z.ZodType<T> {
  const schema = z.lazy(() => z.enum(words as [T, ...T[]]));
  const expected = words.length === 1 ? `\`${words[0]}\`` : `one of ${words.join(', ')}`;
  scalars.set(schema, { kind: 'text', expected, code: 'FM015', words });
  return schema;
}

/** A number; `expected`: as in "must be …", the limits included. */
export function numberLike(expected: string, make: () => z.ZodNumber): z.ZodType<number> {
  const schema = z.lazy(make);
  scalars.set(schema, { kind: 'number', expected, code: 'FM016' });
  return schema;
}

/** `true` or `false`. */
export function flag(): z.ZodType<boolean> {
  const schema = z.lazy(() => z.boolean());
  scalars.set(schema, { kind: 'boolean', expected: 'true or false', code: 'FM013' });
  return schema;
}

/** A list with at least one entry. */
export function list<T>(item: z.ZodType<T>): z.ZodType<readonly T[]> {
  const schema = z.lazy(() => z.array(item).min(1));
  lists.set(schema, item);
  return schema;
}

/** A value or a list of such values; a list in either case. */
export function oneOrMore<T>(item: z.ZodType<T>): z.ZodType<T | readonly T[]> {
  return z.union([item, list(item)]);
}

/** What {@link oneOrMore} read, as a list. */
export function asList<T>(value: T | readonly T[]): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}

/** A map whose keys are names that the user chooses. */
export function named<T>(name: z.ZodType<string>, value: z.ZodType<T>): z.ZodType<Named<T>> {
  const schema = z.lazy(() => z.record(name as z.ZodType<string, string>, value));
  maps.set(schema, { name, value });
  return schema;
}

/** A map by names of the user's. */
export type Named<T> = Readonly<Record<string, T>>;

/** The schemas of a block's keys. */
export type Shape<T> = { readonly [K in keyof T]-?: z.ZodType<Exclude<T[K], undefined>> };

/** Settings of {@link block}. */
export interface BlockSettings<T> {
  readonly title: string;
  /** Default: none. */
  readonly required?: readonly (keyof T & string)[];
  /** Default: none. */
  readonly later?: readonly string[];
  /** Whether it is of use with no key in it; messages say so to whoever writes `on`. Default: false. */
  readonly hasDefaults?: boolean;
}

/** A map whose keys belong to the language. Keys that begin with `x-` are allowed beside them. */
export function block<T extends object>(
  { title, required = [], later = [], hasDefaults = false }: BlockSettings<T>,
  shape: Shape<T>,
): z.ZodType<T> {
  const info = { title, later, required, hasDefaults, shape: shape as BlockInfo['shape'] };
  const schema = z.lazy(() => objectOf(info));
  blocks.set(schema, info);
  return schema as unknown as z.ZodType<T>;
}

function objectOf({ shape, required }: BlockInfo): z.ZodType {
  const members = Object.entries(shape).map(([key, member]) => [
    key,
    required.includes(key) ? member : member.exactOptional(),
  ]);
  return z.strictObject(Object.fromEntries(members)).meta({ patternProperties: { '^x-': {} } });
}

/** Marks a schema whose sound parts are wanted even where others are wrong. */
export function draft<T>(schema: z.ZodType<T>): z.ZodType<T> {
  drafts.add(schema);
  return schema;
}
