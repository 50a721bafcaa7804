/**
 * Reading a file as YAML 1.2, of which JSON is a part, into data that knows where it stands.
 *
 * @module
 */

import { Composer, type Document, Lexer, Parser } from 'yaml';
import { compareDiagnostics, type Diagnostic } from './diagnostics.ts';
import type { PositionedNode } from './nodes.ts';
import { type Problem, type Report, reportTo } from './report.ts';
import { SourceText } from './source.ts';
import { reportSyntax } from './syntax.ts';
import { positioned } from './yaml-nodes.ts';

/** Settings of {@link readDocument}. */
export interface DocumentOptions {
  /** The name of the file, for diagnostics. Default: `'rules.yaml'`. */
  readonly file?: string;
  /** A longer text is not read, in UTF-16 code units. Default: 10000000. */
  readonly maxLength?: number;
  /** Nor is one that is nested more deeply. Default: 64. */
  readonly maxDepth?: number;
}

/** A file that was read. */
export interface RulesDocument {
  readonly source: SourceText;
  /** Its content; `undefined` where it could not be read at all. */
  readonly root: PositionedNode | undefined;
  /** What was found on the way, in the order of the file. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads a file. Never throws, whatever the text.
 *
 * What makes YAML surprising is refused: aliases and anchors, merge keys, tags, directives, duplicate keys, several
 * documents. Keys are compared as they are written, so `1.10` is a key of four characters.
 *
 * @example
 * ```ts
 * const { root } = readDocument('routes: [{ path: /a }]');
 * root && find(root, ['routes', 0, 'path'])?.node.span; // { start: 17, end: 19 }
 * ```
 */
export function readDocument(text: string, options: DocumentOptions = {}): RulesDocument {
  const { file = 'rules.yaml', maxLength = 10_000_000, maxDepth = 64 } = options;
  const diagnostics: Diagnostic[] = [];
  if (text.length > maxLength) {
    const source = new SourceText(file, '');
    reportTo(diagnostics, source)({ start: 0, end: 0 }, tooLarge(text.length, maxLength));
    return { source, root: undefined, diagnostics };
  }
  const source = new SourceText(file, text);
  const report = reportTo(diagnostics, source);
  const root = compose(source, maxDepth, report);
  diagnostics.sort(compareDiagnostics);
  return { source, root, diagnostics };
}

function tooLarge(length: number, maxLength: number): Problem {
  return {
    code: 'FM007',
    message: `the file has ${length} characters; more than ${maxLength} are not read`,
    help: 'share it out over several files: -f takes a directory',
  };
}

function compose(source: SourceText, maxDepth: number, report: Report): PositionedNode | undefined {
  const { text } = source;
  const documents: Document.Parsed[] = [];
  const parser = new Parser();
  const composer = new Composer({ version: '1.2', uniqueKeys: false, logLevel: 'silent' });
  try {
    for (const lexeme of new Lexer().lex(text)) {
      for (const token of parser.next(lexeme)) documents.push(...composer.next(token));
      // The parser keeps a stack and minds no depth; the composer and whatever walks its nodes are recursive.
      if (parser.stack.length > maxDepth + 2) {
        const message = `the file is nested more than ${maxDepth} levels deep`;
        const label = 'no rules need as much';
        report({ start: parser.offset, end: parser.offset }, { code: 'FM007', message, label });
        return undefined;
      }
      if (documents.length > 1) break;
    }
    for (const token of parser.end()) documents.push(...composer.next(token));
    documents.push(...composer.end(true, text.length));
  } catch {
    // Not known to happen; a file must not be able to bring a gateway down all the same.
    report({ start: 0, end: 0 }, { code: 'FM002', message: 'the file cannot be read as YAML' });
    return undefined;
  }
  const [document, second] = documents;
  if (second !== undefined) {
    const marker = text.lastIndexOf('---', second.range[0]);
    const start = marker > 0 ? marker : (second.contents?.range?.[0] ?? second.range[0]);
    report(
      { start, end: start + 3 },
      {
        code: 'FM006',
        message: 'a second YAML document begins here',
        label: 'a rules file is one document',
        help: 'make two files of it: -f takes a directory',
      },
    );
  }
  if (document === undefined) return undefined;
  const isRead = reportSyntax(document, source, report);
  reportDirectives(document, source, report);
  if (!isRead) return undefined;
  const root = document.contents && positioned(document.contents, source, report);
  if (root === null || root.kind === 'nothing') {
    report(
      { start: 0, end: 0 },
      {
        code: 'FM014',
        message: 'the file is empty',
        help: 'a whole file may be as short as: routes: [{ path: /api/**, timeout: 3s }]',
      },
    );
    return undefined;
  }
  return root;
}

function reportDirectives(document: Document.Parsed, source: SourceText, report: Report): void {
  const before = source.text.slice(0, document.contents?.range?.[0] ?? document.range[0]);
  for (const { index, 0: directive } of before.matchAll(/^%[^\r\n]*/gm)) {
    if (/^%YAML\s+1\.2\s*$/.test(directive)) continue;
    report(
      { start: index, end: index + directive.length },
      {
        code: 'FM008',
        message: 'directives are not part of the rules language',
        label: 'a line that starts with `%`',
        help: 'remove the line',
      },
    );
  }
}
