/**
 * What the system says of files, in words.
 *
 * @module
 */

import { readdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { didYouMean } from './usage.ts';

/** Why a file could not be read or written, such as `there is no such file`. */
export function fileProblem(error: unknown, doing: 'read' | 'write'): string {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'ENOENT':
      return `there is no such ${doing === 'read' ? 'file' : 'directory'}`;
    case 'ENOTDIR':
      return 'a part of its path is no directory';
    case 'EISDIR':
      return 'it is a directory';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not';
    case 'EROFS':
      return 'the file system takes no changes';
    case 'ENOSPC':
      return 'the disk is full';
    default:
      return message;
  }
}

/** `; did you mean rules.yaml?` where a file beside the one that is missing bears nearly its name; else nothing. */
export function nearbyFile(path: string): string {
  try {
    return didYouMean(basename(path), readdirSync(dirname(path)));
  } catch {
    return '';
  }
}
