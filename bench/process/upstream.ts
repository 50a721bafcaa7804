/** An upstream that costs as little as can be, on Bun. Tells its port on stdout. */

import { serve } from 'srvx';

const server = serve({
  fetch: () => new Response('hello'),
  ...{ port: 0, hostname: '127.0.0.1', silent: true },
});
await server.ready();
console.log(new URL(server.url as string).port);
