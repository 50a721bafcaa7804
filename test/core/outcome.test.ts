import { describe, expect, test } from 'vitest';
import { timeoutError } from '../../src/core/abort.ts';
import { outcomeOfError, outcomeOfResponse } from '../../src/core/outcome.ts';
import {
  RejectionError,
  type RejectionReason,
  reject,
  rejectionOf,
  rejectionReasons,
} from '../../src/core/rejection.ts';
import { connectionReset } from '../support/upstream.ts';

const aborted = (reason: unknown): AbortSignal => {
  const controller = new AbortController();
  controller.abort(reason);
  return controller.signal;
};

describe('a response', () => {
  test.each([
    [200, 'success', false],
    [204, 'success', false],
    [304, 'success', false],
    [308, 'success', false],
    [400, 'success', false],
    [404, 'success', false],
    [408, 'success', false],
    [499, 'success', false],
    [429, 'success', true],
    [500, 'failure', true],
    [501, 'success', false],
    [502, 'failure', true],
    [503, 'failure', true],
    [504, 'failure', true],
    [505, 'failure', false],
    [599, 'failure', true],
  ])('CB-28, CB-29, RT-03: %d is a %s, retryable: %s', (status, verdict, retryable) => {
    expect(outcomeOfResponse(new Response(null, { status }))).toMatchObject({ verdict, retryable });
  });

  test('RT-20: of status 0 is a success', () => {
    expect(outcomeOfResponse(Response.error())).toMatchObject({
      verdict: 'success',
      retryable: false,
    });
  });

  test.each(
    Object.entries(rejectionReasons).map(([reason, { blame }]) => [reason, blame] as const),
  )(
    'CB-31: of the governance, %s (blame: %s), counts against the upstream only where it is to blame',
    (reason, blame) => {
      const outcome = outcomeOfResponse(reject(reason as RejectionReason));
      expect(outcome).toEqual({
        verdict: blame === 'upstream' ? 'failure' : 'ignored',
        retryable: blame === 'upstream',
        reason,
      });
    },
  );

  test('a header that claims to be of the governance is nothing but a header', () => {
    const forged = new Response(null, { status: 503, headers: reject('no_route').headers });
    expect(outcomeOfResponse(forged).verdict).toBe('failure');
  });
});

describe('a rejection', () => {
  const open = new AbortController().signal;

  test('RT-05: of the network is a failure worth another try', () => {
    expect(outcomeOfError(connectionReset(), open)).toEqual({
      verdict: 'failure',
      retryable: true,
      reason: 'reset',
    });
  });

  test('RT-05: of a certificate is a failure and not worth another try', () => {
    const cause = Object.assign(new Error('expired'), { code: 'CERT_HAS_EXPIRED' });
    expect(outcomeOfError(new TypeError('fetch failed', { cause }), open)).toEqual({
      verdict: 'failure',
      retryable: false,
      reason: 'tls',
    });
  });

  test('RT-05: of unknown kind is a failure and not worth another try', () => {
    for (const error of [new TypeError('x is not a function'), 'oops', undefined, null, {}]) {
      expect(outcomeOfError(error, open)).toEqual({
        verdict: 'failure',
        retryable: false,
        reason: 'error',
      });
    }
  });

  test('pitfall 12: after the caller left is ignored, whatever the runtime made of it', () => {
    for (const error of [new DOMException('', 'AbortError'), connectionReset(), 'gone', null]) {
      expect(outcomeOfError(error, aborted('gone'))).toEqual({
        verdict: 'ignored',
        retryable: false,
        reason: 'client_closed',
      });
    }
  });

  test('pitfall 12: reasons vary: a server that aborts with ECONNRESET reports a caller that left', () => {
    const reason = Object.assign(new Error('aborted'), { code: 'ECONNRESET' });
    expect(outcomeOfError(reason, aborted(reason)).verdict).toBe('ignored');
  });

  test('RT-18: after a time limit is a failure worth another try', () => {
    const timedOut = { verdict: 'failure', retryable: true, reason: 'timeout' };
    expect(outcomeOfError(timeoutError('slow'), undefined)).toEqual(timedOut);
    expect(outcomeOfError(timeoutError('slow'), open)).toEqual(timedOut);
    expect(outcomeOfError(connectionReset(), aborted(timeoutError('slow')))).toEqual(timedOut);
  });

  test('a rejection that was thrown is judged like the response that it stands for', () => {
    for (const reason of ['draining', 'timeout'] as const) {
      const response = reject(reason);
      const rejection = rejectionOf(response);
      if (rejection === undefined) throw new Error('not branded');
      const error = new RejectionError(rejection, response);
      expect(outcomeOfError(error, open)).toEqual(outcomeOfResponse(response));
    }
  });
});
