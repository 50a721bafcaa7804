/**
 * Regular expressions of rules, compiled to be asked whether they match, and nothing else.
 *
 * @module
 */

/** A class, an escape for a class, a dot or a plain character that is repeated without bound. */
const leadingLoop =
  /^(\[(?:\\.|[^\]\\])*\]|\\[dDwWsS]|[\w .,:;@/&=-])(?:([+*])|\{(\d{1,3}),\})\??/u;

/**
 * Compiles an expression that may match anywhere. Where it begins with a repetition, as `[0-9]+$` does, the least number of
 * times is enough: what matches with more of them matches without those, a little further on. Tried as it is written, an
 * engine that backtracks begins anew at each digit of a long number, and takes time by the square of its length.
 *
 * @param source As behind the `~` of a path or match string. Throws a `SyntaxError` where it does not compile.
 *
 * @example
 * ```ts
 * searchExpression('[0-9]+$').source; // '[0-9]$'
 * searchExpression('[0-9]+$').test('v42'); // true
 * ```
 */
export function searchExpression(source: string): RegExp {
  // As it is written first: what is left of a wrong expression may be a right one.
  const written = new RegExp(source, 'u');
  // The alternatives of an expression would have to be told apart from those of its groups.
  if (source.includes('|')) return written;
  let rest = source;
  let kept = '';
  for (let loop = leadingLoop.exec(rest); loop !== null; loop = leadingLoop.exec(rest)) {
    const [text, atom, sign, least] = loop as unknown as [string, string, string?, string?];
    rest = rest.slice(text.length);
    if (sign === '*' || Number(least) === 0) continue;
    kept = sign === '+' ? atom : `${atom}{${least}}`;
    break;
  }
  return rest.length + kept.length === source.length ? written : new RegExp(kept + rest, 'u');
}
