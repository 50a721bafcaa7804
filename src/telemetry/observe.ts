/**
 * Seeing the end of an exchange, whichever way it ends, exactly once.
 *
 * @module
 */

import { signalOf } from '../core/abort.ts';
import { addAbortCallback, removeAbortCallback } from '../core/abort-callbacks.ts';
import { call, type Next } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { outcomeOfError } from '../core/outcome.ts';
import { rejectionOf } from '../core/rejection.ts';
import type { ResponseFlag } from '../core/response-flags.ts';

/** How an exchange ended. */
export interface Ending {
  /** `undefined` where there was none: the chain rejected, or the caller left first. */
  readonly response: Response | undefined;
  /** What the chain rejected with. */
  readonly error: unknown;
  /**
   * Why it went wrong, with few distinct values: a status of 500 and above, a reason of the governance, a kind of network
   * failure, `client_closed`, or the name of an error; `undefined` where nothing did.
   */
  readonly errorType: string | undefined;
  /** Envoy's response flag, such as `UT`; `-` where there is none. What happened on the way is on the `Exchange`. */
  readonly flag: ResponseFlag | '-';
}

/**
 * Calls `next` and tells how it ended: with a response's headers, with a rejection, or because the caller left, in that
 * case at once, even if `next` never settles.
 *
 * @param onEnd Called once. Must not throw.
 */
export function observe(
  next: Next,
  request: Request,
  context: Context,
  onEnd: (ending: Ending) => void,
): Promise<Response> {
  const caller = signalOf(request, context);
  let ended = false;
  function end(ending: () => Ending): void {
    if (ended) return;
    ended = true;
    removeAbortCallback(caller, onAbort);
    onEnd(ending());
  }
  function onAbort(): void {
    end(() => endingWithError(caller.reason, caller));
  }
  addAbortCallback(caller, onAbort);
  return call(next, request, context).then(
    (response) => {
      end(() => endingWithResponse(response));
      return response;
    },
    (error) => {
      end(() => endingWithError(error, caller));
      throw error;
    },
  );
}

function endingWithResponse(response: Response): Ending {
  const rejection = rejectionOf(response);
  const errorType =
    rejection?.reason ?? (response.status >= 500 ? String(response.status) : undefined);
  return { response, error: undefined, errorType, flag: rejection?.flag ?? '-' };
}

const flagOfReason: Readonly<Record<string, ResponseFlag>> = {
  client_closed: 'DC',
  connect: 'UF',
  tls: 'UF',
  reset: 'UC',
  timeout: 'UT',
};

function endingWithError(error: unknown, signal: AbortSignal): Ending {
  const { reason } = outcomeOfError(error, signal);
  const errorType = reason === 'error' ? nameOf(error) : reason;
  return { response: undefined, error, errorType, flag: flagOfReason[reason] ?? '-' };
}

function nameOf(error: unknown): string {
  return error instanceof Error ? error.name : typeof error;
}
