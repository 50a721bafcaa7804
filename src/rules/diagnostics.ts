/**
 * What is wrong with a rules file, and where.
 *
 * @module
 */

import type { Code } from './codes.ts';

/** `'error'`: the file is refused. `'warning'`: it will hardly do what was meant. `'info'`: worth knowing. */
export type Severity = 'error' | 'warning' | 'info';

/** A stretch of the file. */
export interface Range {
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1, in UTF-16 code units as editors count; a byte order mark does not count. */
  readonly column: number;
  readonly endLine: number;
  /** The column behind the last character. */
  readonly endColumn: number;
  /** Offset of the first character, in UTF-16 code units of the file's whole text. */
  readonly start: number;
  /** Offset behind the last character. */
  readonly end: number;
}

/** A second place that a diagnostic speaks of. */
export interface RelatedPlace {
  /** Default: the file of the diagnostic. */
  readonly file?: string;
  readonly range: Range;
  readonly label: string;
}

/** A change that settles a diagnostic without doubt about what was meant. */
export interface Fix {
  readonly range: Range;
  /** What to put there. */
  readonly text: string;
}

/** One finding. */
export interface Diagnostic {
  readonly code: Code;
  readonly severity: Severity;
  readonly message: string;
  readonly file: string;
  readonly range: Range;
  /** The name of the route that it is about; absent where it is about none, or about all. */
  readonly route?: string;
  /** A few words for the marked place. */
  readonly label?: string;
  /** What to do about it. */
  readonly help?: string;
  readonly related?: readonly RelatedPlace[];
  readonly fix?: Fix;
}

/** Orders the diagnostics of a file by where they begin, and those of one place by code. */
export function compareDiagnostics(a: Diagnostic, b: Diagnostic): number {
  if (a.range.start !== b.range.start) return a.range.start - b.range.start;
  return a.code < b.code ? -1 : a.code > b.code ? 1 : 0;
}

/** How many diagnostics there are of each severity. */
export function countSeverities(diagnostics: readonly Diagnostic[]): Record<Severity, number> {
  const counts = { error: 0, warning: 0, info: 0 };
  for (const { severity } of diagnostics) counts[severity] += 1;
  return counts;
}
