/** The article's payment service: 30 % of the calls to `/api/payment` take two seconds longer. */

import { type Drill, having, send } from './drill.ts';

export const delay: Drill = {
  name: 'delay',
  summary:
    'A fault delays 30 % of the payments by 2 s: all are answered 200, and the histogram shows who waited.',
  async run(stage) {
    const payment = await stage.open(async () => Response.json({ paid: true }));
    const rules = (fault: string): string => `
services: { payment: "${payment}" }
routes:
  - path: /api/payment
    to: payment
    timeout: 5s
    ${fault}
`;
    const gateway = await stage.gateway(rules('retries: 0'));
    const url = `${gateway.url}/api/payment`;
    const count = 100;

    await send(count, url);
    stage.expect('before: within 1 s', `${within('1')} of ${total()}`, within('1') === count);

    gateway.replace(rules('fault: { delay: 2s, percent: 30%, until: 2099-12-31T00:00:00Z }'));
    const [quickBefore, allBefore] = [within('1'), total()];
    const answers = await send(count, url, { atOnce: 50 });
    const quick = within('1') - quickBefore;
    const late = total() - allBefore - quick;
    stage.expect(
      'with the fault: the buckets shift',
      `${quick} within 1 s, ${late} above; ${within('2.5') - quickBefore} within 2.5 s`,
      late >= 15 && late <= 45 && quick + late === count,
    );
    stage.expect(
      'all are answered',
      `${having(answers, 200)} times 200`,
      having(answers, 200) === count,
    );
    stage.trace(
      'a delayed call, status 200',
      ({ attributes, events }) =>
        attributes['http.response.status_code'] === 200 &&
        events.some(({ name }) => /fault/.test(name)),
    );

    function within(le: string): number {
      return gateway.total('http_server_duration_seconds_bucket', { le });
    }
    function total(): number {
      return gateway.total('http_server_duration_seconds_count');
    }
  },
};
