/** On Node, whose server speaks no Fetch by itself: srvx makes it. */

import type { Server } from 'srvx';
import { patchGlobalRequest, serve } from 'srvx/node';
import app from './main.ts';

/** 0 takes any free port. */
export function open(port: number): Server {
  // Its requests are its own, which the global `Request` cannot copy until it is told how.
  patchGlobalRequest();
  return serve({ ...app, port, hostname: '127.0.0.1' });
}

if (import.meta.main) open(3000);
