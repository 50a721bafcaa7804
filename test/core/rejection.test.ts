import { describe, expect, test } from 'vitest';
import {
  isRejectionError,
  keepBrand,
  RejectionError,
  type RejectionReason,
  reasonHeader,
  reject,
  rejectionOf,
  rejectionReasons,
} from '../../src/core/rejection.ts';

describe('reject', () => {
  test('answers with problem details, the reason in words and in a header, and no caching', async () => {
    const response = reject('no_route', { detail: 'No route matches GET /nowhere.' });
    expect(response.status).toBe(404);
    expect(response.statusText).toBe('Not Found');
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(response.headers.get(reasonHeader)).toBe('no_route');
    expect(await response.json()).toEqual({
      title: 'Not Found',
      status: 404,
      detail: 'No route matches GET /nowhere.',
      reason: 'no_route',
    });
  });

  test('says nothing in detail where there is nothing to say', async () => {
    expect(await reject('timeout').json()).toEqual({
      title: 'Gateway Timeout',
      status: 504,
      reason: 'timeout',
    });
  });

  test.each([
    [0, '1'],
    [1, '1'],
    [1_000, '1'],
    [1_001, '2'],
    [90_000, '90'],
  ])(
    '%d ms are Retry-After: %s, in whole seconds, never early and never at once',
    (retryAfterMs, seconds) => {
      expect(reject('draining', { retryAfterMs }).headers.get('retry-after')).toBe(seconds);
    },
  );

  test('there is no Retry-After where nothing is known, or where waiting is no use', () => {
    expect(reject('draining').headers.has('retry-after')).toBe(false);
    const never = reject('rate_limited', { retryAfterMs: Number.POSITIVE_INFINITY });
    expect(never.headers.has('retry-after')).toBe(false);
  });

  test('takes a status, fields and members of a policy beside its own, which win', async () => {
    const response = reject('fault_injected', {
      status: 418,
      headers: { ratelimit: '"default";r=0;t=1', 'content-type': 'text/html' },
      problem: { type: 'https://example.com/quota', reason: 'other' },
    });
    expect(response.status).toBe(418);
    expect(response.headers.get('ratelimit')).toBe('"default";r=0;t=1');
    expect(response.headers.get('content-type')).toBe('application/problem+json');
    expect(rejectionOf(response)?.status).toBe(418);
    expect(await response.json()).toMatchObject({
      type: 'https://example.com/quota',
      status: 418,
      reason: 'fault_injected',
    });
  });

  test.each(Object.entries(rejectionReasons))(
    '%s has a status, a title and an Envoy response flag',
    (reason, entry) => {
      const { status, flag } = reject(reason as RejectionReason) as Response & { flag?: string };
      expect(flag).toBeUndefined();
      expect(status).toBe(entry.status);
      expect(entry.flag).toMatch(/^(?:[A-Z]{2,4}|-)$/);
      expect(entry.title).not.toBe('');
    },
  );
});

describe('the brand', () => {
  test('tells what was rejected and why', () => {
    const response = reject('no_healthy_upstream', { detail: 'All down.', retryAfterMs: 1_500 });
    expect(rejectionOf(response)).toEqual({
      reason: 'no_healthy_upstream',
      status: 503,
      flag: 'UH',
      blame: 'policy',
      detail: 'All down.',
      retryAfterMs: 1_500,
    });
  });

  test('cannot be forged by headers', () => {
    expect(
      rejectionOf(new Response(null, { headers: reject('no_route').headers })),
    ).toBeUndefined();
  });

  test('is lost by a copy and kept by keepBrand', () => {
    const response = reject('no_route');
    const copy = new Response(response.body, response);
    expect(rejectionOf(copy)).toBeUndefined();
    expect(keepBrand(response, copy)).toBe(copy);
    expect(rejectionOf(copy)).toBe(rejectionOf(response));
  });

  test('is not made up by keepBrand', () => {
    expect(rejectionOf(keepBrand(new Response(), new Response()))).toBeUndefined();
  });
});

describe('RejectionError', () => {
  const thrown = (detail?: string): RejectionError => {
    const response = reject('timeout', detail === undefined ? {} : { detail });
    const rejection = rejectionOf(response);
    if (rejection === undefined) throw new Error('not branded');
    return new RejectionError(rejection, response);
  };

  test('is an error that names the reason and carries the response unread', async () => {
    const error = thrown('No response within 3s.');
    expect(error).toBeInstanceOf(Error);
    expect(error.name).toBe('RejectionError');
    expect(error.message).toBe('timeout: No response within 3s.');
    expect(thrown().message).toBe('timeout: Gateway Timeout');
    expect(await error.response.json()).toMatchObject({ reason: 'timeout' });
  });

  test('is known by its brand, also to another copy of this package', async () => {
    const specifier = '../../src/core/rejection.ts?copy';
    const copy: typeof import('../../src/core/rejection.ts') = await import(
      /* @vite-ignore */ specifier
    );
    expect(copy.RejectionError).not.toBe(RejectionError);
    expect(copy.isRejectionError(thrown())).toBe(true);
    expect(isRejectionError(new Error('timeout: x'))).toBe(false);
    for (const value of [undefined, null, 'error', {}]) expect(isRejectionError(value)).toBe(false);
  });
});
