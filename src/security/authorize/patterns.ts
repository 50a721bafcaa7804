/**
 * The forms of text that policies compare with.
 *
 * @module
 */

import { canonicalEscapes } from '../../core/canonical-path.ts';

/** One pattern, compiled; `kind` is what an index can be built on. */
export interface Pattern {
  readonly kind: 'exact' | 'prefix' | 'suffix' | 'other';
  /** What a fitting text is, begins with or ends with. */
  readonly text: string;
  fits(value: string): boolean;
}

/** `exact`, `prefix*`, `*suffix`, and `*` for what is not empty. */
export function compilePattern(written: string): Pattern {
  if (written === '*') return { kind: 'other', text: '', fits: (value) => value !== '' };
  if (written.startsWith('*')) {
    const text = written.slice(1);
    return { kind: 'suffix', text, fits: (value) => value.endsWith(text) };
  }
  if (written.endsWith('*')) {
    const text = written.slice(0, -1);
    return { kind: 'prefix', text, fits: (value) => value.startsWith(text) };
  }
  return { kind: 'exact', text: written, fits: (value) => value === written };
}

/** No canonical path holds these: a query, a fragment, `\\`, a malformed escape, a dot segment. */
const inNoPath = /[?#\\]|%(?:00|(?![\da-f]{2}))|\/(?:\.|%2e){1,2}(?:\/|$)/i;

/**
 * A pattern or a template of paths, brought to the form that canonical paths have.
 *
 * @returns `undefined` for what is no template, or like no path.
 */
export function compilePathPattern(written: string): Pattern | undefined {
  if (!/^[/*]/.test(written) || inNoPath.test(written)) return undefined;
  const path = canonicalEscapes(encoded(written));
  if (!/[{}]/.test(path)) return compilePattern(path);
  const first = path.indexOf('{');
  const template = /^(?:\/(?:\{\*\}|[^/{}*]*))*(?:\/\{\*\*\}[^{}*]*)?$/;
  if (!template.test(path) || first === -1) return undefined;
  const expression = new RegExp(
    `^${path
      .split(/(\{\*\*?\})/)
      .map((part) => (part === '{*}' ? '[^/]+' : part === '{**}' ? '.*' : escaped(part)))
      .join('')}$`,
    's',
  );
  return { kind: 'prefix', text: path.slice(0, first), fits: (value) => expression.test(value) };
}

/** As `URL` has it. */
function encoded(text: string): string {
  return text.replace(/[^!-~]+|["<>`]/g, (part) => encodeURIComponent(part.toWellFormed()));
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/**
 * A pattern of hosts in lower case, as `URL` has them.
 *
 * @returns `undefined` for what is like no host.
 */
export function compileHostPattern(written: string): Pattern | undefined {
  const text = written.toLowerCase();
  if (/[/?#@\\\s]/.test(text)) return undefined;
  if (/^[!-~]*$/.test(text)) return compilePattern(text);
  // Of a part of a label nothing is known of how the whole is written.
  const [, below = '', name] = /^(\*\.)?([^*]+)$/.exec(text) ?? [];
  const host = name && URL.parse(`http://${name}`)?.host;
  return host ? compilePattern(below + host) : undefined;
}

/** Methods are written in capitals, whoever writes a policy. */
export function compileMethodPattern(written: string): Pattern {
  const asWritten = compilePattern(written);
  const inCapitals = compilePattern(written.toUpperCase());
  return { ...asWritten, fits: (value) => inCapitals.fits(value) || asWritten.fits(value) };
}

/** `issuer/subject`: the halves are told apart at the last slash, and each may be a pattern. */
export function compilePrincipalPattern(written: string): Pattern {
  const slash = written.lastIndexOf('/');
  if (slash === -1) return compilePattern(written);
  const issuer = compilePattern(written.slice(0, slash));
  const subject = compilePattern(written.slice(slash + 1));
  const isExact = issuer.kind === 'exact' && subject.kind === 'exact';
  return {
    kind: isExact ? 'exact' : 'other',
    text: written,
    fits(value) {
      const at = value.lastIndexOf('/');
      return at !== -1 && issuer.fits(value.slice(0, at)) && subject.fits(value.slice(at + 1));
    },
  };
}
