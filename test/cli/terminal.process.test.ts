import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, test } from 'vitest';
import { displayWidth } from '../../src/rules/display.ts';
import { folder, run } from '../support/command-line.ts';
import { runInTerminal } from '../support/terminal.ts';

/** The article's own line, testers, a split, and the rest. */
const good = `version: 1
defaults:
  timeout: 5s
  retries: { max: 1, retry_on: [connect, 502, 503, 504] }
  breaker: { error_rate: 50%, min_requests: 20, window: 10s, open_for: 5s }
auth:
  main: { issuer: "https://id.example.com/", audience: shop, jwks: "https://id.example.com/jwks.json" }
services:
  web: http://127.0.0.1:3000
  users: { versions: { v1: "http://10.0.0.11:8080", v2: "http://10.0.0.21:8080" } }
routes:
  - { path: /api/v1/users, timeout: 3s, retries: 2, backoff: exponential, to: users@v1 }
  - { name: users-beta, path: /api/v2/users/**, match: { headers: { x-tester: "true" } }, to: users@v2 }
  - name: users
    path: /api/v2/users/**
    to: { users@v1: 90, users@v2: 10 }
    sticky: { by: "cookie:sid", ttl: 1h }
    rate_limit: { limit: 100, per: 1m, burst: 20, by: "jwt:sub" }
    auth: { jwt: main, allow: [{ claims: { scope: users.read } }] }
  - { path: /**, to: web, retries: 0 }
`;

const explained = `GET /api/v2/users/42
  - /api/v1/users       path differs at segment 2: "v2" is not "v1"
  - users-beta          path ok; header x-tester missing, wanted "true"
  > users               fetchmesh.yaml:14
      to          users@v1        bucket 151 of 10000 by cookie:sid; users@v2 takes 9000-9999 (10%)
      timeout     5s              defaults, line 3
      retries     1, connect 502 503 504            defaults, line 4
      breaker     50% of >=20 in 10s, open 5s       defaults, line 5
      rate limit  100 per 1m, burst 20, by jwt:sub  line 18
      auth        jwt main; claim scope has users.read  line 19
  1 later route would also match: /**
`;

/** What the specification of diagnostics shows, mistake by mistake. */
const bad = `services:
  users: { versions: { v1: "http://10.0.0.11", v2: "http://10.0.0.21" } }
routes:
  - path: /users/**
    to: { users@v1: 90, usres@v2: 20 }
    timout: 800ms
    retries: { max: 3, max_delay: 2 }
  - path: /users/:id
    timeout: 3 seconds
    to: users@v1
`;

const complained = `error[FM030]: weights add up to 110, not 100
 --> fetchmesh.yaml:5:9
  |
5 |     to: { users@v1: 90, usres@v2: 20 }
  |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 90 + 20 = 110
  = help: write \`rest\` for one of them to give it what is left

error[FM020]: unknown service \`usres@v2\`
 --> fetchmesh.yaml:5:25
  |
5 |     to: { users@v1: 90, usres@v2: 20 }
  |                         ^^^^^^^^ not defined under \`services\`
  = help: did you mean \`users@v2\`?

error[FM001]: unknown key \`timout\` in a route
 --> fetchmesh.yaml:6:5
  |
6 |     timout: 800ms
  |     ^^^^^^ did you mean \`timeout\`?

error[FM011]: \`max_delay\` needs a unit
 --> fetchmesh.yaml:7:35
  |
7 |     retries: { max: 3, max_delay: 2 }
  |                                   ^ a bare number is ambiguous
  = help: write 2s or 2ms

warning[FM040]: route \`/users/:id\` can never match
 --> fetchmesh.yaml:8:11
  |
4 |   - path: /users/**
  |           --------- first match wins here
  ...
8 |   - path: /users/:id
  |           ^^^^^^^^^^ every request it would match is taken above
  = help: move it above \`/users/**\` (line 4)

error[FM010]: \`3 seconds\` is not a duration
 --> fetchmesh.yaml:9:14
  |
9 |     timeout: 3 seconds
  |              ^^^^^^^^^ expected a number and a unit: ms, s, m, h or d
  = help: write 3s

fetchmesh.yaml: 5 errors, 1 warning
`;

