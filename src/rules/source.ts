/**
 * The text of a file and the lines in it.
 *
 * @module
 */

import { LineCounter } from 'yaml';
import type { Range } from './diagnostics.ts';

/** A stretch of {@link SourceText.text}, by offsets; `end` is the offset behind it. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A stretch of one of several files. */
export interface Place {
  readonly file: string;
  readonly range: Range;
}

/** A file among several that share one space of offsets. */
interface Part {
  readonly source: SourceText;
  /** The offset at which it begins. */
  readonly start: number;
}

const byteOrderMark = '\ufeff';

/** The text of a file, without its byte order mark, and the way from offsets to lines and columns. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #shift: number;
  readonly #lines: LineCounter = new LineCounter();
  #following: readonly Part[] = [];

  constructor(file: string, text: string) {
    this.file = file;
    this.#shift = text.startsWith(byteOrderMark) ? 1 : 0;
    this.text = text.slice(this.#shift);
    this.#lines.addNewLine(0);
    for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) {
      this.#lines.addNewLine(at + 1);
    }
  }

  /**
   * Puts files behind each other, so that one offset tells the file as well.
   *
   * @returns The first of them, which knows the others, and the offset at which each begins.
   */
  static join(
    first: SourceText,
    others: readonly SourceText[],
  ): { readonly source: SourceText; readonly starts: readonly number[] } {
    if (others.length === 0) return { source: first, starts: [0] };
    const source = new SourceText(first.file, `${first.#shift ? byteOrderMark : ''}${first.text}`);
    const parts: Part[] = [];
    // One apart: the end of a file is not the beginning of the next.
    let start = first.text.length + 1;
    for (const other of others) {
      parts.push({ source: other, start });
      start += other.text.length + 1;
    }
    source.#following = parts;
    return { source, starts: [0, ...parts.map((part) => part.start)] };
  }

  /** Whether others stand behind it. */
  get isSeveral(): boolean {
    return this.#following.length > 0;
  }

  /** The file that an offset lies in, and the offset at which that begins. */
  partAt(offset: number): Part {
    return this.#following.findLast(({ start }) => start <= offset) ?? { source: this, start: 0 };
  }

  /** What stands there. */
  slice(span: Span): string {
    const { source, start } = this.partAt(span.start);
    return source.text.slice(span.start - start, span.end - start);
  }

  /** The lines and columns of a stretch; one that reaches outside of the text is cut to it. */
  range(span: Span): Range {
    return this.place(span).range;
  }

  /** The same, with the file. */
  place(span: Span): Place {
    const { source, start } = this.partAt(span.start);
    const local = { start: span.start - start, end: span.end - start };
    return { file: source.file, range: source.#rangeOf(local) };
  }

  /** The way back from a place to its offset. */
  offsetOf({ file, range }: Place): number {
    const part = this.#following.find(({ source }) => source.file === file);
    const { source, start } = part ?? { source: this, start: 0 };
    return start + range.start - source.#shift;
  }

  #rangeOf(span: Span): Range {
    const start = Math.min(Math.max(span.start, 0), this.text.length);
    const end = Math.min(Math.max(span.end, start), this.text.length);
    const first = this.#lines.linePos(start);
    const last = this.#lines.linePos(end);
    return {
      line: first.line,
      column: first.col,
      endLine: last.line,
      endColumn: last.col,
      start: start + this.#shift,
      end: end + this.#shift,
    };
  }
}
