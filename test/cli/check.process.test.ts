import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { folder, run } from '../support/command-line.ts';

const good = `services: { web: "http://127.0.0.1:3000" }
routes: [{ path: /** }]
`;
const bad = `services:
  users: { versions: { v1: "http://10.0.0.1", v2: "http://10.0.0.2" } }
routes:
  - path: /users/**
    timout: 800ms
    to: { users@v1: 90, users@v2: 20 }
  - path: /users/:id
    to: users@v1
`;
/** Nothing but a warning. */
const shadowed = `services: { web: "http://127.0.0.1:3000" }
routes:
  - { name: all, path: /a/** }
  - { name: one, path: /a/b }
`;

const rendered = `error[FM001]: unknown key \`timout\` in a route
 --> fetchmesh.yaml:5:5
  |
5 |     timout: 800ms
  |     ^^^^^^ did you mean \`timeout\`?

error[FM030]: weights add up to 110, not 100
 --> fetchmesh.yaml:6:9
  |
6 |     to: { users@v1: 90, users@v2: 20 }
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 90 + 20 = 110
  = help: write \`rest\` for one of them to give it what is left

warning[FM040]: route \`/users/:id\` can never match
 --> fetchmesh.yaml:7:11
  |
4 |   - path: /users/**
  |           --------- first match wins here
  ...
7 |   - path: /users/:id
  |           ^^^^^^^^^^ every request it would match is taken above
  = help: move it above \`/users/**\` (line 4)

fetchmesh.yaml: 2 errors, 1 warning
`;

describe('what it says', () => {
  test('E1: all problems of the file that is there, on standard output, and nothing elsewhere', async () => {
    const cwd = await folder({ 'fetchmesh.yaml': bad });
    expect(await run(['check'], { cwd })).toEqual({ code: 1, stdout: rendered, stderr: '' });
  });

  test('C2: 0 and one line where there is nothing to say', async () => {
    const cwd = await folder({ 'rules.yaml': good });
    const { code, stdout } = await run(['check'], { cwd });
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'rules.yaml: no problems\n' });
  });

  test('several files, and standard input, each by its name', async () => {
    const cwd = await folder({ 'a.yaml': good, 'b.yaml': shadowed });
    const { code, stdout } = await run(['check', 'a.yaml', 'b.yaml', '-'], { cwd, input: bad });
    expect(code).toBe(1);
    expect(stdout).toContain('a.yaml: no problems\n');
    expect(stdout).toContain('b.yaml: 1 warning\n');
    expect(stdout).toContain('<stdin>: 2 errors, 1 warning\n');
  });

  test('E2: --explain says what a code means, written as one likes', async () => {
    const { code, stdout } = await run(['check', '--explain', 'fm030']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^FM030: weights do not add up to 100\n\n.*exactly 100/s);
  });

  test.each([
    ['neither', {}, false],
    ['FORCE_COLOR', { FORCE_COLOR: '1' }, true],
    ['NO_COLOR', { NO_COLOR: '1' }, false],
    ['FORCE_COLOR against NO_COLOR', { FORCE_COLOR: '1', NO_COLOR: '1' }, true],
  ])('C4: colours in a pipe with %s', async (_, env, colored) => {
    const { stdout } = await run(['check', '-'], { input: bad, env });
    expect(stdout.includes('\u001b[')).toBe(colored);
    expect(stripVTControlCharacters(stdout)).toContain('error[FM001]: unknown key');
  });
});

describe('for machines', () => {
  test('E5: --json is a list of records; C3: the exit code is the same', async () => {
    const { code, stdout, stderr } = await run(['check', '--json', '-'], { input: bad });
    expect({ code, stderr }).toEqual({ code: 1, stderr: '' });
    const records = JSON.parse(stdout);
    expect(records).toHaveLength(3);
    expect(records[0]).toEqual({
      file: '<stdin>',
      line: 5,
      col: 5,
      end_line: 5,
      end_col: 11,
      code: 'FM001',
      severity: 'error',
      message: 'unknown key `timout` in a route',
      label: 'did you mean `timeout`?',
      help: null,
      fix: { range: { line: 5, col: 5, end_line: 5, end_col: 11 }, text: 'timeout' },
    });
    expect(records[2].related).toEqual([
      { line: 4, col: 11, end_line: 4, end_col: 20, label: 'first match wins here' },
    ]);
  });

  test('C3: --json of a file without problems is an empty list', async () => {
    const { code, stdout } = await run(['check', '--json', '-'], { input: good });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '[]\n' });
  });

  test('E5: --format github prints annotations', async () => {
    const { code, stdout } = await run(['check', '--format', 'github', '-'], { input: bad });
    expect(code).toBe(1);
    expect(stdout.split('\n')[0]).toBe(
      '::error file=<stdin>,line=5,col=5,endLine=5,endColumn=11,title=FM001::unknown key `timout` in a route%0Adid you mean `timeout`?',
    );
  });
});

