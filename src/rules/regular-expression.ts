/**
 * Whether a regular expression is safe to try on text that clients choose.
 *
 * The engines of all runtimes backtrack. This is a cautious check: it refuses what it cannot show to be harmless, and
 * with it look-around and back-references, which RE2 (nginx's and Envoy's answer to the same question) does not have
 * either.
 *
 * @module
 */

import {
  anyCharacter,
  type CharacterSet,
  emptyPart,
  type Part,
  PartBuilder,
  SlowExpression,
  searched,
} from './expression-parts.ts';

/** What {@link checkRegularExpression} found. */
export interface RegularExpressionFault {
  /** `'syntax'`: it does not compile. `'slow'`: it may take very long. */
  readonly kind: 'syntax' | 'slow';
  readonly reason: string;
}

/** Longer expressions are refused. */
const longestExpression = 1_000;

/** A counted repetition of more than this is taken for an unbounded one. */
const manyTimes = 16;

/** Groups deeper than this are refused. */
const deepestGroup = 32;

/**
 * Checks an expression, as it stands behind the `~` of a path or match string.
 *
 * At most the square of the text's length is borne; anything that could take longer is refused.
 *
 * @returns What is wrong, or `undefined`.
 *
 * @example
 * ```ts
 * checkRegularExpression('^/v[0-9]+/'); // undefined
 * checkRegularExpression('^(a+)+$')?.kind; // 'slow'
 * ```
 */
export function checkRegularExpression(source: string): RegularExpressionFault | undefined {
  if (source.length > longestExpression) {
    return { kind: 'slow', reason: `it is longer than ${longestExpression} characters` };
  }
  try {
    new RegExp(source, 'u');
  } catch (error) {
    return { kind: 'syntax', reason: reasonOf(error as Error, source) };
  }
  try {
    searched(new Reader(source).alternatives(0));
    return undefined;
  } catch (error) {
    if (error instanceof SlowExpression) return { kind: 'slow', reason: error.message };
    throw error;
  }
}

/** What remains of an engine's message without the expression, which is shown anyway. */
function reasonOf({ message }: Error, source: string): string {
  const reason = message
    .replace(/^Invalid regular expression:\s*/, '')
    .replace(`/${source}/u: `, '');
  return `${reason.charAt(0).toLowerCase()}${reason.slice(1)}`;
}

const samples: readonly string[] = [
  ...Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)),
  'é',
  'Ω',
  '漢',
  '😀',
  '\u2028',
];

function charactersOf(atom: string): CharacterSet {
  if (atom === '.') return anyCharacter;
  const expression = new RegExp(`^(?:${atom})$`, 'u');
  let set = 0n;
  for (const [index, sample] of samples.entries()) {
    if (expression.test(sample)) set |= 1n << BigInt(Math.min(index, 128));
  }
  // Characters that none of the samples stands for are among the others.
  return set === 0n ? 1n << 128n : set;
}

/** A class, an escape or a single character. */
const oneAtom =
  /^(?:\[(?:\\.|[^\]\\])*\]|\\(?:u\{[^}]*\}|u[dD][89abAB]..\\u[dD][c-fC-F]..|u.{4}|x..|c.|[pP]\{[^}]*\}|.)|.)/su;

/** Reads an expression that is known to compile; throws {@link SlowExpression}. */
class Reader {
  readonly #source: string;
  readonly #parts: PartBuilder = new PartBuilder();
  #at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  /** Reads up to the end of the expression or of the group. */
  alternatives(depth: number): Part {
    if (depth > deepestGroup) throw new SlowExpression('its groups are nested too deeply');
    let whole = this.#sequence(depth);
    while (this.#source[this.#at] === '|') {
      this.#at += 1;
      whole = this.#parts.either(whole, this.#sequence(depth));
    }
    return whole;
  }

  #sequence(depth: number): Part {
    let whole = emptyPart;
    while (this.#at < this.#source.length && !'|)'.includes(this.#source[this.#at] as string)) {
      whole = this.#parts.joined(whole, this.#repeated(depth));
    }
    return whole;
  }

  #repeated(depth: number): Part {
    const part = this.#atom(depth);
    const rest = this.#source.slice(this.#at, this.#at + 32);
    const [text, sign, low = '', comma, high = ''] =
      /^(?:([*+?])|\{(\d+)(,?)(\d*)\})\??/.exec(rest) ?? [];
    if (text === undefined) return part;
    this.#at += text.length;
    const least = sign === undefined ? Number(low) : sign === '+' ? 1 : 0;
    const isOpen = sign === undefined ? comma === ',' && high === '' : sign !== '?';
    const most = sign === '?' ? 1 : Number(high || low);
    if (!isOpen && most <= 1) {
      return least === 0 ? { ...part, nullable: true, required: [] } : part;
    }
    const isMany = isOpen || most > manyTimes;
    return this.#parts.repeated(part, least, isMany ? Number.POSITIVE_INFINITY : most);
  }

  #atom(depth: number): Part {
    const rest = this.#source.slice(this.#at);
    if (rest.startsWith('(')) return this.#group(rest, depth);
    const [assertion] = /^(?:[\^$]|\\[bB])/.exec(rest) ?? [];
    if (assertion !== undefined) {
      this.#at += assertion.length;
      return assertion === '^' ? { ...emptyPart, anchored: true } : emptyPart;
    }
    if (/^\\(?:[1-9]|k<)/.test(rest)) throw new SlowExpression('it refers back to a group');
    const [atom] = oneAtom.exec(rest) as RegExpExecArray;
    this.#at += atom.length;
    return this.#parts.atom(charactersOf(atom));
  }

  #group(rest: string, depth: number): Part {
    if (/^\(\?<?[=!]/.test(rest)) throw new SlowExpression('it looks around');
    if (/^\(\?[a-z-]+:/.test(rest)) throw new SlowExpression('it changes flags halfway');
    const [opening] = /^\((?:\?(?::|<[^>]*>))?/.exec(rest) as RegExpExecArray;
    this.#at += opening.length;
    const part = this.alternatives(depth + 1);
    this.#at += 1;
    return part;
  }
}
