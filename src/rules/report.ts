/**
 * How the parts of the rules language say what they found.
 *
 * @module
 */

import type { Code } from './codes.ts';
import type { Diagnostic, Severity } from './diagnostics.ts';
import type { SourceText, Span } from './source.ts';

/** A finding, without its place. */
export interface Problem {
  readonly code: Code;
  /** Default: `'error'`. */
  readonly severity?: Severity;
  readonly message: string;
  readonly label?: string | undefined;
  readonly help?: string | undefined;
  /** What to put in the marked place; only where nothing else can have been meant. */
  readonly fix?: string | undefined;
  readonly related?: readonly { readonly span: Span; readonly label: string }[] | undefined;
}

/** Takes a finding down. */
export type Report = (span: Span, problem: Problem) => void;

/** Makes a {@link Report} that adds to a list. */
export function reportTo(diagnostics: Diagnostic[], source: SourceText): Report {
  return (span, { code, severity = 'error', message, label, help, fix, related }) => {
    const { file, range } = source.place(span);
    diagnostics.push({
      code,
      severity,
      message,
      file,
      range,
      ...(label !== undefined && { label }),
      ...(help !== undefined && { help }),
      ...(related !== undefined && {
        related: related.map(({ span, label }) => {
          const other = source.place(span);
          const elsewhere = other.file === file ? {} : { file: other.file };
          return { ...elsewhere, range: other.range, label };
        }),
      }),
      ...(fix !== undefined && { fix: { range, text: fix } }),
    });
  };
}
