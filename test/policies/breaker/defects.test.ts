import { expect, test } from 'vitest';
import { breakerChecks } from '../../support/breaker-defects.ts';
import { ourCircuit } from '../../support/circuit.ts';

test.each(breakerChecks)('$name', async ({ find }) => {
  expect(await find(ourCircuit)).toBeUndefined();
});
