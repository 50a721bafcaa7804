/**
 * `npm run drill [-- NAME …]`: things go wrong on purpose; figures and a verdict for each. Exit code 1 where one failed.
 */

import { writeFileSync } from 'node:fs';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { drills } from './all.ts';
import { type Drill, Stage } from './drill.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    record: { type: 'string' },
    help: { type: 'boolean', short: 'h', default: false },
  },
});
if (values.help) {
  console.log(`npm run drill [-- NAME …]

${drills.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`).join('\n')}

  --record FILE   writes what was seen there, as a page`);
  process.exit(0);
}
const unknown = positionals.filter((name) => drills.every((drill) => drill.name !== name));
if (unknown.length > 0) {
  console.error(
    `There is no drill ${unknown.join(', ')}; there are ${drills.map(({ name }) => name).join(', ')}.`,
  );
  process.exit(2);
}

const began = performance.now();
const lines: string[] = [];
let failed = 0;
for (const drill of drills) {
  if (positionals.length > 0 && !positionals.includes(drill.name)) continue;
  if (!(await carryOut(drill))) failed += 1;
}
const seconds = Math.round((performance.now() - began) / 1_000);
say(`${failed === 0 ? 'All drills passed' : `${failed} drills FAILED`} in ${seconds} s.`);
if (values.record !== undefined) {
  const text = `# Drills\n\nWhat \`npm run drill\` says, as it was recorded by \`npm run drill -- --record docs/drills.md\`: each drill breaks something on\npurpose and reads from the gateway's own metrics what came of it.\n\n\`\`\`text\n${lines.join('\n')}\n\`\`\`\n`;
  writeFileSync(values.record, text);
}
process.exit(failed === 0 ? 0 : 1);

async function carryOut({ name, summary, run }: Drill): Promise<boolean> {
  say(`── ${name}\n${summary}\n`);
  const stage = new Stage();
  try {
    await run(stage);
  } catch (error) {
    stage.expect('the drill itself', String(error), false);
  } finally {
    await stage.end();
  }
  for (const { what, figures, holds } of stage.findings) {
    say(`  ${holds ? '√' : '×'} ${what}: ${figures}`);
  }
  const holds = stage.findings.length > 0 && stage.findings.every((finding) => finding.holds);
  say(`\n  ${holds ? 'PASSED' : 'FAILED'}\n`);
  return holds;
}

function say(text: string): void {
  console.log(text);
  lines.push(text);
}
