/**
 * Runs the checks of what peers get wrong on the peers: `npm run bench:peers`. The tests run the same checks on ours.
 *
 * A peer that passes has been mended since: its check is to go.
 */

import process from 'node:process';
import { defects } from './defects/all.ts';

let mended = 0;
for (const { name, peer, checkTheirs } of defects) {
  const finding = await checkTheirs().then(
    () => undefined,
    (error: unknown) => {
      // Of what differs, both sides.
      const { message: said = String(error), cause } = error as Error;
      const message = said.replace(/^Expected values.*:\n+([\s\S]*)/, '$1').replace(/\n+/g, ' ');
      const { code } = (cause ?? {}) as { code?: string };
      return `${message.slice(0, 120)}${code === undefined ? '' : ` (${code})`}`;
    },
  );
  if (finding === undefined) mended += 1;
  console.log(`${finding === undefined ? 'MENDED' : 'red   '}  ${peer}: ${name}`);
  if (finding !== undefined) console.log(`        ${finding}`);
}
console.log(`\n${defects.length - mended} of ${defects.length} red on the peer`);
// Agents of peers keep connections, and their timers run on.
process.exit(mended === 0 ? 0 : 1);
