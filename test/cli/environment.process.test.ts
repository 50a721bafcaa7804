import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { folder, run } from '../support/command-line.ts';
import { endAll, serve } from '../support/serving.ts';

afterEach(endAll);

const base = `defaults: { timeout: 5s }
services: { web: "http://127.0.0.1:3000" }
routes:
  - name: web
    path: /**
    to: web
`;
const prod = `defaults: { timeout: 1s }
routes:
  - { name: web, retries: 2 }
`;

function answering(status: number): string {
  return `routes: [{ name: all, path: /**, respond: { status: ${status} } }]\n`;
}

describe('RF-01: an environment is laid over the file', () => {
  const files = { 'fetchmesh.yaml': base, 'fetchmesh.prod.yaml': prod };

  test.each([
    ['by option', ['--env', 'prod'], {}],
    ['by variable', [], { FETCHMESH_ENV: 'prod' }],
    ['the option before the variable', ['--env', 'prod'], { FETCHMESH_ENV: 'dev' }],
  ])('%s, and explain shows the file of every value', async (_, options, env) => {
    const cwd = await folder(files);
    const { code, stdout } = await run(['explain', 'GET', '/a', ...options], { cwd, env });
    expect(stdout).toBe(`GET /a
  > web                 fetchmesh.yaml:4
      to          web
      timeout     1s              defaults, fetchmesh.prod.yaml:1
      retries     2               fetchmesh.prod.yaml:3
`);
    expect(code).toBe(0);
  });

  test('without one nothing is laid over it', async () => {
    const cwd = await folder(files);
    const { stdout } = await run(['explain', 'GET', '/a'], { cwd });
    expect(stdout).toContain('timeout     5s              defaults, line 1\n');
  });

  test('C2: an overlay that is not there is no answer', async () => {
    const cwd = await folder(files);
    expect(await run(['check', '--env', 'stage'], { cwd })).toEqual({
      code: 2,
      stdout: '',
      stderr:
        "fetchmesh check: there is no fetchmesh.stage.yaml, which the environment 'stage' needs\n",
    });
  });

  test('a name that leads elsewhere is none', async () => {
    const { code, stderr } = await run(['check', '--env', '../../etc/passwd'], {
      cwd: await folder(files),
    });
    expect(code).toBe(2);
    expect(stderr).toContain("--env: '../../etc/passwd' is no name");
  });

  test('check --fix mends each file by itself', async () => {
    const cwd = await folder({
      'fetchmesh.yaml': base.replace('timeout', 'timout'),
      'fetchmesh.prod.yaml': prod.replace('retries', 'retires'),
    });
    const { code, stderr } = await run(['check', '--env', 'prod', '--fix'], { cwd });
    expect(stderr).toBe('fetchmesh.yaml: 1 problem fixed\nfetchmesh.prod.yaml: 1 problem fixed\n');
    expect(code).toBe(0);
  });

  test('build writes what comes out', async () => {
    const cwd = await folder(files);
    const { stdout } = await run(['build', '--env', 'prod'], { cwd });
    expect(JSON.parse(stdout).routes).toMatchObject([
      { name: 'web', timeoutMs: 1_000, retries: { max: 2 }, file: 'fetchmesh.yaml', line: 4 },
    ]);
  });
});

describe('RF-06: a directory of rules', () => {
  test('is read in the order of the names, without what is hidden', async () => {
    const cwd = await folder();
    await mkdir(join(cwd, 'rules.d', 'old'), { recursive: true });
    await writeFile(join(cwd, 'rules.d', '20-rest.yml'), 'routes: [{ path: /**, to: web }]\n');
    await writeFile(join(cwd, 'rules.d', '10-web.yaml'), `${base}    timout: 1s\n`);
    await writeFile(join(cwd, 'rules.d', '.swp.yaml'), '{');
    await writeFile(join(cwd, 'rules.d', 'notes.txt'), '{');
    const { code, stdout } = await run(['check', '-f', 'rules.d', '--json'], { cwd });
    expect(
      (JSON.parse(stdout) as { file: string; line: number; code: string }[]).map(
        ({ file, line, code }) => `${file}:${line} ${code}`,
      ),
    ).toEqual(['rules.d/10-web.yaml:7 FM001', 'rules.d/20-rest.yml:1 FM040']);
    expect(code).toBe(1);
  });

  test('all that were read are named where nothing is wrong', async () => {
    const cwd = await folder({ 'a.yaml': answering(201), 'a.prod.yaml': 'x-empty: 1\n' });
    const { stdout } = await run(['check', 'a.yaml', '--env', 'prod'], { cwd });
    expect(stdout).toBe('a.yaml, a.prod.yaml: no problems\n');
  });

  test('C2: one without rules is no answer', async () => {
    const cwd = await folder();
    await mkdir(join(cwd, 'rules.d'));
    const { code, stderr } = await run(['check', 'rules.d'], { cwd });
    expect(code).toBe(2);
    expect(stderr).toBe(
      'fetchmesh check: rules.d holds no rules: no file in it ends in .yaml, .yml, .json\n',
    );
  });
});

describe('RF-07: a change in any of the files is seen', () => {
  test('in the overlay and in the file below it', async () => {
    const cwd = await folder({ 'a.yaml': answering(201), 'a.prod.yaml': 'x-empty: 1\n' });
    const file = join(cwd, 'a.yaml');
    const { url, said, output } = await serve(['-f', file, '--env', 'prod', '--watch']);
    const [, first] = /revision (\w+)/.exec(output()) as RegExpExecArray;
    expect((await fetch(url)).status).toBe(201);

    await writeFile(join(cwd, 'a.prod.yaml'), answering(202));
    await said(/revision \w+ is in force/);
    expect((await fetch(url)).status).toBe(202);

    await writeFile(join(cwd, 'a.prod.yaml'), answering(99));
    await said(/a\.prod\.yaml:1:\d+.*rules not loaded/s);
    expect((await fetch(url)).status).toBe(202);

    await writeFile(join(cwd, 'next.yaml'), 'x-empty: 1\n');
    await rename(join(cwd, 'next.yaml'), join(cwd, 'a.prod.yaml'));
    await said(new RegExp(`revision ${first} is in force`));
    await writeFile(file, answering(203));
    await said(/(?:revision \w+ is in force.*){3}/s);
    expect((await fetch(url)).status).toBe(203);
  });

  test('a file that comes to a directory', async () => {
    const cwd = await folder();
    const directory = join(cwd, 'rules.d');
    await mkdir(directory);
    await writeFile(join(directory, '20.yaml'), answering(201));
    const { url, said } = await serve(['-f', directory, '--watch']);
    await writeFile(
      join(directory, '10.yaml'),
      'routes: [{ path: /new, respond: { status: 202 } }]\n',
    );
    await said(/revision \w+ is in force/);
    expect((await fetch(`${url}/new`)).status).toBe(202);
    expect((await fetch(url)).status).toBe(201);
  });
});
