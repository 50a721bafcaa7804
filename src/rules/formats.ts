/**
 * Diagnostics for machines: JSON, and the annotations of GitHub's workflows.
 *
 * @module
 */

import type { Diagnostic, Range, Severity } from './diagnostics.ts';

/** A diagnostic as `fetchmesh check --json` prints it; lines and columns count from 1. */
export interface DiagnosticRecord {
  readonly file: string;
  readonly line: number;
  readonly col: number;
  readonly end_line: number;
  /** The column behind the last character. */
  readonly end_col: number;
  readonly code: string;
  readonly severity: Severity;
  readonly message: string;
  readonly label: string | null;
  readonly help: string | null;
  /** A change that settles it without doubt. */
  readonly fix?: { readonly range: RangeRecord; readonly text: string };
  /** Other places that it speaks of. */
  readonly related?: readonly (RangeRecord & {
    /** Where it is another file. */
    readonly file?: string;
    readonly label: string;
  })[];
}

/** A stretch of the file. */
export interface RangeRecord {
  readonly line: number;
  readonly col: number;
  readonly end_line: number;
  readonly end_col: number;
}

/**
 * A diagnostic as a plain object.
 *
 * @example
 * ```ts
 * const { diagnostics } = parseRules('routes: [{ path: /a, timout: 3s }]', { file: 'bad.yaml' });
 * toRecord(diagnostics[0]!).code; // 'FM001'
 * ```
 */
export function toRecord(diagnostic: Diagnostic): DiagnosticRecord {
  const { file, range, code, severity, message, label, help, fix, related } = diagnostic;
  return {
    file,
    ...rangeRecord(range),
    code,
    severity,
    message,
    label: label ?? null,
    help: help ?? null,
    ...(fix && { fix: { range: rangeRecord(fix.range), text: fix.text } }),
    ...(related && {
      related: related.map((place) => ({
        ...(place.file !== undefined && { file: place.file }),
        ...rangeRecord(place.range),
        label: place.label,
      })),
    }),
  };
}

function rangeRecord({ line, column, endLine, endColumn }: Range): RangeRecord {
  return { line, col: column, end_line: endLine, end_col: endColumn };
}

const commands: Readonly<Record<Severity, string>> = {
  error: 'error',
  warning: 'warning',
  info: 'notice',
};

/**
 * A diagnostic as a workflow command of GitHub, which shows it beside the line.
 *
 * @see {@link https://docs.github.com/actions/reference/workflow-commands-for-github-actions}
 *
 * @example
 * ```ts
 * const { diagnostics } = parseRules('routes: [{ path: /a, timout: 3s }]', { file: 'bad.yaml' });
 * toAnnotation(diagnostics[0]!).startsWith('::error file=bad.yaml,line=1,col=22,'); // true
 * ```
 */
export function toAnnotation(diagnostic: Diagnostic): string {
  const { file, range, code, severity, message, label, help } = diagnostic;
  const properties = {
    file,
    line: range.line,
    col: range.column,
    endLine: range.endLine,
    endColumn: range.endColumn,
    title: code,
  };
  const listed = Object.entries(properties)
    .map(([name, value]) => `${name}=${escapeProperty(String(value))}`)
    .join(',');
  const said = [message, label, help && `help: ${help}`].filter(Boolean).join('\n');
  return `::${commands[severity]} ${listed}::${escapeData(said)}`;
}

function escapeData(text: string): string {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function escapeProperty(text: string): string {
  return escapeData(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
