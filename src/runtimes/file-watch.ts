/**
 * Noticing that files have changed, on Node, Bun and Deno.
 *
 * @module
 */

import { type FSWatcher, watch } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A directory to take reports of. */
export interface WatchedPlace {
  readonly directory: string;
  /** The one file in it that matters. Default: all of them. */
  readonly name?: string;
}

/** What is watched. */
export interface WatchedContent<T> {
  /** Where changes are reported; places that are not there are passed over. */
  readonly places: readonly WatchedPlace[];
  /** The content that is in force already. */
  readonly known: T;
  /** Reads the content anew. What cannot be read is no change; between two steps of a rename it is read once more. */
  read(): Promise<T>;
  isSame(a: T, b: T): boolean;
  /** Told once of content that cannot be read, until it can be again; of `FileWatch.check` each time. */
  onUnreadable?(error: unknown): void;
  /** Told when it can be read again, before a change is handed over. */
  onReadable?(hasChanged: boolean): void;
  /** Whether it looks as if somebody were still writing: it is read once more before it counts. Default: never. */
  isUnfinished?(content: T): boolean;
}

/** Settings of {@link watchContent}. */
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

/** Files under watch. */
export interface FileWatch {
  /** Compares at once. Resolves when what there is to say was said, to whether there was anything: a change was handed over. */
  check(): Promise<boolean>;
  close(): void;
}

/**
 * Watches the content of files: the file system's reports are a hint, polling is the safety net, the content decides.
 *
 * @param onChange Gets the new content. Where it fails, that is said, and the next change is handed over all the same.
 */
export function watchContent<T>(
  watched: WatchedContent<T>,
  onChange: (content: T) => void | Promise<void>,
  options: WatchOptions = {},
): FileWatch {
  const { pollMs = 1_000, settleMs = 10, automatic = true } = options;
  let current = watched.known;
  let checking: Promise<boolean> | undefined;
  let again = false;
  let isUnreadable = false;
  let isAsked = false;

  async function compare(): Promise<boolean> {
    let isNews = false;
    let hasWaited = false;
    do {
      again = false;
      const found = await watched.read().then(
        (content) => ({ content }),
        (error: unknown) => ({ error }),
      );
      if ('error' in found) {
        if (!hasWaited && !isUnreadable) {
          hasWaited = true;
          await delay(2 * settleMs, undefined, { ref: false });
          again = true;
        } else if (!isUnreadable || isAsked) {
          isUnreadable = true;
          isNews = true;
          watched.onUnreadable?.(found.error);
        }
        continue;
      }
      const { content } = found;
      const isSame = watched.isSame(content, current);
      // What was reported while it was read may be the other half of it. Once: somebody may write all the time.
      if (!isSame && (again || watched.isUnfinished?.(content)) && !hasWaited) {
        hasWaited = true;
        await delay(2 * settleMs, undefined, { ref: false });
        again = true;
        continue;
      }
      if (isUnreadable) {
        isUnreadable = false;
        isNews = true;
        watched.onReadable?.(!isSame);
      }
      if (isSame) continue;
      current = content;
      isNews = true;
      hasWaited = false;
      try {
        await onChange(content);
      } catch (error) {
        console.error('fetchmesh: a change that was seen could not be taken over', error);
      }
    } while (again);
    checking = undefined;
    isAsked = false;
    return isNews;
  }
  function look(): Promise<boolean> {
    // A change reported while the last one is handed over must not be lost.
    if (checking !== undefined) again = true;
    checking ??= compare();
    return checking;
  }
  function check(): Promise<boolean> {
    isAsked = true;
    return look();
  }

  if (!automatic) return { check, close() {} };
  let settling: NodeJS.Timeout | undefined;
  function settle(): void {
    clearTimeout(settling);
    settling = setTimeout(look, settleMs);
  }
  // Directories: a watch on a file itself ends when an editor replaces it.
  const watchers = watched.places.flatMap((place) => watchPlace(place, settle) ?? []);
  const polling = setInterval(look, pollMs);
  return {
    check,
    close() {
      for (const watcher of watchers) watcher.close();
      clearTimeout(settling);
      clearInterval(polling);
    },
  };
}

/**
 * Watches the content of one file.
 *
 * @param known The content that is in force already.
 * @param onChange Gets the new content.
 */
export function watchFile(
  path: string,
  known: string,
  onChange: (content: string) => void | Promise<void>,
  options: WatchOptions = {},
): FileWatch {
  return watchContent(
    {
      places: [{ directory: dirname(path), name: basename(path) }],
      known,
      read: () => readFile(path, 'utf8'),
      isSame: (a, b) => a === b,
    },
    onChange,
    options,
  );
}

function watchPlace(place: WatchedPlace, onReport: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(place.directory, (_, name) => {
      const isOther = place.name !== undefined && name !== place.name;
      if (name !== null && isOther && !name.startsWith('..')) return;
      onReport();
    });
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    // Not there, or no reports on this file system: polling alone.
    return undefined;
  }
}
