/** Payments that are refused by an injected fault, until retries make up for it. */

import { type Drill, having, send } from './drill.ts';

export const abort: Drill = {
  name: 'abort',
  summary: 'A fault answers 503 to 40 % of the payments that carry x-chaos; nobody else notices.',
  async run(stage) {
    const payment = await stage.service({ body: '{"paid":true}' });
    const gateway = await stage.gateway(`
services: { payment: { ${payment.at} } }
routes:
  - path: /api/payment
    to: payment
    fault: { abort: { status: 503 }, percent: 40%, only_if: { headers: { x-chaos: "1" } } }
`);
    const count = 300;
    const url = `${gateway.url}/api/payment`;
    const expect503 = await stage.counting503(gateway);
    const spared = await send(count, url);
    stage.expectAll('without x-chaos', spared, 200);
    const hit = await send(count, url, { init: { headers: { 'x-chaos': '1' } } });
    const share = (100 * having(hit, 503)) / count;
    stage.expect(
      'with x-chaos',
      `${having(hit, 503)} of ${count} answered 503 (${share.toFixed(1)} %)`,
      Math.abs(share - 40) <= 9,
    );
    await expect503(having(hit, 503));
    await stage.trace(
      'a refused call',
      ({ attributes }) => attributes['http.response.status_code'] === 503,
    );
  },
};
