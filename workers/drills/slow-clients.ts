/** Slow loris: connections that never finish asking, beside clients that do. */

import { connect, type Socket } from 'node:net';
import { type Drill, having, send } from './drill.ts';

const lorises = 200;

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
    const { port } = new URL(gateway.url);
    const before = await timed();
    const sockets = await Promise.all(
      Array.from({ length: lorises }, async (): Promise<Socket> => {
        const socket = connect(Number(port), '127.0.0.1');
        socket.on('error', () => {});
        await new Promise((resolve) => socket.once('connect', resolve));
        socket.write('GET / HTTP/1.1\r\nHost: shop\r\nX-A:');
        return socket;
      }),
    );
    const during = await timed();
    for (const socket of sockets) socket.destroy();
    stage.expect(
      'everybody else',
      `${before.ok} of 300 before, ${during.ok} of 300 beside them (${before.ms} and ${during.ms} ms)`,
      before.ok === 300 && during.ok === 300,
    );
    await stage.trace(
      'one that was served meanwhile',
      ({ attributes }) => attributes['http.response.status_code'] === 200,
    );
    const underWay = await gateway.total('app_active_connections');
    stage.expect('requests under way as the gateway counts them', String(underWay), underWay === 0);

    async function timed(): Promise<{ readonly ok: number; readonly ms: number }> {
      const began = performance.now();
      const answers = await send(300, gateway.url);
      return { ok: having(answers, 200), ms: Math.round(performance.now() - began) };
    }
  },
};
