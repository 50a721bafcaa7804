import type { Rules } from '../../src/rules/model.ts';
import { type ParseOptions, parseRules } from '../../src/rules/parse.ts';

/** Rules for a test; fails with the diagnostics where the text is not right. */
export function rulesFrom(text: string, options: ParseOptions = {}): Rules {
  const { rules, diagnostics } = parseRules(text, options);
  if (rules === undefined) {
    throw new Error(diagnostics.map(({ code, message }) => `${code} ${message}`).join('\n'));
  }
  return rules;
}
