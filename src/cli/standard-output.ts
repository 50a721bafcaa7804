/**
 * Standard output for a process that serves: a reader that stalls must hold up no request.
 *
 * @module
 */

import { write } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** What Deno has in place of `write`, which there waits on the serving thread. */
interface DenoStandardOutput {
  readonly Deno?: { readonly stdout: { write(bytes: Uint8Array): Promise<number> } };
}

/** How long until a reader that had no room is tried again, in milliseconds. */
const retryAfterMs = 10;

/** Writes a text off the serving thread; resolves when all of it is out, rejects where nobody reads any more. */
export async function standardOutput(text: string): Promise<void> {
  let bytes: Uint8Array = new TextEncoder().encode(text);
  while (bytes.length > 0) {
    try {
      bytes = bytes.subarray(await writeSome(bytes));
    } catch (error) {
      // Where standard error is the same pipe, the runtime has made both non-blocking.
      if ((error as NodeJS.ErrnoException).code !== 'EAGAIN') throw error;
      await delay(retryAfterMs, undefined, { ref: false });
    }
  }
}

function writeSome(bytes: Uint8Array): Promise<number> {
  const { Deno } = globalThis as DenoStandardOutput;
  if (Deno !== undefined) return Deno.stdout.write(bytes);
  return new Promise((resolve, reject) => {
    write(1, bytes, (error, written) => (error ? reject(error) : resolve(written)));
  });
}
