/**
 * Showing text of a file to a person: short, on one line, without secrets, and unable to steer a terminal.
 *
 * @module
 */

import { withoutSecrets } from './secrets.ts';

/** Longer text is cut. */
const longestQuote = 60;

/** Controls, line separators, and marks that reorder text ("Trojan Source"). */
const unprintable =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

/** Makes what would act on a terminal visible instead: `\n`, `\u001b`. */
export function printable(text: string): string {
  return text.replace(unprintable, (character) => {
    if (character === '\n') return '\\n';
    if (character === '\t') return '\\t';
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

/**
 * Text of a file within a message, without the secrets in it.
 *
 * @example
 * ```ts
 * quote('usres@v2'); // '`usres@v2`'
 * ```
 */
export function quote(text: string): string {
  const characters = Array.from(withoutSecrets(text.slice(0, 20 * longestQuote)));
  const isLong = characters.length > longestQuote;
  const shown = characters.slice(0, isLong ? longestQuote - 1 : longestQuote).join('');
  return `\`${printable(shown).replaceAll('`', "'")}${isLong ? '…' : ''}\``;
}

/** Words joined as in a sentence: `a, b or c`. */
export function either(words: readonly string[]): string {
  if (words.length <= 1) return words.join('');
  return `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
}
