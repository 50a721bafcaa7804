/** The article's payment service: 30 % of the calls to `/api/payment` take two seconds longer. */

import { type Drill, having, send } from './drill.ts';

export const delay: Drill = {
  name: 'delay',
  summary:
    'A fault delays 30 % of the payments by 2 s: all are answered 200, and the histogram shows who waited. Where the service itself is so slow, the breaker opens.',
  async run(stage) {
    const paid = { body: '{"paid":true}' };
    const payment = await stage.service(paid);
    const rules = (fault: string): string => `
services: { payment: { ${payment.at} } }
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
    const [quickBefore, allBefore] = [await within('1'), await total()];
    stage.expect('before: within 1 s', `${quickBefore} of ${allBefore}`, quickBefore === count);

    await gateway.replace(rules('fault: { delay: 2s, percent: 30%, until: 2099-12-31T00:00:00Z }'));
    const answers = await send(count, url, { atOnce: 50 });
    const quick = (await within('1')) - quickBefore;
    const late = (await total()) - allBefore - quick;
    const almost = (await within('2.5')) - quickBefore;
    stage.expect(
      'with the fault: the buckets shift',
      `${quick} within 1 s, ${late} above; ${almost} within 2.5 s`,
      // By chance it is outside of that once in 100,000 times.
      late >= 10 && late <= 50 && quick + late === count,
    );
    stage.expectAll('all are answered', answers, 200);
    await stage.trace(
      'a delayed call, status 200',
      ({ attributes, events }) =>
        attributes['http.response.status_code'] === 200 &&
        events.some(({ name }) => /fault/.test(name)),
    );

    await payment.behave({ ...paid, delayMs: 2_000, delayedOfTen: 3 });
    await gateway.replace(
      rules('breaker: { slow_rate: 20%, slow_after: 1s, last_requests: 100, open_for: 1m }'),
    );
    const expect503 = await stage.counting503(gateway);
    const slow = await send(count, url, { atOnce: 50 });
    const after = await send(count, url);
    stage.expect(
      'the service itself is slow, and the breaker opens',
      `${having(slow, 200)} of ${count} answered 200; of the next ${count}, ${having(after, 503)} are answered 503 at once`,
      having(slow, 200) + having(slow, 503) === count && having(after, 503) === count,
    );
    await expect503(having(slow, 503) + having(after, 503));
    await stage.trace(
      'circuit_breaker_open on the server span',
      ({ attributes }) => attributes['circuit_breaker_open'] === true,
    );

    function within(le: string): Promise<number> {
      return gateway.total('http_server_duration_seconds_bucket', { le });
    }
    function total(): Promise<number> {
      return gateway.total('http_server_duration_seconds_count');
    }
  },
};
