import { describe, expect, test } from 'vitest';
import type { Diagnostic } from '../../src/rules/diagnostics.ts';
import { toAnnotation, toRecord } from '../../src/rules/formats.ts';

const diagnostic: Diagnostic = {
  code: 'FM030',
  severity: 'info',
  message: '100 % of\n"it", 50: or so',
  file: 'a,b:c.yaml',
  range: { line: 1, column: 2, endLine: 3, endColumn: 4, start: 1, end: 9 },
};

describe('toAnnotation', () => {
  test('escapes what would end a property or the line', () => {
    expect(toAnnotation(diagnostic)).toBe(
      '::notice file=a%2Cb%3Ac.yaml,line=1,col=2,endLine=3,endColumn=4,title=FM030::100 %25 of%0A"it", 50: or so',
    );
  });
});

describe('toRecord', () => {
  test('says null where there is no label and no help, and leaves out the rest', () => {
    expect(toRecord(diagnostic)).toEqual({
      file: 'a,b:c.yaml',
      line: 1,
      col: 2,
      end_line: 3,
      end_col: 4,
      code: 'FM030',
      severity: 'info',
      message: '100 % of\n"it", 50: or so',
      label: null,
      help: null,
    });
  });
});
