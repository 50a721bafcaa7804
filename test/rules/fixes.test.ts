import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { applyFixes } from '../../src/rules/fixes.ts';
import { parseRules } from '../../src/rules/parse.ts';

function fix(text: string) {
  return applyFixes(text, parseRules(text).diagnostics);
}

describe('applyFixes', () => {
  test('mends several places at once, behind a byte order mark and over lines', () => {
    const text = '\ufeffroutes:\r\n  - path: /a\r\n    timout: 3s\r\n    metods: [GET]\r\n';
    expect(fix(text)).toEqual({
      text: '\ufeffroutes:\r\n  - path: /a\r\n    timeout: 3s\r\n    methods: [GET]\r\n',
      count: 2,
    });
  });

  test('carries out the first of two that concern the same place', () => {
    const range = { line: 1, column: 1, endLine: 1, endColumn: 4, start: 0, end: 3 };
    const diagnostic = {
      code: 'FM001',
      severity: 'error',
      message: '',
      file: '',
      range,
    } as const;
    const both = [
      { ...diagnostic, fix: { range, text: 'one' } },
      { ...diagnostic, fix: { range: { ...range, start: 1, end: 2 }, text: 'two' } },
    ];
    expect(applyFixes('abc def', both)).toEqual({ text: 'one def', count: 1 });
  });

  test('what was fixed is not found again', () => {
    const keys = ['timout', 'retrys', 'metods', 'nmae', 'path'];
    fc.assert(
      fc.property(fc.uniqueArray(fc.constantFrom(...keys)), (written) => {
        const text = `routes: [{ ${written.map((key) => `${key}: 3s`).join(', ')} }]`;
        const { text: fixed } = fix(text);
        expect(fix(fixed).count).toBe(0);
      }),
      { seed: 7, numRuns: 50 },
    );
  });
});
