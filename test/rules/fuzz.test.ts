import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Diagnostic, Range } from '../../src/rules/diagnostics.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';
import { badFiles } from './bad-files.ts';

const seeds = badFiles.map(({ text }) => text);

/** Pieces that mean something to YAML or to the rules language. */
const pieces = [
  ...'{}[]:,-?*&!|>#%@`"\'~<=\\\t\r\n ',
  '\ufeff',
  '\u0000',
  '\ud800',
  '汉😀',
  '${',
  '---\n',
  '? ',
  '<<: ',
  '&a ',
  '*a',
  '!!str ',
  '__proto__: 1\n',
  '.inf',
  '-1e999',
  '0x',
  'rest',
  '~(a+)+',
  'users@v1',
  'path: /**\n',
  'timeout: 3\n',
];

const edit = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(12),
  insert: fc.oneof(
    fc.constantFrom(...pieces),
    fc.constantFrom(...seeds).map((s) => s.slice(0, 40)),
  ),
});

const mutated = fc
  .tuple(fc.constantFrom(...seeds), fc.array(edit, { maxLength: 6 }))
  .map(([seed, edits]) =>
    edits.reduce((text, { at, remove, insert }) => {
      const start = Math.floor(at * text.length);
      return text.slice(0, start) + insert + text.slice(start + remove);
    }, seed),
  );

function expectWithin(text: string, range: Range): void {
  const lines = text.replace(/^\ufeff/, '').split('\n');
  const line = lines[range.line - 1];
  const endLine = lines[range.endLine - 1];
  if (line === undefined || endLine === undefined) throw new Error(`no line ${range.line}`);
  expect(range.column).toBeGreaterThanOrEqual(1);
  expect(range.column).toBeLessThanOrEqual(line.length + 1);
  expect(range.endColumn).toBeLessThanOrEqual(endLine.length + 1);
  expect(range.start).toBeLessThanOrEqual(range.end);
  expect(range.end).toBeLessThanOrEqual(text.length);
  const before = text.slice(0, range.start).replace(/^\ufeff/, '');
  expect(before.split('\n')).toHaveLength(range.line);
}

function placesOf({ range, related = [], fix }: Diagnostic): Range[] {
  return [range, ...related.map((place) => place.range), ...(fix ? [fix.range] : [])];
}

describe('whatever the text', () => {
  test('parsing does not throw, and everything said has a place in the file', () => {
    fc.assert(
      fc.property(mutated, fc.boolean(), (text, isGateway) => {
        const mode = isGateway ? 'gateway' : 'library';
        const { rules, diagnostics } = parseRules(text, { mode, environment: { HOST: 'a' } });
        for (const diagnostic of diagnostics) {
          for (const range of placesOf(diagnostic)) expectWithin(text, range);
        }
        const starts = diagnostics.map(({ range }) => range.start);
        expect(starts).toEqual(starts.toSorted((a, b) => a - b));
        const hasError = diagnostics.some(({ severity }) => severity === 'error');
        expect(rules === undefined).toBe(hasError);
        if (rules !== undefined) expect(JSON.parse(JSON.stringify(rules))).toEqual(rules);
        expect(renderDiagnostics(diagnostics, text)).not.toContain('\u0000');
      }),
      { numRuns: 1_500 },
    );
  });

  test('text that has nothing to do with rules is no exception', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        const { rules, diagnostics } = parseRules(text);
        expect(rules).toBeUndefined();
        expect(diagnostics.length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('E8: secrets never show', () => {
  const secret = fc.stringMatching(/^[A-Za-z0-9+/]{12,24}$/).map((text) => `S3cr3t${text}`);
  const key = fc.constantFrom(
    'token',
    'x-api-key',
    'clientSecret',
    'password',
    'secrets',
    'my_key',
  );
  const styles: readonly ((key: string, secret: string) => string)[] = [
    (key, secret) => `    ${key}: ${secret}\n`,
    (key, secret) => `    ${key}: "${secret}"\n`,
    (key, secret) => `    ${key}: '${secret}' # why\n`,
    (key, secret) => `    ${key}: [${secret}, ${secret}]\n`,
    (key, secret) => `    ${key}:\n      - ${secret}\n`,
    (key, secret) => `    ${key}:\n    - ${secret}\n`,
    (key, secret) => `    ${key}: |\n      ${secret}\n      ${secret}\n`,
    (key, secret) => `    ${key}: {a: ${secret}}\n`,
    (key, secret) => `    ${key}: *${secret}\n`,
    (key, secret) => `    ${key}: &${secret} x\n`,
    (key, secret) => `    ${key}: !${secret} x\n`,
    (key, secret) => `    match: { headers: { ${key}: ${secret} } }\n`,
    (key, secret) => `    match: { headers: { ${key}: "~(${secret}" } }\n`,
    (key, secret) => `    match: { headers: { "${key}": !!str ${secret} } }\n`,
    (_, secret) => `    to: "http://user:${secret}@host/"\n`,
    (key, secret) => `    to: "http://host/?${key}=${secret}"\n`,
  ];

  test('neither in a message nor in a snippet, in whatever style they are written', () => {
    const broken = fc.constantFrom(
      '',
      '    timout: 3\n',
      '    timeout: [\n',
      '\t',
      '    a: b: c\n',
    );
    fc.assert(
      fc.property(secret, key, fc.constantFrom(...styles), broken, (hidden, name, style, rest) => {
        const text = `routes:\n  - path: /a\n${style(name, hidden)}${rest}`;
        const { diagnostics } = parseRules(text);
        const said = renderDiagnostics(diagnostics, text) + JSON.stringify(diagnostics);
        expect(said).not.toContain(hidden);
      }),
      { numRuns: 1_000 },
    );
  });

  test('nor do values of the environment', () => {
    const places = [
      'timeout',
      'path',
      'hosts',
      'methods',
      'to',
      'backoff',
      'name',
      'trailing_slash',
    ];
    fc.assert(
      fc.property(secret, fc.constantFrom(...places), (hidden, place) => {
        const text = `routes: [{ path: /a, ${place}: "\${V} !" }]`.replace(
          'path: /a, path',
          'path',
        );
        const { diagnostics } = parseRules(text, { environment: { V: hidden } });
        const said = renderDiagnostics(diagnostics, text) + JSON.stringify(diagnostics);
        expect(said).not.toContain(hidden);
      }),
    );
  });
});
