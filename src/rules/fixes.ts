/**
 * Carrying out the fixes of diagnostics.
 *
 * @module
 */

import type { Diagnostic, Fix } from './diagnostics.ts';

/** A text, mended. */
export interface Fixed {
  readonly text: string;
  /** How many fixes were carried out. */
  readonly count: number;
}

/**
 * Carries out the fixes of diagnostics. Where two concern the same place, the first is carried out and the other left for
 * another run.
 *
 * @param text The file as it was given to `parseRules`.
 *
 * @example
 * ```ts
 * const text = 'routes: [{ path: /a, timout: 3s }]';
 * applyFixes(text, parseRules(text).diagnostics).text; // 'routes: [{ path: /a, timeout: 3s }]'
 * ```
 */
export function applyFixes(text: string, diagnostics: readonly Diagnostic[]): Fixed {
  const fixes = diagnostics
    .flatMap(({ fix }): readonly Fix[] => (fix === undefined ? [] : [fix]))
    .sort((a, b) => a.range.start - b.range.start || a.range.end - b.range.end);
  const parts: string[] = [];
  let at = 0;
  let count = 0;
  for (const { range, text: replacement } of fixes) {
    if (range.start < at || (count > 0 && range.start === at && range.end === at)) continue;
    parts.push(text.slice(at, range.start), replacement);
    at = range.end;
    count += 1;
  }
  parts.push(text.slice(at));
  return { text: parts.join(''), count };
}
