/**
 * The version of this package.
 *
 * @module
 */

import { readFile } from 'node:fs/promises';

/** As it stands in `package.json`, which is two folders up from the source and from the bundle alike. */
export async function version(): Promise<string> {
  const text = await readFile(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { readonly version: string }).version;
}