const esc = '\u001b[';

describe('what a terminal of 100 columns shows is what a pipe gets', () => {
  test('explain', async () => {
    const cwd = await folder({ 'fetchmesh.yaml': good });
    const args = ['explain', 'GET', 'https://shop/api/v2/users/42', '-H', 'cookie: sid=abc'];
    expect(await run(args, { cwd })).toEqual({ code: 0, stdout: explained, stderr: '' });
    const shown = await runInTerminal(args, { cwd, columns: 100 });
    expect(shown).toEqual({ code: 0, output: explained });
  });

  test('check, in colours', async () => {
    const cwd = await folder({ 'fetchmesh.yaml': bad });
    expect(await run(['check'], { cwd })).toEqual({ code: 1, stdout: complained, stderr: '' });
    const { code, output } = await runInTerminal(['check'], { cwd, columns: 100 });
    expect({ code, output: stripVTControlCharacters(output) }).toEqual({
      code: 1,
      output: complained,
    });
    expect(output).toContain(`${esc}1;31merror[FM030]${esc}0m`);
  });
});

describe('C4: colours', () => {
  test.each<[env: Record<string, string>, isColored: boolean]>([
    [{}, true],
    [{ NO_COLOR: '' }, true],
    [{ NO_COLOR: '1' }, false],
    [{ TERM: 'dumb' }, false],
    [{ FORCE_COLOR: '1', NO_COLOR: '1', TERM: 'dumb' }, true],
    [{ FORCE_COLOR: '0' }, false],
  ])('on a terminal with %j', async (env, isColored) => {
    const cwd = await folder({ 'fetchmesh.yaml': bad });
    const { output } = await runInTerminal(['check'], { cwd, env });
    expect(output.includes(esc)).toBe(isColored);
    // Nothing is told by colour alone.
    expect(stripVTControlCharacters(output)).toContain('error[FM001]: unknown key `timout`');
  });

  test('--no-color', async () => {
    const cwd = await folder({ 'fetchmesh.yaml': bad });
    const { output } = await runInTerminal(['check', '--no-color'], { cwd });
    expect(output).not.toContain(esc);
  });

  /** These print what is wrong on standard error. */
  const verbs: readonly (readonly string[])[] = [
    ['explain', '/a'],
    ['build'],
    ['publish', '--yes', '--to', 'redis://127.0.0.1:1'],
    ['serve', '-f', 'fetchmesh.yaml'],
  ];
  test.each(verbs)('%s: those of the stream that it is printed on', async (...args) => {
    const cwd = await folder({ 'fetchmesh.yaml': bad });
    const shown = await runInTerminal(args, { cwd, shell: ['', '> /dev/null'] });
    expect(shown.output).toContain(`${esc}1;31merror[FM030]`);
    const dumb = await runInTerminal(args, { cwd, env: { TERM: 'dumb' } });
    expect(dumb.output).toContain('error[FM030]');
    expect(dumb.output).not.toContain(esc);
    const forced = await run(args, { cwd, env: { FORCE_COLOR: '1' } });
    expect(forced.stderr).toContain(`${esc}1;31merror[FM030]`);
  });

  test('an answer that goes into a pipe has none, wherever the rest goes', async () => {
    const cwd = await folder({ 'fetchmesh.yaml': bad });
    const { output } = await runInTerminal(['check'], { cwd, shell: ['', '| cat'] });
    expect(output).toBe(complained);
  });
});

