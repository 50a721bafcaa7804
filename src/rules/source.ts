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

const byteOrderMark = '\ufeff';

/** The text of a file, without its byte order mark, and the way from offsets to lines and columns. */
export class SourceText {
  readonly file: string;
  readonly text: string;
  readonly #shift: number;
  readonly #lines: LineCounter = new LineCounter();

  constructor(file: string, text: string) {
    this.file = file;
    this.#shift = text.startsWith(byteOrderMark) ? 1 : 0;
    this.text = text.slice(this.#shift);
    this.#lines.addNewLine(0);
    for (let at = this.text.indexOf('\n'); at !== -1; at = this.text.indexOf('\n', at + 1)) {
      this.#lines.addNewLine(at + 1);
    }
  }

  /** What stands there. */
  slice({ start, end }: Span): string {
    return this.text.slice(start, end);
  }

  /** The lines and columns of a stretch; one that reaches outside of the text is cut to it. */
  range(span: Span): Range {
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
