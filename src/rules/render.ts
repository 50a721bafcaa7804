/**
 * Diagnostics as text, in the manner of rustc: the place, the line, a mark under what is meant, and what to do.
 *
 * @module
 */

import { countSeverities, type Diagnostic, type Range, type Severity } from './diagnostics.ts';
import { displayLine } from './display.ts';
import { allTexts, type RulesTexts } from './files.ts';
import { secretSpans } from './secrets.ts';
import type { Span } from './source.ts';

/** The parts of the text that may look different. */
export type StyledPart = Severity | 'message' | 'frame' | 'related' | 'help';

/** Makes a part of the text stand out; must not change how many columns it takes. */
export type Style = (part: StyledPart, text: string) => string;

/** Settings of {@link renderDiagnostics}. */
export interface RenderOptions {
  /** `true` for the usual colours of a terminal, or a style of one's own. Default: false. */
  readonly color?: boolean | Style;
  /** Lines of the file are cut to this many columns; messages are not. Default: 100. */
  readonly columns?: number;
}

const ansiCodes: Readonly<Record<StyledPart, string>> = {
  error: '1;31',
  warning: '1;33',
  info: '1;36',
  message: '1',
  frame: '34',
  related: '34',
  help: '32',
};

const ansi: Style = (part, text) => `\u001b[${ansiCodes[part]}m${text}\u001b[0m`;
const plain: Style = (_, text) => text;

/** Narrower than this, nothing can be recognised. */
const fewestColumns = 20;

/**
 * Renders the diagnostics of one set of rules, and a line for each file with findings that sums them up.
 *
 * Secrets never show: the values of keys that speak of a token, secret, password or key are replaced by asterisks, and so
 * are the credentials of URLs. Controls, which could steer a terminal, are made visible.
 *
 * @param text The file as it was given to `parseRules`; or all of them, where there are several.
 * @returns Text without a newline at its end; empty where there are no diagnostics.
 *
 * @example
 * ```ts
 * const text = 'routes: [{ path: /a, timout: 3s }]';
 * const { diagnostics } = parseRules(text, { file: 'bad.yaml', mode: 'library' });
 * renderDiagnostics(diagnostics, text).includes('did you mean `timeout`?'); // true
 * ```
 */
export function renderDiagnostics(
  diagnostics: readonly Diagnostic[],
  text: string | RulesTexts,
  options: RenderOptions = {},
): string {
  const [first] = diagnostics;
  if (first === undefined) return '';
  const { color = false, columns = 100 } = options;
  const style = color === true ? ansi : color === false ? plain : color;
  const sourceOf = readSources(text);
  const blocks = diagnostics.map((diagnostic) => renderOne(diagnostic, sourceOf, style, columns));
  const files = [...new Set(diagnostics.map(({ file }) => file))];
  const sums = files.map((file) =>
    summarizeDiagnostics(
      file,
      diagnostics.filter((diagnostic) => diagnostic.file === file),
    ),
  );
  return [...blocks, sums.join('\n')].join('\n\n');
}

/**
 * One line: how many errors, warnings and infos.
 *
 * @example
 * ```ts
 * summarizeDiagnostics('rules.yaml', []); // 'rules.yaml: no problems'
 * ```
 */
export function summarizeDiagnostics(file: string, diagnostics: readonly Diagnostic[]): string {
  const counts = countSeverities(diagnostics);
  const parts = (['error', 'warning', 'info'] as const)
    .filter((severity) => counts[severity] > 0)
    .map((severity) => `${counts[severity]} ${severity}${counts[severity] === 1 ? '' : 's'}`);
  return `${file}: ${parts.length === 0 ? 'no problems' : parts.join(', ')}`;
}

/** A marked place of a snippet. */
interface Mark {
  readonly file: string;
  readonly range: Range;
  readonly label: string | undefined;
  readonly isPrimary: boolean;
}

