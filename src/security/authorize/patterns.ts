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

/**
 * A pattern or a template of paths, brought to the form that canonical paths have.
 *
 * @returns `undefined` for what is no template.
 */
export function compilePathPattern(written: string): Pattern | undefined {
  const path = canonicalEscapes(written);
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

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
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
