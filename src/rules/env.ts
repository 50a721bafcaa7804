/**
 * References to the environment: `${NAME}` and `${NAME:-default}`.
 *
 * They are replaced in text values after the file was read, so that a variable can never change what the file consists of.
 *
 * @module
 */

import { quote } from './quote.ts';
import type { Problem } from './report.ts';

/** Environment variables by name. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** What became of a text. */
export type Substitution =
  | { readonly text: string; readonly isChanged: boolean }
  | { readonly problem: Problem /** What to point at. */; readonly reference: string };

/** `$${` as it is written for the characters `${`; a reference; or what looks like the start of one. */
const reference = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g;

/**
 * Replaces the references in a text. A default also stands in for a variable that is empty, as in the shell.
 *
 * @returns The first problem, if there is one: a variable that is not set, or a reference that is malformed.
 *
 * @example
 * ```ts
 * substitute('http://${HOST:-localhost}:${PORT}', { PORT: '80' }); // { text: 'http://localhost:80', isChanged: true }
 * ```
 */
export function substitute(text: string, environment: Environment): Substitution {
  if (!text.includes('${')) return { text, isChanged: false };
  let problem: Problem | undefined;
  let culprit = '';
  const replaced = text.replace(reference, (written, name?: string, fallback?: string) => {
    if (written === '$${') return '${';
    const value =
      name !== undefined && Object.hasOwn(environment, name) ? environment[name] : undefined;
    if (value !== undefined && (value !== '' || fallback === undefined)) return value;
    if (name !== undefined && fallback !== undefined) return fallback;
    if (problem === undefined) {
      culprit = written;
      problem = name === undefined ? malformed : unset(name);
    }
    return written;
  });
  return problem === undefined
    ? { text: replaced, isChanged: true }
    : { problem, reference: culprit };
}

const malformed: Problem = {
  code: 'FM051',
  message: 'malformed reference to the environment',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: shown as it is
  label: 'a reference is `${NAME}` or `${NAME:-default}`',
  help: 'write `$${` for the characters themselves',
};

function unset(name: string): Problem {
  return {
    code: 'FM050',
    message: `environment variable ${quote(name)} is not set`,
    label: 'neither a value nor a default',
    help: `set it, or write \${${name}:-default}`,
  };
}