describe('what counts', () => {
  test('warnings are a yes, and a no with --strict', async () => {
    const cwd = await folder({ 'rules.yaml': shadowed });
    expect((await run(['check'], { cwd })).code).toBe(0);
    expect((await run(['check', '--strict'], { cwd })).code).toBe(1);
  });

  test.each([
    [['-S', 'FM040'], 0],
    [['-S', 'FM040=route:one'], 0],
    [['-S', 'FM040=route:all'], 1],
    [['-S', 'FM041'], 1],
  ])('%s leaves out what it names', async (args, code) => {
    const run1 = await run(['check', '--strict', ...args, '-'], { input: shadowed });
    expect(run1.code).toBe(code);
  });

  test('-S CODE=route:NAME means the route that an overlay changes, wherever that begins', async () => {
    const cwd = await folder({
      'fetchmesh.yaml': shadowed,
      'fetchmesh.prod.yaml': `routes:
  - { name: one, timeout: 3s, retries: { max: 3, per_try: 5s } }
  - { name: new, path: /n, timeout: 3s, retries: { max: 3, per_try: 5s } }
`,
    });
    const prod = ['check', '--env', 'prod', '--json'];
    async function left(...suppressed: string[]): Promise<readonly string[]> {
      const args = suppressed.flatMap((each) => ['-S', each]);
      const { stdout } = await run([...prod, ...args], { cwd });
      return JSON.parse(stdout).map(
        ({ code, file, line }: Record<string, string>) => `${code} ${file}:${line}`,
      );
    }
    const [shadow, one, added] = [
      'FM040 fetchmesh.yaml:4',
      'FM032 fetchmesh.prod.yaml:2',
      'FM032 fetchmesh.prod.yaml:3',
    ];
    expect(await left()).toEqual([shadow, one, added]);
    expect(await left('FM032=route:one')).toEqual([shadow, added]);
    expect(await left('FM032=route:new')).toEqual([shadow, one]);
    expect(await left('FM040=route:one', 'FM032=route:all')).toEqual([one, added]);
  });

  test('an error is never left out', async () => {
    const { code } = await run(['check', '-S', 'FM001', '-S', 'FM030', '-'], { input: bad });
    expect(code).toBe(1);
  });

  test('-q says nothing of what is not an error', async () => {
    const { code, stdout } = await run(['check', '-q', '-'], { input: shadowed });
    expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  });

  test('FM060 is a warning here: the file is well written, only not for this version', async () => {
    const input =
      'services: { a: "http://a" }\nroutes: [{ path: /**, canary: { candidate: a } }]\n';
    const { code, stdout } = await run(['check', '-'], { input });
    expect(code).toBe(0);
    expect(stdout).toContain('warning[FM060]: `canary` is not available in this version');
  });
});

describe('E6: --fix', () => {
  test('mends the file where there is no doubt, and checks what comes out', async () => {
    const cwd = await folder({ 'rules.yaml': bad });
    const { code, stdout, stderr } = await run(['check', '--fix', 'rules.yaml'], { cwd });
    expect(code).toBe(1);
    expect(stderr).toBe('rules.yaml: 1 problem fixed\n');
    expect(stdout).toContain('rules.yaml: 1 error, 1 warning\n');
    expect(await readFile(join(cwd, 'rules.yaml'), 'utf8')).toBe(bad.replace('timout', 'timeout'));
  });

  test('is a filter between standard input and output', async () => {
    const { stdout, stderr } = await run(['check', '--fix', '-'], { input: bad });
    expect(stdout).toBe(bad.replace('timout', 'timeout'));
    expect(stderr).toContain('<stdin>: 1 error, 1 warning');
  });

  test('leaves a file alone in which nothing can be mended', async () => {
    const cwd = await folder({ 'rules.yaml': good });
    const { stderr } = await run(['check', '--fix'], { cwd });
    expect(stderr).toBe('rules.yaml: 0 problems fixed\n');
    expect(await readFile(join(cwd, 'rules.yaml'), 'utf8')).toBe(good);
  });
});

describe('C2: 2 where it cannot answer', () => {
  test.each([
    [
      ['check'],
      /no rules: there is neither fetchmesh\.yaml nor rules\.yaml here; name a file, or .*init/,
    ],
    [['check', 'missing.yaml'], /cannot read missing\.yaml/],
    [['check', '--strct'], /unknown option --strct; did you mean --strict\?/],
    [['check', '--format', 'xml', '-'], /--format: 'xml' is none of text, json, github/],
    [['check', '--explain', 'FM999'], /there is no code 'FM999'/],
    [['check', '-S', 'everything', '-'], /-S: 'everything' is not a code/],
    [['chek'], /unknown verb 'chek'; did you mean check\?/],
    [['tap'], /tap is not available in this version/],
  ])('%j', async (args, said) => {
    const { code, stdout, stderr } = await run(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(said);
  });
});

test('C7: help begins with two examples', async () => {
  const { code, stdout } = await run(['check', '--help']);
  expect(code).toBe(0);
  expect(stdout.match(/^ {2}npx fetchmesh check/gm)).toHaveLength(2);
});

test('--version is that of the package', async () => {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  expect((await run(['--version'])).stdout).toBe(`${JSON.parse(text).version}\n`);
});
