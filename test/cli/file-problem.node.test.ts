import { join } from 'node:path';
import { expect, test } from 'vitest';
import { fileProblem, nearbyFile } from '../../src/cli/file-problem.ts';
import { folder } from '../support/command-line.ts';

test('a file beside that bears nearly the name', async () => {
  const path = await folder({ 'rules.yaml': '', 'spec.yaml': '' });
  expect(nearbyFile(join(path, 'rule.yaml'))).toBe('; did you mean rules.yaml?');
  expect(nearbyFile(join(path, 'spec.yml'))).toBe('; did you mean spec.yaml?');
  expect(nearbyFile(join(path, 'nope.yaml'))).toBe('');
  expect(nearbyFile(join(path, 'none', 'rules.yaml'))).toBe('');
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
