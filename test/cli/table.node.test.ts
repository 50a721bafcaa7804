import { expect, test } from 'vitest';
import { table } from '../../src/cli/table.ts';

const rows = [
  ['1', 'a rather long name', 'x'],
  ['20', 'b', 'y'],
];

test('columns stand under their heads, without spaces at the end of a line', () => {
  expect(table(['N', 'NAME', 'Z'], rows, 100)).toBe(
    ['N   NAME                Z', '1   a rather long name  x', '20  b                   y'].join(
      '\n',
    ),
  );
});

test('C9: the widest column is cut where there is no room, and says so', () => {
  expect(table(['N', 'NAME', 'Z'], rows, 17)).toBe(
    ['N   NAME        Z', '1   a rather …  x', '20  b           y'].join('\n'),
  );
});

test('heads stay whole, however narrow the terminal is, and the last columns go', () => {
  const rows = [['1', 'long enough', 'x']];
  expect(table(['NUMBER', 'NAME', 'Z'], rows, 14)).toBe('NUMBER  …\n1       …');
  expect(table(['NUMBER', 'NAME', 'Z'], rows, 16)).toBe('NUMBER  NAME   Z\n1       long…  x');
  expect(table(['NUMBER', 'NAME', 'Z'], rows, 3).split('\n')[0]).toBe('NUMBER  …');
});

test('a wide character takes two columns, and is never halved', () => {
  expect(table(['NAME', 'Z'], [['注文の確認', 'x']], 11)).toBe('NAME      Z\n注文の…   x');
});

test('what would act on a terminal is made visible', () => {
  expect(table(['NAME'], [['a\u001b[31m']], 100)).toBe('NAME\na\\u001b[31m');
});
