import { expect, inject, test } from 'vitest';
import { isBun, isNode } from '../../src/core/runtime.ts';

test('this is the runtime that it says', () => {
  const runtime = inject('runtime');
  expect({ isBun, isNode }).toEqual({ isBun: runtime === 'bun', isNode: runtime === 'node' });
});
