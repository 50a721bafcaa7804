/**
 * The JSON Schemas that editors check rules files with, with what the reference says of each key.
 */

import {
  type KeyWords,
  type KeyWordsOf,
  overlayJsonSchema,
  rulesJsonSchema,
} from '../src/rules/json-schema.ts';
import { type KeyRow, rulesSections } from './rules-page.ts';

/** The contents of `rules.schema.json` and `rules.overlay.schema.json`. */
export function rulesSchemas(): { readonly rules: unknown; readonly overlay: unknown } {
  const rows = new Map(
    rulesSections().map(({ block, rows }) => [block, new Map(rows.map((row) => [row.name, row]))]),
  );
  const wordsOf: KeyWordsOf = (block, key) => {
    const row = rows.get(block)?.get(key);
    return row && keyWords(row);
  };
  return { rules: rulesJsonSchema(wordsOf), overlay: overlayJsonSchema(wordsOf) };
}

function keyWords({ words, takes, absent }: KeyRow): KeyWords {
  if (absent === 'required') return { description: words };
  const description = `${words}\nDefault: ${absent.replaceAll('`', '')}`;
  const [, value = ''] = /^`([^`]+)`$/.exec(absent) ?? [];
  // Other words name a key, or are none that could be written.
  if (/^a list(?!.*; or )/.test(takes)) return { description };
  const isValue = /^(?:true|false|[\d.]+[%\w]*)$/.test(value) || takes.includes(`\`${value}\``);
  return { description, ...(isValue && { default: literal(value) }) };
}

/** As YAML reads it. */
function literal(text: string): string | number | boolean {
  if (/^\d+(?:\.\d+)?$/.test(text)) return Number(text);
  return text === 'true' || text === 'false' ? text === 'true' : text;
}
