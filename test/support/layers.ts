import type { Middleware } from '../../src/core/chain.ts';
import type { Context } from '../../src/core/context.ts';
import { setHeader } from '../../src/core/outgoing.ts';

/** Sets a header of the request. */
export const editing =
  (name: string, value: string): Middleware =>
  (next) =>
  (request, context) =>
    next(request, setHeader(context, name, value));

/** Hands the context of the innermost layer to the test. */
export const observing =
  (observe: (context: Context, request: Request) => void): Middleware =>
  (next) =>
  (request, context) => {
    observe(context, request);
    return next(request, context);
  };