describe('C1, C2 and C3: streams and exit codes', () => {
  const asked: readonly (readonly [args: readonly string[], file: string, code: number])[] = [
    [['check'], good, 0],
    [['check'], bad, 1],
    [['check', '--json'], bad, 1],
    [['explain', '--json', '/nowhere'], 'routes: [{ path: /a }]', 1],
    [['routes', '--json'], good, 0],
    [['routes'], bad, 2],
    [['diff', 'fetchmesh.yaml', 'fetchmesh.yaml', '--json'], good, 0],
    [['build'], bad, 1],
    [['check', '--strct'], good, 2],
    [['chek'], good, 2],
  ];
  test.each(asked)('%j', async (args, file, code) => {
    const cwd = await folder({ 'fetchmesh.yaml': file });
    const piped = await run(args, { cwd });
    expect(piped.code).toBe(code);
    const shell = ['', '2> errors'] as const;
    const shown = await runInTerminal(args, { cwd, shell, env: { NO_COLOR: '1' }, columns: 100 });
    expect(shown).toEqual({ code, output: piped.stdout });
    expect(await readFile(join(cwd, 'errors'), 'utf8')).toBe(piped.stderr);
    // What could not be answered leaves nothing that looks like an answer.
    if (code === 2) expect(piped.stdout).toBe('');
    if (args.includes('--json')) expect(() => JSON.parse(piped.stdout)).not.toThrow();
  });

  test('C2: 130 on Ctrl-C', async () => {
    const { code } = await runInTerminal(['check', '-'], {
      shell: ['echo ready; exec', ''],
      keys: [{ after: 'ready', press: '\u0003' }],
    });
    expect(code).toBe(130);
  });

  test('C2: Ctrl-C lets a gateway end what it has begun, which is no failure', async () => {
    const ports = ['--port', '0', '--admin-port', '0'];
    const { code, output } = await runInTerminal(
      ['serve', '--upstream', 'http://127.0.0.1:3000', ...ports],
      { keys: [{ after: 'readiness on', press: '\u0003' }], columns: 200 },
    );
    expect(output).toContain('fetchmesh: draining 0 requests');
    expect(code).toBe(0);
  });
});

describe('narrow terminals', () => {
  const long = `services: { web: "http://127.0.0.1:3000", api: { versions: { v1: "http://127.0.0.1:3002", v2: "http://127.0.0.1:3003" } } }
routes:
  - { name: a-name-that-goes-on-and-on-and-on-and-on, path: "/api/:version/orders/:order/items/**", methods: [GET, HEAD], to: { api@v1: 90, api@v2: 10 }, sticky: { by: "cookie:sid" }, rate_limit: { limit: 100, per: 1m, burst: 20, by: ip } }
  - { name: wide, path: /**, match: { query: { 配送先の住所を確認する: "東京都千代田区丸の内" } }, to: web, fallback: { respond: { status: 503, body: "ただいま混み合っております 😀 しばらくしてから" } } }
  - { name: rest, path: /**, to: web }
`;

  /** The lines that are wider than the terminal. */
  function tooWide(output: string, columns: number): readonly string[] {
    const lines = stripVTControlCharacters(output).split('\n');
    return lines.filter((line) => displayWidth(line) > columns);
  }

  test.each([40, 60, 80])('%i columns: a table is cut, and shows where', async (columns) => {
    const cwd = await folder({ 'fetchmesh.yaml': long });
    const { code, output } = await runInTerminal(['routes'], { cwd, columns });
    expect(code).toBe(0);
    expect(tooWide(output, columns)).toEqual([]);
    const [head, ...rows] = output.trimEnd().split('\n');
    expect(head).toMatch(/^LINE {2}ROUTE .*PATH/);
    expect(rows).toHaveLength(3);
    expect(rows[0]).toContain('…');
  });

  test('C9: a table takes 100 columns elsewhere, and what it needs with --wide', async () => {
    const cwd = await folder({ 'fetchmesh.yaml': long });
    const { stdout } = await run(['routes'], { cwd });
    expect(tooWide(stdout, 100)).toEqual([]);
    const { output } = await runInTerminal(['routes', '--wide'], { cwd, columns: 40 });
    expect(output).not.toContain('…\n');
    expect(output).toContain('query 配送先の住所を確認する=東京都千代田区丸の内');
  });

  test.each([40, 60, 80])('%i columns: explanations are folded', async (columns) => {
    const cwd = await folder({ 'fetchmesh.yaml': long });
    const args = ['explain', '/api/1/orders/2/items/3', '-b', 'sid=abc'];
    const { output } = await runInTerminal(args, { cwd, columns });
    expect(tooWide(output, columns)).toEqual([]);
    // Word by word it is what a pipe gets.
    const { stdout } = await run(args, { cwd });
    expect(output.split(/\s+/)).toEqual(stdout.split(/\s+/));
  });

  test.each([40, 60, 80])('%i columns: the mark stands under what is meant', async (columns) => {
    const cwd = await folder({
      'fetchmesh.yaml': long
        .replace('to: { api@v1: 90', 'itmes: 1, to: { api@v1: 90')
        .replace('to: web, fallback', '混み合: 1, to: web, fallback'),
    });
    const { output } = await runInTerminal(['check'], { cwd, columns });
    const lines = stripVTControlCharacters(output).split('\n');
    const snippets = lines.filter((line) => /^\d+ \| /.test(line));
    expect(tooWide(snippets.join('\n'), columns)).toEqual([]);
    const found = lines.flatMap((line, index) => {
      const mark = /^ +\| ( *)(\^+)/.exec(line);
      const [, before = '', carets = ''] = mark ?? [];
      const text = /^\d+ \| (.*)/.exec(lines[index - 1] ?? '')?.[1] ?? '';
      return mark ? [columnsOf(text, before.length, carets.length)] : [];
    });
    expect(found).toEqual(['itmes', '混み合']);
  });

  /** The part of a text that stands in these columns. */
  function columnsOf(text: string, from: number, count: number): string {
    let column = 0;
    let part = '';
    for (const character of text) {
      if (column >= from && column < from + count) part += character;
      column += displayWidth(character);
    }
    return part;
  }

  test.each([
    ['explain', ['explain', '/a']],
    ['build', ['build']],
    ['serve', ['serve', '-f', 'fetchmesh.yaml']],
  ])('%s: what is wrong is cut to the terminal that it is shown on', async (_, args) => {
    const cwd = await folder({
      'fetchmesh.yaml': long.replace('to: { api', 'itmes: 1, to: { api'),
    });
    const { output } = await runInTerminal(args, { cwd, columns: 40 });
    const snippets = stripVTControlCharacters(output).match(/^\d+ \| .*/gm) ?? [];
    expect(snippets).toHaveLength(1);
    expect(tooWide(snippets.join('\n'), 40)).toEqual([]);
  });
});

