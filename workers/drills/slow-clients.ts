/** Slow loris: connections that never finish asking, beside clients that do. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type Drill, having, send } from './drill.ts';

const lorises = 200;
/** How many requests everybody else sends, each time. */
const count = 300;

export const slowClients: Drill = {
  name: 'slow-clients',
  summary: `${lorises} connections send half a request and then nothing: everybody else is served as before.`,
  notOnWorkers:
    'the platform in front of a Worker takes a request whole before the Worker hears of it',
  async run(stage) {
    const shop = await stage.service();
    const gateway = await stage.gateway(`
services: { shop: { ${shop.at} } }
routes: [{ path: /**, to: shop }]
`);
    const idle = await answered();
    const before = await timed();
    const alone = await answered();
    const sockets = await Promise.all(
      Array.from({ length: lorises }, () => slowClient(gateway.url)),
    );
    const during = await timed();
    const beside = await answered();
    const underWay = await gateway.total('app_active_connections');
    for (const socket of sockets) socket.destroy();
    stage.expect(
      'everybody else',
      `${before.ok} of ${count} before, ${during.ok} of ${count} beside them (${before.ms} and ${during.ms} ms)`,
      before.ok === count && during.ok === count,
    );
    stage.expect(
      'http_server_duration_seconds_count before and beside them',
      `${idle} → ${alone}, ${alone} → ${beside}`,
      alone - idle === count && beside - alone === count,
    );
    stage.expect(
      'app_active_connections, while they wait: half a request is none',
      String(underWay),
      underWay === 0,
    );
    await stage.trace(
      'one that was served meanwhile',
      ({ attributes, endedAtMs }) =>
        attributes['http.response.status_code'] === 200 && endedAtMs > during.beganAtMs,
    );

    function answered(): Promise<number> {
      return gateway.total('http_server_duration_seconds_count');
    }
    async function timed() {
      const beganAtMs = Date.now();
      const began = performance.now();
      const answers = await send(count, gateway.url);
      const ms = Math.round(performance.now() - began);
      return { ok: having(answers, 200), ms, beganAtMs };
    }
  },
};

/** Connects, and sends half a request. */
async function slowClient(url: string): Promise<Socket> {
  const { port } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  socket.write('GET / HTTP/1.1\r\nHost: shop\r\nX-A:');
  return socket;
}
