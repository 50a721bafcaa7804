/** A canary from nothing to everything and back, while requests go on. */

import { type Drill, having, send } from './drill.ts';

const shares = [0, 20, 100, 0];

export const canary: Drill = {
  name: 'canary',
  summary:
    'The canary gets 0, 20, 100 and again 0 % of the requests; nobody is turned away on the way.',
  async run(stage) {
    const stable = await stage.service({ body: '{"version":"v1"}' });
    const fresh = await stage.service({ body: '{"version":"v2"}' });
    const rules = (share: number): string => `
services:
  users:
    versions:
      v1: { ${stable.at} }
      v2: { ${fresh.at}, env: canary }
routes:
  - path: /**
    to: { users@v2: ${share}, users@v1: ${100 - share} }
`;
    const gateway = await stage.gateway(rules(0));
    for (const share of shares) {
      await gateway.replace(rules(share));
      const count = 500;
      const before = await canaryRequests();
      const answers = await send(count, gateway.url);
      const after = await canaryRequests();
      const percent = (100 * (after - before)) / count;
      const isExact = share === 0 || share === 100;
      stage.expect(
        `${share} % to the canary`,
        `${after - before} of ${count} requests (${percent.toFixed(1)} %), ${having(answers, 200)} answered 200`,
        having(answers, 200) === count && Math.abs(percent - share) <= (isExact ? 0 : 6),
      );
    }
    await stage.trace(
      'a request that the canary answered',
      ({ attributes }) => attributes['fetchmesh.destination.environment'] === 'canary',
    );

    function canaryRequests(): Promise<number> {
      return gateway.total('http_server_duration_seconds_count', { env: 'canary' });
    }
  },
};
