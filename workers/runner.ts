/**
 * Ends the shop with what runs it. npm hands its own end on to nobody: a signal that it gets reaches its shell at the most,
 * and of SIGKILL not even npm hears.
 */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import process from 'node:process';

/** Shells that stand between npm and its script, where they do not make way for it. */
const shells = /^-?(?:.*\/)?(?:sh|ash|bash|dash|fish|ksh|zsh)$/;

/** How often is looked, in milliseconds. */
const intervalMs = 500;

/**
 * Calls back once, soon after npm, or the shell that it started, has ended. To be called by the script of `npm start`.
 *
 * Windows has no ancestors to ask for: there only the end of the parent is seen.
 */
export function whenRunnerEnds(callback: () => void): void {
  const parent = process.ppid;
  const above = parentBehindShell(parent);
  const timer = setInterval(() => {
    if (process.ppid === parent && (above === undefined || isAlive(above))) return;
    clearInterval(timer);
    callback();
  }, intervalMs).unref();
}

/** The parent of a process, where that process is a shell. */
function parentBehindShell(pid: number): number | undefined {
  try {
    const [name, parent] = process.platform === 'linux' ? fromProc(pid) : fromPs(pid);
    return shells.test(name) ? parent : undefined;
  } catch {
    // It has ended already, or there is nobody to ask.
    return undefined;
  }
}

/** Containers often have no ps. */
function fromProc(pid: number): readonly [name: string, parent: number] {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const field = (name: string) => new RegExp(`^${name}:\\s+(.*)$`, 'm').exec(status)?.[1] ?? '';
  return [field('Name'), Number(field('PPid'))];
}

function fromPs(pid: number): readonly [name: string, parent: number] {
  const line = execFileSync('ps', ['-o', 'ppid=,comm=', '-p', String(pid)], { encoding: 'utf8' });
  const [, parent, name = ''] = /^\s*(\d+)\s+(.*?)\s*$/.exec(line) ?? [];
  return [name, Number(parent)];
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as { readonly code?: unknown }).code === 'EPERM';
  }
}
