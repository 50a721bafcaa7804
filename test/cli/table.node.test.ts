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

test('heads stay whole, however narrow the terminal is', () => {
  expect(table(['NUMBER', 'NAME'], [['1', 'long enough']], 3).split('\n')[0]).toBe('NUMBER  NAME');
});
