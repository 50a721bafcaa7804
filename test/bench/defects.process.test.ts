import { describe, test } from 'vitest';
import { defects } from '../../bench/defects/all.ts';

describe('what peers get wrong, and we do not', () => {
  test.each(defects.map(({ name, peer, checkOurs }) => ({ name, peer, checkOurs })))(
    '$name ($peer)',
    async ({ checkOurs }) => {
      await checkOurs();
    },
  );
});
