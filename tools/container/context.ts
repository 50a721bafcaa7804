/** What a builder would be sent: the build context, as `.dockerignore` has it. */

import { cpSync, globSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Copies what it lets through: all of its lines but the first take something back in. */
export function copyContext(target: string): void {
  const lines = readFileSync('.dockerignore', 'utf8').split('\n').filter(Boolean);
  if (lines[0] !== '*') throw new Error('.dockerignore has to leave out everything at first');
  for (const line of lines.slice(1)) {
    if (!line.startsWith('!')) {
      for (const path of globSync(line, { cwd: target })) rmSync(join(target, path));
      continue;
    }
    const path = line.slice(1);
    mkdirSync(dirname(join(target, path)), { recursive: true });
    cpSync(path, join(target, path), { recursive: true });
  }
}
