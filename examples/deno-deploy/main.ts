/** On Deno Deploy, or Deno anywhere: a limit that all instances share, in Deno KV. */

import { type Handler, inbound } from 'fetchmesh';
import { keyBy } from 'fetchmesh/keys';
import { rateLimit } from 'fetchmesh/rate-limit';
import { type DenoKvLike, denoKvStore } from 'fetchmesh/stores/deno-kv';

/** What is used of it here. */
declare const Deno: {
  readonly env: { get(name: string): string | undefined };
  openKv(path?: string): Promise<DenoKvLike>;
};

/** On Deno Deploy there is no path: the database is that of the app. */
const kv = await Deno.openKv(Deno.env.get('KV_PATH'));

const fetch: Handler = inbound(
  () => new Response('hello'),
  rateLimit(
    { limit: 3, per: '1m', by: keyBy('header:x-client') },
    // Regions are further apart than the 25 ms of the default.
    { store: denoKvStore(kv), storeDeadline: '1s' },
  ),
);

export default { fetch };
