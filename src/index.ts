/**
 * Traffic governance as a function around `fetch`: the algebra that everything else is written in.
 *
 * @module
 */

export { abortSignal, deadline, signalOf } from './core/abort.ts';
export {
  type App,
  compose,
  describe,
  type Fetch,
  type Handler,
  layer,
  type Middleware,
  type Next,
} from './core/chain.ts';
export { type Clock, systemClock } from './core/clock.ts';
export {
  type BackgroundWork,
  Context,
  contextOf,
  type Direction,
  type Key,
  key,
} from './core/context.ts';
export { discard } from './core/discard.ts';
export { type Duration, formatDuration, parseDuration } from './core/duration.ts';
export { inbound } from './core/inbound.ts';
export { type OutboundOptions, outbound } from './core/outbound.ts';
export { type Outcome, outcomeOfError, outcomeOfResponse, type Verdict } from './core/outcome.ts';
export { appendHeader, outgoingHeaders, removeHeader, setHeader } from './core/outgoing.ts';
export { own } from './core/own.ts';
export {
  type Blame,
  isRejectionError,
  type Rejection,
  RejectionError,
  type RejectionOptions,
  type RejectionReason,
  reject,
  rejectionOf,
} from './core/rejection.ts';
export { withResponseHeaders } from './core/response-headers.ts';
