import { expect, test } from 'vitest';
import { randomSpanId, randomTraceId } from '../../../src/telemetry/propagation/ids.ts';

test('ids have the length of their kind, are no zeros and do not repeat', () => {
  const seen = new Set<string>();
  for (let round = 0; round < 5_000; round++) {
    const traceId = randomTraceId();
    const spanId = randomSpanId();
    expect(traceId).toMatch(/^(?!0+$)[0-9a-f]{32}$/);
    expect(spanId).toMatch(/^(?!0+$)[0-9a-f]{16}$/);
    seen.add(traceId).add(spanId);
  }
  expect(seen.size).toBe(10_000);
});
