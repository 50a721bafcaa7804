/** The tools that put the shop on an account, against a wrangler that writes down what it is asked. */

import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { builtRules } from '../../tools/workers/shop.ts';
import { checkSigningKey, demoKeyId } from '../../tools/workers/signing-key.ts';
import { newSigningKey } from '../../workers/auth/signing-key.ts';

/** Keeps an account in a file: namespaces, their keys, and all calls; fails where it is told to. */
const fakeWrangler = `#!/usr/bin/env node
import { readFileSync, writeFileSync } from 'node:fs';
const file = process.env.FAKE_ACCOUNT;
const account = JSON.parse(readFileSync(file, 'utf8'));
const args = process.argv.slice(2);
const at = (option) => args[args.indexOf(option) + 1];
const call = { args };
if (args[0] === 'secret') call.input = readFileSync(0, 'utf8');
if (args[0] === 'deploy') call.config = readFileSync(at('-c'), 'utf8');
account.calls.push(call);
const words = args.slice(0, 3).join(' ');
let code = 0;
if (account.fail && args.join(' ').includes(account.fail)) code = 1;
else if (words === 'kv namespace list') console.log(JSON.stringify(account.namespaces, null, 2));
else if (words === 'kv namespace create') account.namespaces.push({ id: 'id-' + args[3], title: args[3] });
else if (words === 'kv namespace delete') account.namespaces = [];
else if (words === 'kv key list') console.log(JSON.stringify(Object.keys(account.keys).map((name) => ({ name }))));
else if (words === 'kv key get') console.log(account.keys[args[3]]);
else if (words === 'kv key put') {
  account.keys[args[3]] = args.includes('--path') ? readFileSync(at('--path'), 'utf8') : args[4];
}
writeFileSync(file, JSON.stringify(account));
process.exit(code);
`;

interface Account {
  calls: { args: string[]; input?: string; config?: string }[];
  namespaces: { id: string; title: string }[];
  keys: Record<string, string>;
  fail?: string;
}

let directory: string;
let account: { read(): Account; change(changes: Partial<Account>): void };

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'fetchmesh-deploy-'));
  // A module without a suffix needs a package that says so.
  writeFileSync(join(directory, 'package.json'), '{"type":"module"}');
  writeFileSync(join(directory, 'wrangler'), fakeWrangler);
  chmodSync(join(directory, 'wrangler'), 0o755);
  const file = join(directory, 'account.json');
  account = {
    read: () => JSON.parse(readFileSync(file, 'utf8')),
    change: (changes) => writeFileSync(file, JSON.stringify({ ...account.read(), ...changes })),
  };
  writeFileSync(file, JSON.stringify({ calls: [], namespaces: [], keys: {} }));
});
afterEach(() => {
  expect(existsSync('wrangler.deploy.toml')).toBe(false);
  rmSync(directory, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly said: string;
}

function run(tool: string, args: readonly string[], key?: string): Promise<Ended> {
  const { AUTH_PRIVATE_JWK: _, ...environment } = process.env;
  const child = spawn(process.execPath, [`tools/${tool}.ts`, ...args], {
    env: {
      ...environment,
      PATH: `${directory}${delimiter}${process.env['PATH']}`,
      FAKE_ACCOUNT: join(directory, 'account.json'),
      ...(key !== undefined && { AUTH_PRIVATE_JWK: key }),
    },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
  }
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, said })));
}
const deploy = (...args: string[]) => run('deploy-workers', args);

/** The calls so far, without what is the same in each. */
function calls(): string[] {
  return account.read().calls.map(({ args }) =>
    args
      .join(' ')
      .replace(/ --path \S+/, ' --path FILE')
      .replace(' --namespace-id id-shop-rules --remote', ''),
  );
}

const services = [
  'deploy -c workers/inventory/wrangler.toml',
  'deploy -c workers/inventory/wrangler.canary.toml',
  'deploy -c workers/auth/wrangler.toml',
  'secret put AUTH_PRIVATE_JWK -c workers/auth/wrangler.toml',
  'deploy -c workers/auth/wrangler.canary.toml',
  'secret put AUTH_PRIVATE_JWK -c workers/auth/wrangler.canary.toml',
  'deploy -c workers/order/wrangler.toml',
  'deploy -c workers/order/wrangler.canary.toml',
  'deploy -c wrangler.deploy.toml',
];