/** The lines of a file, and what is to be hidden in each. */
interface Source {
  readonly lines: readonly string[];
  secretsOf(index: number): readonly Span[];
}

/** The files by name. */
function readSources(text: string | RulesTexts): (file: string) => Source {
  if (typeof text === 'string') {
    const source = readSource(text);
    return () => source;
  }
  const sources = new Map<string, Source>();
  return (file) => {
    const known = sources.get(file);
    if (known !== undefined) return known;
    const source = readSource(allTexts(text).find((each) => each.file === file)?.text ?? '');
    sources.set(file, source);
    return source;
  };
}

function readSource(text: string): Source {
  const lines = text.replace(/^\ufeff/, '').split(/\r?\n/);
  const known = new Map<number, readonly Span[]>();
  return {
    lines,
    secretsOf(index) {
      // A file may be one line of megabytes, with a thousand findings in it.
      const secrets = known.get(index) ?? secretSpans(lines, index);
      known.set(index, secrets);
      return secrets;
    },
  };
}

function renderOne(
  diagnostic: Diagnostic,
  sourceOf: (file: string) => Source,
  style: Style,
  columns: number,
): string {
  const { code, severity, message, file, range, label, help, related = [] } = diagnostic;
  const marks: Mark[] = [
    { file, range, label, isPrimary: true },
    ...related.map((place) => ({ file, ...place, isPrimary: false })),
  ].sort(inOrder);
  const gutter = String(Math.max(...marks.map((mark) => mark.range.line))).length;
  const room = Math.max(fewestColumns, columns - gutter - 3);
  const margin = ' '.repeat(gutter);
  const bar = style('frame', `${margin} |`);

  /** The file of the finding first, then by line. */
  function inOrder(a: Mark, b: Mark): number {
    if (a.file !== b.file)
      return a.file === file ? -1 : b.file === file ? 1 : a.file < b.file ? -1 : 1;
    return a.range.start - b.range.start;
  }
  const output = [
    `${style(severity, `${severity}[${code}]`)}${style('message', `: ${message}`)}`,
    `${style('frame', `${margin}-->`)} ${file}:${range.line}:${range.column}`,
    bar,
  ];
  let previous: (Mark & { readonly shown: string }) | undefined;
  for (const mark of marks) {
    const { line, column } = mark.range;
    const { lines, secretsOf } = sourceOf(mark.file);
    if (previous !== undefined && mark.file !== previous.file) {
      output.push(`${style('frame', `${margin}:::`)} ${mark.file}:${line}:${column}`, bar);
      previous = undefined;
    } else if (previous !== undefined && line > previous.range.line + 1) {
      output.push(style('frame', `${margin} ...`));
    }
    const shown = displayLine(lines[line - 1] ?? '', {
      focus: focusOf(mark.range, lines),
      masks: secretsOf(line - 1),
      columns: room,
    });
    if (previous?.range.line !== line || previous.shown !== shown.text) {
      output.push(
        `${style('frame', `${String(line).padStart(gutter)} |`)} ${shown.text}`.trimEnd(),
      );
    }
    const underline = (mark.isPrimary ? '^' : '-').repeat(shown.width);
    const remark = mark.label === undefined ? underline : `${underline} ${mark.label}`;
    output.push(
      `${bar} ${' '.repeat(shown.before)}${style(mark.isPrimary ? severity : 'related', remark)}`,
    );
    previous = { ...mark, shown: shown.text };
  }
  if (help !== undefined) {
    output.push(`${style('frame', `${margin} =`)} ${style('help', 'help')}: ${help}`);
  }
  return output.join('\n');
}

/** The part of a range that lies on its first line, counted from 0. */
function focusOf(range: Range, lines: readonly string[]): Span {
  const length = (lines[range.line - 1] ?? '').length;
  const start = Math.min(range.column - 1, length);
  const end = range.endLine > range.line ? length : Math.min(range.endColumn - 1, length);
  return { start, end: Math.max(start, end) };
}
