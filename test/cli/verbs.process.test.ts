import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import { folder, type Run, run } from '../support/command-line.ts';
import { freePort } from '../support/free-port.ts';
import { endAll, serve } from '../support/serving.ts';

const rules = `services: { web: "http://127.0.0.1:3000" }
routes:
  - { name: marked, path: /api/**, methods: [GET], match: { headers: { x-env: canary } }, timeout: 2s }
  - { name: all, path: /**, retries: 0 }
`;

describe('routes', () => {
  test('a table of no more than 100 columns', async () => {
    const { code, stdout } = await run(['routes', '-f', '-'], { input: rules });
    expect({ code, stdout }).toEqual({
      code: 0,
      stdout: `LINE  ROUTE   PATH     WHEN                       TO   TIMEOUT  RETRIES
3     marked  /api/**  GET · header x-env=canary  web  2s       -
4     all     /**      -                          web  -        off
`,
    });
  });

  test('--json has what the table has', async () => {
    const { stdout } = await run(['routes', '-f', '-', '--json'], { input: rules });
    expect(JSON.parse(stdout)[0]).toMatchObject({
      name: 'marked',
      line: 3,
      to: 'web',
      effective: { timeout: { value: '2s', origin: { place: 'route', line: 3 } } },
    });
  });
});

