/**
 * What the YAML parser has to complain about, in the words of the rules language.
 *
 * @module
 */

import { type Document, isScalar, visit, type YAMLError } from 'yaml';
import { quote } from './quote.ts';
import type { Problem, Report } from './report.ts';
import type { SourceText, Span } from './source.ts';

/**
 * Reports what the parser found, the first of each line: the others follow from it.
 *
 * @returns Whether there was nothing.
 */
export function reportSyntax(
  document: Document.Parsed,
  source: SourceText,
  report: Report,
): boolean {
  const lines = new Set<number>();
  let isRead = true;
  for (const error of document.errors) {
    // Aliases are found once more, with better words, among the nodes; a second document by whoever asked for one.
    if (error.code === 'BAD_ALIAS' || error.code === 'MULTIPLE_DOCS') continue;
    isRead = false;
    const open = openBracket(error, document, source);
    const span = open ?? placeOf(error, document);
    const { line } = source.range(span);
    if (lines.has(line)) continue;
    lines.add(line);
    const [start, end] = error.pos;
    const related = open && [{ span: { start, end }, label: 'it has to be closed before this' }];
    report(span, { code: 'FM002', ...wordsFor(error, source.slice(span)), related });
  }
  return isRead;
}

/** The innermost bracket that is not closed, where the parser misses the other one. */
function openBracket(
  { pos, message }: YAMLError,
  document: Document.Parsed,
  { text }: SourceText,
): Span | undefined {
  const [, closing] = missingBracket.exec(message) ?? [];
  if (closing === undefined) return undefined;
  let start = -1;
  visit(document, {
    Collection(_, node) {
      const [from, to] = node.range ?? [0, 0];
      const isOpen = node.flow === true && text[to - 1] !== closing;
      const isOfKind = text[from] === (closing === ']' ? '[' : '{');
      if (isOpen && isOfKind && from < pos[0] && to >= pos[0]) start = Math.max(start, from);
    },
  });
  return start === -1 ? undefined : { start, end: start + 1 };
}

const missingBracket = / and end with a ([\]}])$/;

/** Where to point: for a quote that is never closed at the quote, not at the end of the file. */
function placeOf({ code, pos, message }: YAMLError, document: Document.Parsed): Span {
  let start = pos[0];
  if (code !== 'MISSING_CHAR' || !message.includes('quote')) return { start, end: pos[1] };
  visit(document, {
    Node(_, node) {
      const isQuoted = isScalar(node) && node.type?.startsWith('QUOTE_');
      if (isQuoted && node.range && node.range[0] < pos[0] && node.range[1] >= pos[0]) {
        start = node.range[0];
      }
    },
  });
  return { start, end: start + 1 };
}

/** Never repeats more than a sign of the file: there may be secrets in it. */
function wordsFor({ code, message }: YAMLError, written: string): Omit<Problem, 'code'> {
  const [, closing] = missingBracket.exec(message) ?? [];
  if (closing !== undefined) {
    return {
      message: `a bracket is not closed with \`${closing}\`, or what is in it is not indented`,
      label: 'opened here',
      help: `write \`${closing}\` where it ends; lines within begin further in than the key`,
    };
  }
  switch (code) {
    case 'TAB_AS_INDENT':
      return {
        message: 'a tab is no indentation in YAML',
        label: 'tabs',
        help: 'indent with spaces',
      };
    case 'BLOCK_AS_IMPLICIT_KEY':
      if (written.includes('\r')) {
        return {
          message: 'lines that end with a carriage return alone are one line in YAML',
          help: 'save the file with the line ends of Unix or Windows',
        };
      }
      return {
        message: 'a second `key:` on one line',
        help: 'quote the value if the colon belongs to it',
      };
    case 'BAD_SCALAR_START':
      return { message: 'a value cannot start with this character', help: 'quote the value' };
    case 'MISSING_CHAR':
      return message.includes('quote')
        ? {
            message: 'a quote is never closed',
            label: 'opened here',
            help: 'write the same quote where the value ends',
          }
        : { message: 'a sign is missing here', label: 'such as a comma or a colon' };
    case 'UNEXPECTED_TOKEN':
      return {
        label: 'YAML expects nothing like it here',
        message: /^[^\s\w]$/.test(written) ? `unexpected ${quote(written)}` : 'unexpected text',
        ...(written === '{' && {
          help: 'quote the value; in a path, `:id` means the same as `{id}`',
        }),
      };
    default: {
      const [plain = ''] = message.split(/: /, 1);
      return {
        message: `not YAML: ${plain.charAt(0).toLowerCase()}${plain.slice(1)}`,
        label: 'from here on it cannot be read',
      };
    }
  }
}
