/**
 * Writes `docs/diagnostics.md` from the codes of diagnostics. A test holds the two together.
 *
 * Usage: node tools/diagnostics-page.ts
 */

import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { codes } from '../src/rules/codes.ts';

/** The page. */
export function diagnosticsPage(): string {
  const sections = Object.entries(codes).map(
    ([code, { title, explanation }]) => `## ${code}: ${title}\n\n${markdown(explanation)}\n`,
  );
  return `# Diagnostics\n\nWhat the codes mean that \`fetchmesh check\` prints; \`fetchmesh check --explain FM001\` says the same. A code is never given a\nsecond meaning.\n\n${sections.join('\n')}`;
}

/** Explanations are plain text: what Markdown would read as its own is shown as it is, and what is set off is rules. */
function markdown(text: string): string {
  const paragraphs = text.split('\n\n').map((paragraph) => {
    const isSetOff = paragraph.split('\n').every((line) => line.startsWith('  '));
    if (!isSetOff) return paragraph.replace(/[*_<`]/g, '\\$&');
    return `\`\`\`yaml\n${paragraph.replace(/^ {2}/gm, '')}\n\`\`\``;
  });
  return paragraphs.join('\n\n');
}

if (process.argv[1] === import.meta.filename) {
  writeFileSync('docs/diagnostics.md', diagnosticsPage());
}