describe('nothing in a file steers the terminal', () => {
  const hostile = `services: { web: "http://127.0.0.1:3000" }
routes: [{ name: a, path: /a, match: { query: { x: "\\e[31mred\\u009b2J\\u202e" } } }]
`;

  test.each([
    ['check', ['check']],
    ['routes', ['routes']],
    ['explain', ['explain', '/a']],
    ['diff', ['diff', 'fetchmesh.yaml', 'other.yaml']],
  ])('%s', async (_, args) => {
    const other = hostile.replace('red', 'blue');
    const cwd = await folder({ 'fetchmesh.yaml': hostile, 'other.yaml': other });
    const { stdout, stderr } = await run(args, { cwd });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
    expect(stdout + stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(stdout).not.toBe('');
  });
});

test('C6: an unknown verb or option brings the one to mind that was meant', async () => {
  const { output } = await runInTerminal(['rollbak']);
  expect(output).toContain("fetchmesh: unknown verb 'rollbak'; did you mean rollback?");
  const option = await runInTerminal(['routes', '--wied']);
  expect(option.output).toContain('unknown option --wied; did you mean --wide?');
});

test('C7: the help of each verb begins with two examples', async () => {
  const { stdout } = await run(['help']);
  expect(await run(['help', '--help'])).toMatchObject({ code: 0, stdout });
  const verbs = [...stdout.matchAll(/^ {2}(\w+) +\w/gm)].map(([, verb = '']) => verb);
  expect(verbs).toContain('check');
  await Promise.all(verbs.filter((verb) => verb !== 'npx').map(asked));

  async function asked(verb: string): Promise<void> {
    const { code, stdout } = await run([verb, '--help']);
    expect({ verb, code }).toEqual({ verb, code: 0 });
    const [, blank, ...lines] = stdout.split('\n');
    const examples = lines.slice(0, lines.indexOf(''));
    expect(blank).toBe('');
    expect(examples.length, verb).toBeGreaterThanOrEqual(2);
    for (const example of examples) expect(example).toContain('npx fetchmesh ');
  }
});
