/** Payments that are refused by an injected fault, until retries make up for it. */

import { type Drill, having, send } from './drill.ts';

export const abort: Drill = {
  name: 'abort',
  summary: 'A fault answers 503 to 40 % of the payments that carry x-chaos; nobody else notices.',
  async run(stage) {
    const payment = await stage.open(async () => Response.json({ paid: true }));
    const gateway = await stage.gateway(`
services: { payment: "${payment}" }
routes:
  - path: /api/payment
    to: payment
    fault: { abort: { status: 503 }, percent: 40%, only_if: { headers: { x-chaos: "1" } } }
`);
    const count = 300;
    const url = `${gateway.url}/api/payment`;
    const before = refused();
    const spared = await send(count, url);
    stage.expect(
      'without x-chaos',
      `${having(spared, 200)} of ${count} answered 200`,
      having(spared, 200) === count && refused() === before,
    );
    const hit = await send(count, url, { init: { headers: { 'x-chaos': '1' } } });
    const share = (100 * having(hit, 503)) / count;
    stage.expect(
      'with x-chaos',
      `${having(hit, 503)} of ${count} answered 503 (${share.toFixed(1)} %)`,
      Math.abs(share - 40) <= 9,
    );
    stage.expect(
      'istio_requests_total{response_code="503"}',
      `${before} → ${refused()}`,
      refused() - before === having(hit, 503),
    );
    stage.trace(
      'a refused call',
      ({ attributes }) => attributes['http.response.status_code'] === 503,
    );

    function refused(): number {
      return gateway.total('istio_requests_total', { response_code: '503' });
    }
  },
};
