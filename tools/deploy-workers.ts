/**
 * `npm run deploy:workers`: the shop on a Cloudflare account.
 *
 * Each Worker goes up after the ones that it is bound to, the gateway last. Every step can be repeated: after a failure,
 * run it again.
 */

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { parseArgs } from 'node:util';
import { newSigningKey } from '../workers/auth/signing-key.ts';
import { provideNamespace, publishRules } from './workers/namespace.ts';
import { builtRules, gateway, rulesFiles, workers } from './workers/shop.ts';
import { checkSigningKey } from './workers/signing-key.ts';
import { StepError, wrangler } from './workers/wrangler.ts';

const help = `npm run deploy:workers -- OPTION: the shop on a Cloudflare account

  --dry-run    build and check all Workers, offline
  --new-key    make a key for auth to sign tokens with; it is not shown or kept anywhere else
  --keep-key   keep the one that was set before

Without --new-key and --keep-key the key is $AUTH_PRIVATE_JWK, an ES256 private key as a JWK.
Log in first: npx wrangler login, or CLOUDFLARE_API_TOKEN and CLOUDFLARE_ACCOUNT_ID.`;

/** The gateway's configuration with the id of the namespace; beside the original, since paths in it are relative. */
const deployedConfig = 'wrangler.deploy.toml';

async function main(): Promise<number> {
  const options = {
    'dry-run': { type: 'boolean', default: false },
    'new-key': { type: 'boolean', default: false },
    'keep-key': { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  } as const;
  let values: ReturnType<typeof parseArgs<{ options: typeof options }>>['values'];
  try {
    ({ values } = parseArgs({ options }));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${help}`);
    return 2;
  }
  if (values.help) {
    console.log(help);
    return 0;
  }
  const done: string[] = [];
  try {
    checkRules();
    if (values['dry-run']) dryRun();
    else await deploy(await signingKey(values), done);
    return 0;
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    console.error(`\n✗ ${error.message}`);
    if (done.length > 0) {
      console.error(`  Done before: ${done.join(', ')}.
  To go on, run it again. To undo it: npm run teardown:workers -- --yes`);
    }
    return 1;
  }
}

function checkRules(): void {
  for (const [source, built] of rulesFiles) {
    if (readFileSync(built, 'utf8') === builtRules(source)) continue;
    throw new StepError(`${built} is not what ${source} says: node tools/workers/build-rules.ts`);
  }
}

function dryRun(): void {
  const directory = mkdtempSync(join(tmpdir(), 'shop-workers-'));
  try {
    for (const { name, config } of workers) {
      wrangler(['deploy', '--dry-run', '--outdir', join(directory, name), '-c', config]);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
  console.log(
    `\n${workers.length} Workers can be deployed: ${workers.map(({ name }) => name).join(', ')}`,
  );
}

/** @returns `undefined` to keep the one that is there. */
async function signingKey(values: {
  'new-key': boolean;
  'keep-key': boolean;
}): Promise<string | undefined> {
  if (values['keep-key']) return undefined;
  if (values['new-key']) return await newSigningKey();
  const given = process.env['AUTH_PRIVATE_JWK'];
  if (!given) {
    throw new StepError(
      'there is no key for auth: set AUTH_PRIVATE_JWK, or say --new-key (the first time) or --keep-key',
    );
  }
  await checkSigningKey(given);
  return given;
}

async function deploy(key: string | undefined, done: string[]): Promise<void> {
  const namespaceId = provideNamespace();
  const revision = publishRules(namespaceId);
  done.push(`rules, revision ${revision}`);
  for (const worker of workers) {
    if (worker === gateway) deployGateway(namespaceId);
    else wrangler(['deploy', '-c', worker.config]);
    if (key !== undefined && worker.name.startsWith('shop-auth')) {
      wrangler(['secret', 'put', 'AUTH_PRIVATE_JWK', '-c', worker.config], { input: key });
    }
    done.push(worker.name);
  }
  console.log(
    `\nThe shop is deployed, its rules at revision ${revision}. The gateway's address stands above.`,
  );
}

function deployGateway(namespaceId: string): void {
  const config = readFileSync(gateway.config, 'utf8');
  const withId = config.replace(/^id = "shop-rules"$/m, `id = ${JSON.stringify(namespaceId)}`);
  if (withId === config) throw new StepError(`${gateway.config} has no line: id = "shop-rules"`);
  writeFileSync(deployedConfig, withId);
  try {
    wrangler(['deploy', '-c', deployedConfig]);
  } finally {
    rmSync(deployedConfig);
  }
}

process.exitCode = await main();
