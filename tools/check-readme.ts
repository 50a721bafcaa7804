/**
 * Runs `npm start` and every curl line of the README against it, and compares what comes back with what the README says.
 */

import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import process from 'node:process';

const readme = readFileSync('README.md', 'utf8');
const block = /```sh\n(curl http:\/\/localhost:8080\/api\/users[\s\S]*?)```/.exec(readme)?.[1];
if (block === undefined)
  throw new Error('The README has no curl lines any more; what should be tried?');

/** Runs a script in a shell, as a reader would. */
function shell(script: string): string {
  return execFileSync('bash', ['-c', script], { encoding: 'utf8' });
}

/** What each line has to bring, in the order of the README. */
const expectations: readonly RegExp[] = [
  /"id":"ada"/,
  /x-service-version: v[12]/,
  /^$/,
  /"sku":"SKU-001"/,
  /"status":401/,
  /^HTTP\/1.1 403 /,
  /^$/,
  /^$/,
  /http_server_duration_seconds_bucket\{method="GET",status="200",env="canary"/,
  /inventory_request_total\{env="canary"/,
];

const shop = spawn('npm', ['start'], { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
try {
  let output = '';
  while (!output.includes('Ctrl-C ends it')) {
    const [chunk] = await Promise.race([
      once(shop.stdout, 'data'),
      once(shop, 'exit').then(() => [undefined]),
    ]);
    if (chunk === undefined) throw new Error(`npm start ended: ${output}`);
    output += chunk;
  }
  shop.stdout.resume();

  const lines = block.split('\n').filter((line) => line.trim() !== '');
  if (lines.length !== expectations.length) {
    throw new Error(
      `The README has ${lines.length} lines to try, this check ${expectations.length}`,
    );
  }
  const token = lines.find((line) => line.startsWith('TOKEN=')) ?? '';
  // The canaries get one marked request in five: enough of them for the metrics that the README shows.
  shell(`${token}
    for i in $(seq 60); do
      curl -s -o /dev/null -H "x-env: canary" http://localhost:8080/api/users
      curl -s -o /dev/null -H "x-env: canary" -X POST http://localhost:8080/orders \\
        -H "Authorization: Bearer $TOKEN" -d '{"sku":"SKU-001","quantity":1}'
    done`);
  for (const [index, line] of lines.entries()) {
    const said = shell(
      `${token}\n${line.startsWith('TOKEN=') ? '' : line.replace('curl', 'curl -s')}`,
    );
    const expected = expectations[index] as RegExp;
    if (!expected.test(said)) throw new Error(`${line}\nbrought\n${said}\nwhich lacks ${expected}`);
    console.log(`ok  ${line}`);
  }
} finally {
  if (shop.pid !== undefined) process.kill(-shop.pid, 'SIGTERM');
}
