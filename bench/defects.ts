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
    (error: unknown) => String((error as Error)?.message ?? error).split('\n', 1)[0],
  );
  if (finding === undefined) mended += 1;
  console.log(`${finding === undefined ? 'MENDED' : 'red   '}  ${peer}: ${name}`);
  if (finding !== undefined) console.log(`        ${finding}`);
}
console.log(`\n${defects.length - mended} of ${defects.length} red on the peer`);
// Agents of peers keep connections, and their timers run on.
process.exit(mended === 0 ? 0 : 1);