describe('npm run deploy:workers', () => {
  test('makes the namespace, publishes the rules, deploys in the order of the bindings', async () => {
    const key = await newSigningKey();
    const { code, said } = await run('deploy-workers', [], key);
    expect(said).toContain('The shop is deployed, its rules at revision 1');
    expect(code).toBe(0);
    expect(calls()).toEqual([
      'kv namespace list',
      'kv namespace create shop-rules',
      'kv namespace list',
      'kv key list --prefix rules/shop/',
      'kv key put rules/shop/r/1 --path FILE',
      'kv key put rules/shop/current {"revision":1,"ref":"rules/shop/r/1"}',
      ...services,
    ]);
    const { keys, calls: all } = account.read();
    expect(keys['rules/shop/r/1']).toBe(builtRules('workers/shop.yaml'));
    expect(all.at(-1)?.config).toContain('id = "id-shop-rules"');
    // Through standard input, and through nothing else.
    expect(all.filter(({ input }) => input === key)).toHaveLength(2);
    const { d } = JSON.parse(key) as { d: string };
    expect(said + JSON.stringify(all.map(({ args, config }) => [args, config]))).not.toContain(d);
  });

  test('run again, publishes nothing that is in force already, and can keep the key', async () => {
    await deploy('--new-key');
    account.change({ calls: [] });
    expect(await deploy('--keep-key')).toMatchObject({ code: 0 });
    expect(calls()).toEqual([
      'kv namespace list',
      'kv key list --prefix rules/shop/',
      'kv key get rules/shop/current --text',
      'kv key get rules/shop/r/1 --text',
      ...services.filter((call) => !call.startsWith('secret')),
    ]);
  });

  test('other rules get a revision above all that were ever there', async () => {
    account.change({
      namespaces: [{ id: 'id-shop-rules', title: 'shop-rules' }],
      keys: {
        'rules/shop/r/4': '{}',
        'rules/shop/r/11': '{}',
        'rules/shop/current': '{"revision":9,"ref":"rules/shop/r/4"}',
      },
    });
    expect(await deploy('--new-key')).toMatchObject({ code: 0 });
    expect(JSON.parse(account.read().keys['rules/shop/current'] ?? '')).toEqual({
      revision: 12,
      ref: 'rules/shop/r/12',
    });
  });

  test('a failure half way ends it, and says what was done and how to go on', async () => {
    account.change({ fail: 'deploy -c workers/auth/wrangler.canary.toml' });
    const { code, said } = await deploy('--new-key');
    expect(code).toBe(1);
    expect(calls().at(-1)).toBe('deploy -c workers/auth/wrangler.canary.toml');
    expect(said).toContain("'wrangler deploy -c workers/auth/wrangler.canary.toml' ended with 1");
    expect(said).toContain(
      'Done before: rules, revision 1, shop-inventory, shop-inventory-canary, shop-auth.',
    );
    expect(said).toContain('run it again');
  });

  test('a gateway that fails leaves no configuration behind', async () => {
    account.change({ fail: 'wrangler.deploy.toml' });
    expect(await deploy('--new-key')).toMatchObject({ code: 1 });
  });

  test('--dry-run asks the account for nothing', async () => {
    expect(await deploy('--dry-run')).toMatchObject({ code: 0 });
    expect(calls()).toHaveLength(7);
    for (const call of calls()) expect(call).toMatch(/^deploy --dry-run --outdir \S+ -c /);
  });

  test('without a key nothing is touched', async () => {
    const { code, said } = await deploy();
    expect(code).toBe(1);
    expect(said).toContain('--new-key');
    expect(calls()).toEqual([]);
  });

  test('the demo key is refused before anything is touched, and is not shown', async () => {
    const demo = await newSigningKey(demoKeyId);
    const { code, said } = await run('deploy-workers', [], demo);
    expect(code).toBe(1);
    expect(said).toContain('it is the demo key');
    expect(said).not.toContain((JSON.parse(demo) as { d: string }).d);
    expect(calls()).toEqual([]);
  });

  test('an option that there is not is a matter of usage', async () => {
    expect(await deploy('--dryrun')).toMatchObject({ code: 2 });
    expect(calls()).toEqual([]);
  });
});

describe('a signing key', () => {
  test('of one’s own is taken', async () => {
    await expect(checkSigningKey(await newSigningKey())).resolves.toBeUndefined();
  });

  test.each([
    ['no JSON', 'secret', 'not an ES256 private key'],
    ['a public key', '{"kty":"EC","crv":"P-256","x":"a","y":"b"}', 'not an ES256 private key'],
    ['a symmetric key', '{"kty":"oct","k":"AAAA"}', 'not an ES256 private key'],
    [
      'the example of RFC 7517, appendix A.2',
      '{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE"}',
      'the example of an RFC',
    ],
  ])('%s is refused', async (_, key, why) => {
    await expect(checkSigningKey(key)).rejects.toThrow(why);
  });
});

describe('npm run teardown:workers', () => {
  const deletions = [
    'delete --force -c wrangler.toml',
    'delete --force -c workers/order/wrangler.canary.toml',
    'delete --force -c workers/order/wrangler.toml',
    'delete --force -c workers/auth/wrangler.canary.toml',
    'delete --force -c workers/auth/wrangler.toml',
    'delete --force -c workers/inventory/wrangler.canary.toml',
    'delete --force -c workers/inventory/wrangler.toml',
  ];

  test('says what it would delete, and waits to be told', async () => {
    const { code, said } = await run('teardown-workers', []);
    expect(code).toBe(2);
    expect(said).toContain('shop-gateway');
    expect(calls()).toEqual([]);
  });

  test('deletes in reverse order, the rules last', async () => {
    await deploy('--new-key');
    account.change({ calls: [] });
    expect(await run('teardown-workers', ['--yes'])).toMatchObject({ code: 0 });
    expect(calls()).toEqual([
      ...deletions,
      'kv namespace list',
      'kv namespace delete --namespace-id id-shop-rules --skip-confirmation',
    ]);
    expect(account.read().namespaces).toEqual([]);
  });

  test('what cannot be deleted keeps nothing else, and is named', async () => {
    account.change({ fail: 'workers/order/wrangler.toml' });
    const { code, said } = await run('teardown-workers', ['--yes']);
    expect(code).toBe(1);
    expect(calls()).toEqual([...deletions, 'kv namespace list']);
    expect(said).toContain('Perhaps still there: shop-order\n');
  });
});
