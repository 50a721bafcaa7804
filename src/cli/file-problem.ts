/**
 * What the system says of files, in words.
 *
 * @module
 */

import { readdirSync } from 'node:fs';
import { dirname, extname, parse } from 'node:path';
import { suggest } from '../rules/suggest.ts';

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

/**
 * `; did you mean rules.yaml?` where a file beside the one that is missing bears nearly its name; else nothing.
 *
 * @param extensions Of the files that could be meant.
 */
export function nearbyFile(path: string, extensions: readonly string[]): string {
  try {
    const files = readdirSync(dirname(path)).filter((name) => extensions.includes(extname(name)));
    // Ends such as `.yaml` are alike, and would make any two names alike.
    const names = new Map(files.map((name) => [parse(name).name, name]));
    const meant = suggest(parse(path).name, names.keys());
    return meant === undefined ? '' : `; did you mean ${names.get(meant)}?`;
  } catch {
    return '';
  }
}
