/**
 * From the nodes of the YAML library to ours, refusing what the rules language leaves out of YAML.
 *
 * @module
 */

import { isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';
import type { MapEntry, PositionedNode, ScalarNode } from './nodes.ts';
import { quote } from './quote.ts';
import type { Problem, Report } from './report.ts';
import { isSecretKey } from './secrets.ts';
import type { SourceText, Span } from './source.ts';

/** Converts a node and all that is in it. The depth is bounded by who parsed it. */
export function positioned(node: Node, source: SourceText, report: Report): PositionedNode {
  return new Converter(source, report).convert(node, { key: '', isSecret: false }, 0);
}

/** The key that a value belongs to. */
interface Place {
  readonly key: string;
  /** It or a key above it speaks of secrets. */
  readonly isSecret: boolean;
}

class Converter {
  readonly #source: SourceText;
  readonly #report: Report;

  constructor(source: SourceText, report: Report) {
    this.#source = source;
    this.#report = report;
  }

  /** @param offset Where the node would stand if nothing was written. */
  convert(node: Node | null, place: Place, offset: number): PositionedNode {
    if (node === null) {
      return { kind: 'nothing', span: { start: offset, end: offset }, value: null, written: '' };
    }
    const span = this.#spanOf(node, offset);
    if (isAlias(node)) {
      this.#reportAlias(span, place);
      return { kind: 'unreadable', span };
    }
    if (node.tag !== undefined) {
      this.#reportProperty(node.range?.[0] ?? offset, '!', {
        code: 'FM008',
        message: 'tags are not part of the rules language',
        label: 'a value that starts with `!` must be quoted',
        help: 'quote the value if it shall be text',
      });
      return { kind: 'unreadable', span };
    }
    const { anchor } = node as { anchor?: string };
    if (anchor !== undefined) {
      this.#reportProperty(node.range?.[0] ?? offset, '&', {
        code: 'FM003',
        message: `${place.isSecret ? 'the value' : quote(`&${anchor}`)} is read by YAML as an anchor`,
        label: 'a value that starts with `&` must be quoted',
        help: 'or put what routes share under `defaults`: anchors are not part of the rules language',
      });
    }
    if (isMap(node)) return { kind: 'map', span, entries: this.#entries(node, place) };
    if (isSeq(node)) {
      const items = node.items.map((item) => this.convert(item as Node | null, place, span.start));
      return { kind: 'list', span, items };
    }
    if (!isScalar(node)) return scalar(null, '', span);
    if (!this.#isWhole(node.value, span)) return { kind: 'unreadable', span };
    return scalar(node.value, node.source, span);
  }

  #spanOf({ range }: Node, offset: number): Span {
    const [start, end] = range ?? [offset, offset];
    const written = this.#source.text.slice(start, end);
    return { start, end: start + written.trimEnd().length };
  }

  #entries(map: YAMLMap, place: Place): Map<string, MapEntry> {
    const entries = new Map<string, MapEntry>();
    for (const pair of map.items as Pair<Node, Node | null>[]) {
      const keySpan = this.#spanOf(pair.key, map.range?.[0] ?? 0);
      const key = this.#keyOf(pair.key, keySpan, place);
      if (key === undefined) continue;
      const first = entries.get(key);
      if (first !== undefined) {
        this.#report(keySpan, {
          code: 'FM004',
          message: `duplicate key ${quote(key)}`,
          label: 'a second time',
          related: [{ span: first.keySpan, label: 'the first time' }],
        });
        continue;
      }
      const inside = { key, isSecret: place.isSecret || isSecretKey(key) };
      entries.set(key, { keySpan, node: this.convert(pair.value, inside, keySpan.end) });
    }
    return entries;
  }

  /** The key as it is written; `undefined` where it has been refused. */
  #keyOf(key: Node | null, span: Span, place: Place): string | undefined {
    if (key !== null && isAlias(key)) {
      this.#reportAlias(span, { ...place, key: '' });
      return undefined;
    }
    if (!isScalar(key) || key.value === null || key.tag !== undefined || key.anchor !== undefined) {
      this.#report(span, {
        code: 'FM009',
        message: 'a key must be text',
        label: 'YAML takes this for something else',
        help: 'quote it if it is meant as a key',
      });
      return undefined;
    }
    if (!this.#isWhole(key.value, span)) return undefined;
    const text = typeof key.value === 'string' ? key.value : (key.source ?? String(key.value));
    if (text === '<<') {
      this.#report(span, {
        code: 'FM005',
        message: 'merge keys are not part of the rules language',
        label: 'YAML 1.2 would take no notice of it',
        help: 'put what routes share under `defaults`',
      });
      return undefined;
    }
    if (text === '__proto__') {
      this.#report(span, {
        code: 'FM001',
        message: 'unknown key `__proto__`',
        label: 'nothing can be called that',
      });
      return undefined;
    }
    return text;
  }

  /** No request can carry half of a character: what is compared with it would never match. */
  #isWhole(value: unknown, span: Span): boolean {
    if (typeof value !== 'string' || value.isWellFormed()) return true;
    this.#report(span, {
      code: 'FM002',
      message: 'half of a surrogate pair is no character',
      help: 'write the character itself, or both halves of it',
    });
    return false;
  }

  #reportAlias(span: Span, { key, isSecret }: Place): void {
    const written = this.#source.slice(span);
    const meant = key === 'path' && !written.startsWith('/') ? `/${written}` : written;
    // Of an anchor there is nothing that was meant as text.
    const isReal = this.#source.text.includes(`&${written.slice(1)}`);
    const isSimple = !isSecret && !isReal && /^[\w*./:@-]+$/.test(meant);
    this.#report(span, {
      code: 'FM003',
      message: `${isSecret ? 'the value' : quote(written)} is read by YAML as an alias`,
      label: isReal
        ? 'aliases are not part of the rules language'
        : 'a value that starts with `*` must be quoted',
      ...(isReal && { help: 'write it out, or put what routes share under `defaults`' }),
      ...(isSimple && { help: `write "${meant}"`, fix: `"${meant}"` }),
    });
  }

  /** Points at what stands in front of a value: its tag (`!`) or its anchor (`&`). */
  #reportProperty(value: number, sign: '!' | '&', problem: Problem): void {
    const from = Math.max(0, value - 200);
    const before = this.#source.text.slice(from, value);
    for (const { index, 0: property } of before.matchAll(/(?<=^|[\s,:[{-])[!&][^\s,[\]{}]*/g)) {
      if (!property.startsWith(sign) || !/^(?:\s|[!&][^\s]*)*$/.test(before.slice(index))) continue;
      this.#report({ start: from + index, end: from + index + property.length }, problem);
      return;
    }
    this.#report({ start: value, end: value }, problem);
  }
}

function scalar(value: unknown, source: string | undefined, span: Span): ScalarNode {
  if (typeof value === 'string') return { kind: 'text', span, value, written: value };
  if (typeof value === 'number' || typeof value === 'boolean') {
    const kind = typeof value === 'number' ? 'number' : 'boolean';
    return { kind, span, value, written: source ?? String(value) };
  }
  return { kind: 'nothing', span, value: null, written: source ?? '' };
}
