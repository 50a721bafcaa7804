/** Attacks on a gateway in this process: see the table for what is sent and what has to come of it. */

import { describe, expect, test } from 'vitest';
import { forgedIdentities, identityOutcome } from './identity.ts';
import { originAttacks, originOutcome } from './origins.ts';
import {
  expressionOutcome,
  floods,
  forgedCookies,
  forwardingOutcome,
  forwardings,
  headersSeen,
  injections,
  limited,
  oversized,
  pollutions,
  slowExpressions,
  stickyOutcome,
  withSubject,
} from './portable.ts';

describe('header injection', () => {
  test.each(injections)('$name: $expected comes of it', async ({ input }) => {
    for (const line of await headersSeen(await input())) {
      expect(line).not.toMatch(/^x-injected:/i);
      expect(line).not.toMatch(/[\r\n\0]/);
    }
  });

  test('without an attack, what a token and a cookie say is seen', async () => {
    expect(await headersSeen(await withSubject('ada'))).toContain('x-user: ada');
  });
});

describe('oversized', () => {
  test.each(oversized)('$name: $expected', async ({ input, expected }) => {
    const response = await limited.gateway.fetch(await input());
    expect(response.status).toBe(expected);
  });
});

describe('prototype pollution', () => {
  test.each(pollutions)('$name: $expected', async ({ input, expected }) => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    expect(await input()).toBe(expected);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });
});

describe('slow expressions', () => {
  test.each(slowExpressions)('$name: $expected', ({ input, expected }) => {
    expect(expressionOutcome(input)).toBe(expected);
  });

  test('others are taken', () => {
    expect(expressionOutcome('^v[0-9]+$')).toBe('taken');
  });
});

describe('floods', () => {
  test.each(floods)('$name: at most $expected', async ({ input, expected }) => {
    expect(await input()).toBeLessThanOrEqual(expected);
  });
});

describe('forged forwarding', () => {
  test.each(forwardings)('$name: $expected', async ({ input, expected }) => {
    expect(await forwardingOutcome(input)).toEqual(expected);
  });
});

describe('forged cookies', () => {
  test.each(forgedCookies)('$name: $expected', async ({ input, expected }) => {
    expect(await stickyOutcome(input)).toBe(expected);
  });
});

describe('forged identity', () => {
  test.each(forgedIdentities)('$name: $expected', async ({ input, expected }) => {
    expect(await identityOutcome(input)).toBe(expected);
  });
});

describe('origins', () => {
  test.each(originAttacks)('$name: $expected', async ({ input, expected }) => {
    expect(await originOutcome(input)).toBe(expected);
  });
});
