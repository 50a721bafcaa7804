import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileProblem, nearbyFile } from '../../src/cli/file-problem.ts';
import { folder } from '../support/command-line.ts';

test('a file beside that bears nearly the name', async () => {
  const path = await folder({
    'rules.yaml': '',
    'rules.zip': '',
    'spec.yaml': '',
    'notes.txt': '',
  });
  const nearby = (file: string): string => nearbyFile(file, ['.yaml', '.yml']);
  expect(nearby(join(path, 'rule.yaml'))).toBe('; did you mean rules.yaml?');
  expect(nearby(join(path, 'spec.yml'))).toBe('; did you mean spec.yaml?');
  expect(nearby(join(path, 'nope.yaml'))).toBe('');
  expect(nearby(join(path, 'note.yaml'))).toBe('');
  expect(nearby(join(path, 'none', 'rules.yaml'))).toBe('');
});

test.each([
  ['ENOENT', 'read', 'there is no such file'],
  ['ENOENT', 'write', 'there is no such directory'],
  ['EISDIR', 'read', 'it is a directory'],
  ['EACCES', 'read', 'this user may not'],
  ['EIO', 'read', 'as the system says'],
] as const)('%s: %s', (code, doing, words) => {
  expect(fileProblem(Object.assign(new Error('as the system says'), { code }), doing)).toBe(words);
});
