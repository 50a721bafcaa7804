/**
 * Statuses of responses that have no body.
 *
 * @module
 */

/** Whether a response of this status has no body, and Fetch refuses to make it with one. */
export function isBodiless(status: number): boolean {
  return [204, 205, 304].includes(status);
}
