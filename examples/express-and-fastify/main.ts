/** Serves the Express app; Fastify's goes the same way. */

import type { Server } from 'srvx';
import { patchGlobalRequest, serve } from 'srvx/node';
import { expressShop } from './express.ts';

/** 0 takes any free port. */
export function open(port: number): Server {
  // The server's requests cannot be copied by the global `Request` until it is told how.
  patchGlobalRequest();
  const users = async ({ url }: Request) => Response.json({ id: new URL(url).pathname.slice(1) });
  return serve({ fetch: expressShop(users), port, hostname: '127.0.0.1' });
}

if (import.meta.main) open(3000);
