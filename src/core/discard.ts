/**
 * Giving up what nobody waits for any more.
 *
 * @module
 */

/**
 * Gives up a message that nobody will read: cancels its body, so that the connection is free again.
 *
 * On Workers a handful of unread bodies is enough to stall the rest of the request. A body that someone reads already is
 * left to its reader.
 */
export function discard(message: Request | Response): void {
  const { body } = message;
  if (body !== null && !body.locked) body.cancel().catch(ignore);
}

/** For promises whose outcome no longer matters to anyone. */
export function ignore(): void {}
