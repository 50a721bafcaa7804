/**
 * Noticing that a file has changed, on Node, Bun and Deno.
 *
 * @module
 */

import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';

/** Settings of {@link watchFile}. */
export interface WatchOptions {
  /**
   * How often the content is compared, in milliseconds, whatever the file system reports. Survives bind mounts, editors
   * that save by renaming, and the symbolic links of Kubernetes. Default: 1000.
   */
  readonly pollMs?: number;
  /** Whether changes are looked for; where not, they are seen by `check` alone. Default: true. */
  readonly automatic?: boolean;
  /** How long to wait after a report for the writer to finish, in milliseconds. Default: 10. */
  readonly settleMs?: number;
}

/** A file under watch. */
export interface FileWatch {
  /** Compares at once. Resolves when a change was handed over, to whether there was one. */
  check(): Promise<boolean>;
  close(): void;
}

/**
 * Watches a file's content: the file system's reports are a hint, polling is the safety net, the content decides.
 *
 * @param known The content that is in force already.
 * @param onChange Gets the new content. A file that cannot be read, say between two steps of a rename, is no change.
 */
export function watchFile(
  path: string,
  known: string,
  onChange: (content: string) => void | Promise<void>,
  options: WatchOptions = {},
): FileWatch {
  const { pollMs = 1_000, settleMs = 10, automatic = true } = options;
  let current = known;
  let checking: Promise<boolean> | undefined;
  let again = false;

  async function compare(): Promise<boolean> {
    let hasChanged = false;
    do {
      again = false;
      const content = await readFile(path, 'utf8').catch(() => current);
      if (content !== current) {
        current = content;
        hasChanged = true;
        await onChange(content);
      }
    } while (again);
    checking = undefined;
    return hasChanged;
  }
  function check(): Promise<boolean> {
    // A change reported while the last one is handed over must not be lost.
    if (checking !== undefined) again = true;
    checking ??= compare();
    return checking;
  }

  if (!automatic) return { check, close() {} };
  let settling: NodeJS.Timeout | undefined;
  let watcher: FSWatcher | undefined;
  try {
    // The directory: a watch on the file itself ends when an editor replaces it.
    watcher = watch(dirname(path), (_, name) => {
      if (name !== null && name !== basename(path) && !name.startsWith('..')) return;
      clearTimeout(settling);
      settling = setTimeout(check, settleMs);
    });
    watcher.on('error', () => watcher?.close());
  } catch {
    // No reports on this file system: polling alone.
  }
  const polling = setInterval(check, pollMs);
  return {
    check,
    close() {
      watcher?.close();
      clearTimeout(settling);
      clearInterval(polling);
    },
  };
}
