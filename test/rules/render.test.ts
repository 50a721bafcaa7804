import { describe, expect, test } from 'vitest';
import { parseRules } from '../../src/rules/parse.ts';
import {
  type RenderOptions,
  renderDiagnostics,
  type StyledPart,
  summarizeDiagnostics,
} from '../../src/rules/render.ts';

function rendered(text: string, options: RenderOptions = {}): string {
  const { diagnostics } = parseRules(text, { file: 'bad.yaml' });
  return renderDiagnostics(diagnostics, text, options);
}

/** The file of the specification's example. There the key of line 7 had lost its misspelling. */
const bad = `version: 1
services:
  users: { versions: { v1: http://10.0.0.11:8080, v2: http://10.0.0.21:8080 } }
defaults: { to: users@v1 }
routes:
  - path: /payment/**
    timout: 800ms
    retries: { max: 3, max_delay: 2 }

  - path: /users/**
    to: { users@v1: 90, usres@v2: 20 }
  - path: /users/:id
    timeout: 3 seconds

  - path: **
`;

const expected = `error[FM001]: unknown key \`timout\` in a route
 --> bad.yaml:7:5
  |
7 |     timout: 800ms
  |     ^^^^^^ did you mean \`timeout\`?

error[FM011]: \`max_delay\` needs a unit
 --> bad.yaml:8:35
  |
8 |     retries: { max: 3, max_delay: 2 }
  |                                   ^ a bare number is ambiguous
  = help: write 2s or 2ms

error[FM030]: weights add up to 110, not 100
  --> bad.yaml:11:9
   |
11 |     to: { users@v1: 90, usres@v2: 20 }
   |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ 90 + 20 = 110
   = help: write \`rest\` for one of them to give it what is left

error[FM020]: unknown service \`usres@v2\`
  --> bad.yaml:11:25
   |
11 |     to: { users@v1: 90, usres@v2: 20 }
   |                         ^^^^^^^^ not defined under \`services\`
   = help: did you mean \`users@v2\`?

warning[FM040]: route \`/users/:id\` can never match
  --> bad.yaml:12:11
   |
10 |   - path: /users/**
   |           --------- first match wins here
   ...
12 |   - path: /users/:id
   |           ^^^^^^^^^^ every request it would match is taken above
   = help: move it above \`/users/**\` (line 10)

error[FM010]: \`3 seconds\` is not a duration
  --> bad.yaml:13:14
   |
13 |     timeout: 3 seconds
   |              ^^^^^^^^^ expected a number and a unit: ms, s, m, h or d
   = help: write 3s

error[FM003]: \`**\` is read by YAML as an alias
  --> bad.yaml:15:11
   |
15 |   - path: **
   |           ^^ a value that starts with \`*\` must be quoted
   = help: write "/**"

bad.yaml: 6 errors, 1 warning`;

describe('renderDiagnostics', () => {
  test("§1.5: is the specification's example, letter by letter", () => {
    expect(rendered(bad)).toBe(expected);
  });

  test('§1.5: the same with the line ends of Windows and a byte order mark', () => {
    expect(rendered(`\ufeff${bad.replaceAll('\n', '\r\n')}`)).toBe(expected);
  });

  test('E4: two places of one line are marked below each other', () => {
    expect(rendered('routes: [{ path: /a, path: /b }]')).toBe(`error[FM004]: duplicate key \`path\`
 --> bad.yaml:1:22
  |
1 | routes: [{ path: /a, path: /b }]
  |            ---- the first time
  |                      ^^^^ a second time

bad.yaml: 1 error`);
  });

  test('E8: secrets are masked, and the marks behind them stay where they belong', () => {
    const text = 'routes: [{ path: /a, match: { headers: { x-token: hunter2 } }, timout: 3s }]';
    expect(rendered(text)).not.toContain('hunter2');
    expect(rendered(text)).toContain(
      [
        '1 | routes: [{ path: /a, match: { headers: { x-token: ******** } }, timout: 3s }]',
        `  | ${' '.repeat(64)}^^^^^^ did you mean \`timeout\`?`,
      ].join('\n'),
    );
  });

  test('tabs and wide characters do not move the mark', () => {
    expect(rendered('{\n\t"routes": [{ "path": "/汉字😀", "timout": "3s" }]\n}')).toContain(
      [
        '2 |     "routes": [{ "path": "/汉字😀", "timout": "3s" }]',
        `  | ${' '.repeat(36)}^^^^^^^^ did you mean \`timeout\`?`,
      ].join('\n'),
    );
  });

  test('of a long line the part around the mark is shown', () => {
    const routes = Array.from({ length: 500 }, (_, index) => `{"path":"/r${index}"}`);
    routes.splice(250, 0, '{"path":"/x","timout":"3s"}');
    const [, , , line = '', marks = ''] = rendered(`{"routes":[${routes.join(',')}]}`, {
      columns: 60,
    }).split('\n');
    expect(line.length).toBeLessThanOrEqual(60);
    expect(line).toMatch(/^1 \| ….*…$/);
    expect(line.slice(marks.indexOf('^'), marks.lastIndexOf('^') + 1)).toBe('"timout"');
  });

  test('a mark below several lines ends with the first', () => {
    const text =
      'routes:\n  - path: /a\n    methods: [\n      get\n    ]\n    to:\n      a: 1\n      b: 2\n';
    expect(rendered(text)).toContain('7 |       a: 1\n  |       ^^^^ 1 + 2 = 3');
  });

  test('nothing of a file can steer the terminal', () => {
    const output = rendered('routes: [{ path: /a, "\u001b[2J\u202e": 1, timout\u0007: 2 }]');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    expect(output).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
  });

  test('C4: a style changes no text; `true` is the colours of a terminal', () => {
    const parts = new Set<StyledPart>();
    const color = (part: StyledPart, text: string) => {
      parts.add(part);
      return `<${text}>`;
    };
    expect(rendered(bad, { color }).replaceAll(/[<>]/g, '')).toBe(expected.replaceAll('>', ''));
    expect([...parts].sort()).toEqual(['error', 'frame', 'help', 'message', 'related', 'warning']);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences of colours
    expect(rendered(bad, { color: true }).replaceAll(/\u001b\[[\d;]*m/g, '')).toBe(expected);
  });

  test('is empty where there is nothing to say', () => {
    expect(renderDiagnostics([], 'routes: []')).toBe('');
  });
});

describe('summarizeDiagnostics', () => {
  test('counts each severity', () => {
    const { diagnostics } = parseRules('routes: [{ path: /a }]', { file: 'a.yaml' });
    expect(summarizeDiagnostics('a.yaml', diagnostics)).toBe('a.yaml: 1 info');
    expect(summarizeDiagnostics('a.yaml', [...diagnostics, ...diagnostics])).toBe(
      'a.yaml: 2 infos',
    );
    expect(summarizeDiagnostics('a.yaml', [])).toBe('a.yaml: no problems');
  });
});
