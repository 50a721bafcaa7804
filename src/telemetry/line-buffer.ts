/**
 * Lines on their way to somewhere slow, of which nobody waits for one.
 *
 * @module
 */

/** Settings of {@link lineBuffer}. */
export interface LineBufferOptions {
  /** Writes some lines, each with its line feed; resolves when they are out. One call at a time. */
  readonly write: (text: string) => Promise<void>;
  /** Characters that wait at most, those being written included; a line that does not fit is dropped. Default: 1000000. */
  readonly maxLength?: number;
}

/** Takes lines and writes them when it can. */
export interface LineBuffer {
  /** Takes a line, without its line feed, and returns at once. */
  add(line: string): void;
  /** Resolves when all that was taken is written or dropped. */
  flush(): Promise<void>;
  /** Lines that found no room, or whose writing failed. */
  readonly dropped: number;
}

/**
 * Makes one. Lines that come while others are being written go out together in the next write, in their order; memory is
 * bounded whatever the reader does.
 *
 * @example
 * ```ts
 * const written: string[] = [];
 * const lines = lineBuffer({ write: async (text) => void written.push(text) });
 * lines.add('one');
 * await lines.flush();
 * written; // ['one\n']
 * ```
 */
export function lineBuffer({ write, maxLength = 1_000_000 }: LineBufferOptions): LineBuffer {
  let waiting: string[] = [];
  let length = 0;
  let dropped = 0;
  let writing: Promise<void> | undefined;

  async function writeAll(): Promise<void> {
    // What one turn of the event loop brings goes out together.
    await Promise.resolve();
    while (waiting.length > 0) {
      const lines = waiting;
      waiting = [];
      const text = lines.join('');
      try {
        await write(text);
      } catch {
        dropped += lines.length;
      }
      length -= text.length;
    }
    writing = undefined;
  }

  return {
    add(line) {
      const text = `${line}\n`;
      if (length + text.length > maxLength) {
        dropped += 1;
        return;
      }
      length += text.length;
      waiting.push(text);
      writing ??= writeAll();
    },
    async flush() {
      while (writing !== undefined) await writing;
    },
    get dropped() {
      return dropped;
    },
  };
}
