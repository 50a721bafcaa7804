import { describe, expect, test } from 'vitest';
import { codes } from '../../src/rules/codes.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { badFiles } from './bad-files.ts';

describe('E1: all that is wrong with a file is found in one go, in the order of the file', () => {
  test.each(badFiles)('$name', ({ text, options, expected }) => {
    const { diagnostics } = parseRules(text, options);
    const found = diagnostics.map(
      ({ range, severity, code, message }) =>
        `${range.line}:${range.column} ${severity}[${code}] ${message}`,
    );
    expect(found).toEqual(expected);
  });

  test('rules are made of a file exactly if nothing in it is an error', () => {
    for (const { text, options, expected } of badFiles) {
      const { rules } = parseRules(text, options);
      const hasError = expected.some((line) => line.includes(' error['));
      expect(rules === undefined, text).toBe(hasError);
    }
  });

  test('E2: every code is found in one of the files', () => {
    const found = new Set(badFiles.flatMap(({ expected }) => expected.join().match(/FM\d{3}/g)));
    expect([...found].sort()).toEqual(Object.keys(codes));
  });

  test('each says beside the marked place what is wrong there, or below how to mend it', () => {
    const bare = badFiles.flatMap(({ name, text, options }) =>
      parseRules(text, options)
        .diagnostics.filter(({ label, help }) => label === undefined && help === undefined)
        .map(({ code, message }) => `${name}: ${code} ${message}`),
    );
    expect(bare).toEqual([]);
  });

  test('E8: no message, label or help repeats a secret', () => {
    for (const { text, options } of badFiles) {
      const said = parseRules(text, options).diagnostics.map((diagnostic) => {
        const { message, label, help, fix } = diagnostic;
        return [message, label, help, fix?.text].join();
      });
      expect(said.join()).not.toMatch(/hunter2|s3cret/);
    }
  });
});
