/**
 * What tells a copy from the request that it is one of.
 *
 * @module
 */

import { type Key, key } from './context.ts';

/** Whether this request is a copy, sent to see how something would bear it, whose answer nobody reads. */
export const mirrored: Key<boolean> = key('mirrored', false);