describe('diff', () => {
  test('says what differs; 1 with --exit-code alone', async () => {
    const cwd = await folder({ 'a.yaml': rules, 'b.yaml': rules.replace('2s', '3s') });
    const { code, stdout } = await run(['diff', 'a.yaml', 'b.yaml'], { cwd });
    expect(code).toBe(0);
    expect(stdout).toBe('~ route marked\n    timeout       2s → 3s\n1 changed\n');
    expect((await run(['diff', 'a.yaml', 'b.yaml', '--exit-code'], { cwd })).code).toBe(1);
    expect(await run(['diff', 'a.yaml', 'a.yaml', '--exit-code'], { cwd })).toEqual({
      code: 0,
      stdout: 'no difference\n',
      stderr: '',
    });
  });

  test('secrets are masked, in JSON as well', async () => {
    const route = (region: string, token: string) =>
      `routes:\n  - { path: /**, respond: { status: 204 }, headers: { response: { set: { x-region: ${region}, authorization: "Bearer ${token}" } } } }\n`;
    const cwd = await folder({
      'a.yaml': route('eu', 'geheim-1'),
      'b.yaml': route('us', 'geheim-2'),
    });
    for (const more of [[], ['--json']]) {
      const { stdout } = await run(['diff', 'a.yaml', 'b.yaml', ...more], { cwd });
      expect(stdout).toContain('x-region: us');
      expect(stdout).not.toContain('geheim');
    }
  });

  test('2 where one of them cannot be used', async () => {
    const cwd = await folder({ 'a.yaml': rules, 'b.yaml': 'routes: 1' });
    const { code, stderr } = await run(['diff', 'a.yaml', 'b.yaml'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toContain('--> b.yaml:1:9');
  });
});

describe('init', () => {
  test.each([
    ['node', ['fetchmesh.yaml']],
    ['deno', ['fetchmesh.yaml', 'gateway.ts']],
    ['bun', ['fetchmesh.yaml', 'gateway.ts']],
    ['workers', ['fetchmesh.yaml', 'worker.js', 'wrangler.toml']],
  ])(
    '%s: writes files that pass the check, and three commands to go on with',
    async (runtime, files) => {
      const cwd = await folder();
      const { code, stdout } = await run(['init', '--runtime', runtime], { cwd });
      expect(code).toBe(0);
      for (const file of files) expect(stdout).toContain(`wrote ${file}\n`);
      expect(stdout.match(/^ {2}\S/gm)).toHaveLength(3);
      expect(await run(['check', '--strict'], { cwd })).toEqual({
        code: 0,
        stdout: 'fetchmesh.yaml: no problems\n',
        stderr: '',
      });
    },
  );

  test('leaves alone what is there', async () => {
    const cwd = await folder({ 'fetchmesh.yaml': rules });
    const { code, stderr } = await run(['init'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toBe('fetchmesh.yaml is there already, and was left alone\n');
    expect(await readFile(join(cwd, 'fetchmesh.yaml'), 'utf8')).toBe(rules);
  });

  test('an upstream with a password is refused, and does not show', async () => {
    const { code, stderr } = await run(['init', '--upstream', 'http://ada:geheim@a.example']);
    expect(code).toBe(2);
    expect(stderr).not.toContain('geheim');
  });
});

describe('doctor', () => {
  /** However long this machine takes to load what a question needs. */
  const doctor = ['doctor', '--timeout', '60s'];

  test('asks what the rules name', async () => {
    const server = createServer((_, response) => response.writeHead(404).end());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    const up = `services: { web: "http://127.0.0.1:${port}" }\nroutes: [{ path: /** }]\n`;
    const well = await run([...doctor, '-f', '-', '--store', 'memory:'], { input: up });
    expect(well.stdout).toMatch(
      new RegExp(
        `^√ rules: .*\n√ upstream http://127.0.0.1:${port}: answers 404 in \\d+ ms\n√ store: `,
      ),
    );
    expect(well.code).toBe(0);

    const endpoint = `http://127.0.0.1:${port}`;
    const ill = await run([...doctor, '-f', '-', '--otlp-endpoint', endpoint, '--json'], {
      input: up,
    });
    expect(ill.code).toBe(1);
    expect(JSON.parse(ill.stdout).at(-1)).toMatchObject({
      what: `collector ${endpoint}/v1/traces`,
      ok: false,
      detail: 'answers 404',
    });
  });

  test.each<[state: string, option: readonly string[], says: string, code: number]>([
    [
      'store: "memory:"',
      [],
      '√ state.store: memory: each gateway counts for itself, and breakers decide alone',
      0,
    ],
    [
      'store: { env: NO_SUCH_STORE }',
      [],
      '× state.store: the variable NO_SUCH_STORE is not set\n    serve needs it too',
      1,
    ],
    ['store: { env: NO_SUCH_STORE }', ['--store', 'memory:'], '√ store: memory: each', 0],
    ['store: "redis://127.0.0.1:1"', [], '× state.store: redis://127.0.0.1:1: ECONNREFUSED', 1],
    ['mode: exact', [], '√ rules: -: 1 route\n', 0],
  ])('asks the store that the rules name: state: { %s } %j', async (state, option, says, code) => {
    const input = `state: { ${state} }\nroutes: [{ path: /**, respond: { status: 204 } }]\n`;
    const asked = await run([...doctor, '-f', '-', ...option], { input });
    expect(asked.stdout).toContain(says);
    expect(asked.code).toBe(code);
  });

  test('tells who can reach the admin port of a gateway that runs here', async () => {
    const input = 'routes: [{ path: /**, respond: { status: 204 } }]\n';
    const others = Object.values(networkInterfaces()).flat();
    for (const host of ['127.0.0.1', '0.0.0.0']) {
      const server = createServer((_, response) => response.end('{"status":"ok"}'));
      server.listen(0, host);
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const { code, stdout } = await run([...doctor, '-f', '-', '--admin-port', `${port}`], {
        input,
      });
      server.close();
      const isOpen =
        host === '0.0.0.0' && others.some((each) => each?.family === 'IPv4' && !each.internal);
      expect(stdout).toContain(
        isOpen ? `! admin port ${port}: answers on ` : `√ admin port ${port}: answers on this`,
      );
      expect(code).toBe(0);
    }
  });

  test('a gateway that would refuse the rules cannot do its work', async () => {
    const input = 'routes: [{ path: /a, canary: {}, respond: {} }]\n';
    const { code, stderr } = await run([...doctor, '-f', '-'], { input });
    expect({ code, stderr }).toEqual({ code: 1, stderr: expect.stringContaining('error[FM060]') });
  });

  test('a refused connection is a no with a hint', async () => {
    const input = `services: { web: "http://127.0.0.1:${await freePort()}" }\nroutes: [{ path: /** }]\n`;
    const { code, stdout } = await run([...doctor, '-f', '-'], { input });
    expect(code).toBe(1);
    expect(stdout).toMatch(/^× upstream http:\/\/127\.0\.0\.1:\d+: .+\n {4}is it running/m);
  });
});

describe('completion', () => {
  test('bash completes verbs, and options of the verb', async () => {
    const { stdout } = await run(['completion', 'bash']);
    const complete = async (...words: string[]): Promise<string> => {
      const script = `${stdout}\nCOMP_WORDS=(${words.join(' ')}); COMP_CWORD=${words.length - 1}; _fetchmesh; echo "\${COMPREPLY[@]}"`;
      return (await promisify(execFile)('bash', ['-c', script])).stdout.trim();
    };
    expect(await complete('fetchmesh', 'ch')).toBe('check');
    expect(await complete('fetchmesh', 'check', '--st')).toBe('--strict');
    expect(await complete('fetchmesh', 'serve', '--adm')).toBe('--admin-port --admin-host');
    expect(await complete('fetchmesh', 'init', '--runtime', 'd')).toBe('deno');
    expect(await complete('fetchmesh', 'check', '--explain', 'FM00')).toContain('FM001 FM002');
    expect(await complete('fetchmesh', 'completion', 'z')).toBe('zsh');
    expect(await complete('fetchmesh', 'help', 'dif')).toBe('diff');
  });

  test('every option that the help of a verb names is completed', async () => {
    const script = (await run(['completion', 'powershell'])).stdout;
    const [, table = ''] = /\$options = @\{\n([\s\S]*?)\n {2}\}/.exec(script) ?? [];
    const verbs = [...table.matchAll(/^ {4}'(\w+)' = (.*)$/gm)];
    expect(verbs.map(([, verb]) => verb)).toContain('doctor');
    const helps = await Promise.all(verbs.map(([, verb = '']) => run(['help', verb])));
    for (const [index, [, verb = '', completed]] of verbs.entries()) {
      const { code, stdout } = helps[index] as Run;
      expect(code, verb).toBe(0);
      for (const [, name] of stdout.matchAll(/^ {2}[-A-Z…, a-z]*(--[a-z-]+)/gm)) {
        expect(completed, verb).toContain(`'${name}'`);
      }
    }
  });

  test.each(['zsh', 'fish'])('%s has every verb', async (shell) => {
    const { code, stdout } = await run(['completion', shell]);
    expect(code).toBe(0);
    for (const verb of ['serve', 'check', 'explain', 'doctor']) expect(stdout).toContain(verb);
  });

  test('another shell is a 2', async () => {
    const { code, stderr } = await run(['completion', 'tcsh']);
    expect(code).toBe(2);
    expect(stderr).toContain('which shell? one of bash, zsh, fish, powershell');
  });
});

describe('reload', () => {
  test.each([
    [['reload'], /which process\? give --pid/],
    [['reload', '--pid', '0'], /--pid: '0' is not the number of a process/],
    [['reload', '--pid', '-1'], /./],
    [['reload', '--pid', '999999999'], /there is no process 999999999/],
  ])('2 where there is nobody to tell: %j', async (args, said) => {
    const { code, stderr } = await run(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(said);
  });

  test('nothing is sent where the rules are wrong', async () => {
    const { code, stderr } = await run(['reload', '--pid', String(process.pid), '-f', '-'], {
      input: 'routes: 3',
    });
    expect(code).toBe(1);
    expect(stderr).toContain('error[FM');
  });

  test('nothing is sent where the gateway would refuse the rules, in the way that it was started', async () => {
    const args = ['reload', '--pid', String(process.pid), '-f', '-'];
    const later = await run([...args, '--upstream', 'http://a'], {
      input: 'routes: [{ path: /a, canary: {} }]',
    });
    expect(later).toMatchObject({ code: 1, stderr: expect.stringContaining('error[FM060]') });
    const nowhere = await run(args, { input: 'routes: [{ path: /a }]' });
    expect(nowhere).toMatchObject({ code: 1, stderr: expect.stringContaining('error[FM021]') });
  });

  test.runIf(process.platform === 'linux')(
    'a process that SIGHUP would end is spared',
    async () => {
      const other = spawn('sleep', ['60']);
      onTestFinished(() => void other.kill());
      const { code, stderr } = await run(['reload', '--pid', String(other.pid)]);
      expect({ code, signal: other.signalCode }).toEqual({ code: 2, signal: null });
      expect(stderr).toContain('does not hear SIGHUP');
    },
  );
});

describe('R8: SIGHUP', () => {
  test.each(['node', 'bun', 'deno'] as const)(
    '%s: reads the rules again, watched or not',
    async (runtime) => {
      onTestFinished(endAll);
      const answer = (status: number): string =>
        `routes: [{ path: /**, respond: { status: ${status} } }]\n`;
      const cwd = await folder({ 'rules.yaml': answer(201) });
      const file = join(cwd, 'rules.yaml');
      const gateway = await serve(['-f', file], runtime);
      const told = () => run(['reload', '--pid', String(gateway.process.pid)]);

      await writeFile(file, answer(202));
      expect(await told()).toMatchObject({ code: 0 });
      await gateway.said(/revision \w+ is in force/);
      expect((await fetch(gateway.url)).status).toBe(202);

      await told();
      await gateway.said(/SIGHUP: the rules have not changed/);

      await writeFile(file, 'routes: 3');
      await told();
      await gateway.said(/rules not loaded; revision \w+ stays in force/);
      expect((await fetch(gateway.url)).status).toBe(202);
    },
  );
});
