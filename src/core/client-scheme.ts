/**
 * By which scheme a client asked, where a proxy in front ends TLS.
 *
 * @module
 */

import { type Key, key } from './context.ts';

/** What a trusted proxy told. `undefined`: that of the request's own URL. */
export const clientScheme: Key<'http' | 'https' | undefined> = key<'http' | 'https'>(
  'client scheme',
);
