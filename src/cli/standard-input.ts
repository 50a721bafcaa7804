/**
 * Standard input as a text.
 *
 * @module
 */

import process from 'node:process';
import { UsageError } from './usage.ts';

/**
 * Reads all of it.
 *
 * @throws {UsageError} where it was read before: there is nothing left then.
 */
export async function standardInput(): Promise<string> {
  if (process.stdin.readableEnded) {
    throw new UsageError(
      '- is standard input, which can be read only once: name a file for the other',
    );
  }
  // Takes a while to load, and is seldom needed.
  const { text } = await import('node:stream/consumers');
  return await text(process.stdin);
}
