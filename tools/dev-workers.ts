/**
 * `npm run dev:workers`: the whole shop on workerd on this machine, seven Workers joined by service bindings, without a
 * network.
 */

import { spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { newSigningKey } from '../workers/auth/signing-key.ts';
import { buildRules, gateway, workers } from './workers/shop.ts';
import { demoKeyId, devVars } from './workers/signing-key.ts';
import { environment } from './workers/wrangler.ts';

const url = 'http://localhost:8080';
const help = `npm run dev:workers

Runs the shop on workerd on this machine, by wrangler: seven Workers, ${url}. It has no options; Ctrl-C ends it.`;

const [argument] = process.argv.slice(2);
if (argument === '--help' || argument === '-h') {
  console.log(help);
  process.exit(0);
}
if (argument !== undefined) {
  console.error(`'${argument}': there are no options\n\n${help}`);
  process.exit(2);
}

buildRules();
if (!existsSync(devVars)) {
  writeFileSync(devVars, `AUTH_PRIVATE_JWK='${await newSigningKey(demoKeyId)}'\n`, { mode: 0o600 });
}
console.log(`The shop opens on ${url} in a moment. Then try, in another terminal:

  curl ${url}/api/users
  curl -i -H "x-env: canary" ${url}/api/users      # one in five is answered by v2

  TOKEN=$(curl -s -X POST ${url}/auth/token -d '{"user":"ada"}' | sed 's/.*:"\\(.*\\)".*/\\1/')
  curl -X POST ${url}/orders -H "Authorization: Bearer $TOKEN" -d '{"sku":"SKU-001","quantity":1}'
  curl -i ${url}/admin/users -H "Authorization: Bearer $TOKEN"     # 403: ada is no admin, grace is

  curl ${url}/metrics

Other rules, without a restart: edit workers/shop.yaml, and a minute after these they are in force.

  node tools/workers/build-rules.ts
  npx wrangler kv key put --binding RULES --local rules/shop/r/1 --path workers/shop.json
  npx wrangler kv key put --binding RULES --local rules/shop/current '{"revision":1,"ref":"rules/shop/r/1"}'
`);

// The first file is the Worker that the port leads to.
const configs = [gateway, ...workers.filter((worker) => worker !== gateway)];
const dev = spawn(
  'wrangler',
  ['dev', '--port', '8080', ...configs.flatMap(({ config }) => ['-c', config])],
  { stdio: 'inherit', env: environment, shell: process.platform === 'win32' },
);
// wrangler gets Ctrl-C as well, and ends by itself.
process.on('SIGINT', () => {});
process.on('SIGTERM', () => dev.kill('SIGTERM'));
dev.on('error', (error) => {
  console.error(`cannot run wrangler (${error.message}); use npm run dev:workers, after npm ci`);
  process.exitCode = 1;
});
dev.on('exit', (code) => {
  process.exitCode = code ?? 0;
});
