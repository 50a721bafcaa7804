/**
 * A route, and what routes share.
 *
 * @module
 */

import type * as z from 'zod';
import { block, choice, draft, list, oneOrMore } from '../shape.ts';
import { type AllowWritten, allow, deny, type RouteAuthWritten, routeAuth } from './allow.ts';
import {
  type FallbackBlock,
  fallback,
  type RedirectBlock,
  type RespondBlock,
  redirect,
  respond,
} from './answers.ts';
import { type AuthorizerBlock, authorizer } from './authorizer.ts';
import { type BreakerBlock, breaker } from './breaker.ts';
import { type BulkheadBlock, bulkhead } from './bulkhead.ts';
import { type CorsBlock, cors } from './cors.ts';
import { type DeadlineBlock, deadline } from './deadline.ts';
import { type FaultBlock, fault } from './fault.ts';
import { type HeadersBlock, headers } from './headers.ts';
import { type HedgeBlock, hedge } from './hedge.ts';
import { host } from './hosts.ts';
import { later } from './later.ts';
import { type BodyLimitsBlock, routeLimits } from './limits.ts';
import { type MatchBlock, match } from './match.ts';
import { type MirrorWritten, mirror } from './mirror.ts';
import { method, routeName } from './names.ts';
import { pathPattern } from './path.ts';
import { type RateLimitWritten, rateLimit } from './rate-limit.ts';
import { type RetryBlock, type RetrySettings, retry, retrySettings } from './retries.ts';
import { type RewriteBlock, rewrite } from './rewrite.ts';
import { type ShedBlock, shed } from './shed.ts';
import { type SplitBlock, split } from './split.ts';
import { type StickyBlock, sticky } from './sticky.ts';
import { type ThrottleBlock, throttle } from './throttle.ts';
import { type TimeoutBlock, timeout } from './timeout.ts';

/** Policies for all routes that do not have a block of the same name. */
export interface DefaultsBlock {
  readonly timeout?: number | TimeoutBlock;
  readonly deadline?: 'off' | DeadlineBlock;
  readonly retries?: number | RetryBlock;
  readonly hedge?: 'off' | HedgeBlock;
  readonly rate_limit?: RateLimitWritten;
  readonly shed?: 'off' | ShedBlock;
  readonly breaker?: 'off' | BreakerBlock;
  readonly throttle?: 'off' | ThrottleBlock;
  readonly bulkhead?: 'off' | number | BulkheadBlock;
  readonly to?: SplitBlock;
  readonly auth?: RouteAuthWritten;
  readonly allow?: AllowWritten;
  readonly deny?: AllowWritten;
  readonly authorizer?: 'off' | AuthorizerBlock;
  readonly limits?: 'off' | BodyLimitsBlock;
  readonly cors?: 'off' | CorsBlock;
  readonly headers?: 'off' | HeadersBlock;
  readonly fallback?: string | FallbackBlock;
  readonly fault?: 'off' | FaultBlock;
  readonly mirror?: MirrorWritten;
}

/** As written; durations in milliseconds. */
export interface RouteBlock extends DefaultsBlock, RetrySettings {
  readonly name?: string;
  readonly path: string;
  readonly methods?: string | readonly string[];
  readonly hosts?: string | readonly string[];
  readonly match?: MatchBlock | readonly MatchBlock[];
  readonly sticky?: StickyBlock;
  readonly trailing_slash?: 'strict' | 'ignore';
  readonly rewrite?: RewriteBlock;
  readonly redirect?: RedirectBlock;
  readonly respond?: RespondBlock;
}

const shared = {
  timeout,
  deadline,
  retries: retry,
  hedge,
  rate_limit: rateLimit,
  shed,
  breaker,
  throttle,
  bulkhead,
  to: split,
  auth: routeAuth,
  allow,
  deny,
  authorizer,
  limits: routeLimits,
  cors,
  headers,
  fallback,
  fault,
  mirror,
};

/** What routes share. */
export const defaults: z.ZodType<DefaultsBlock> = draft(
  block<DefaultsBlock>({ title: '`defaults`', later: later.defaults }, shared),
);

const route: z.ZodType<RouteBlock> = draft(
  block<RouteBlock>(
    { title: 'a route', required: ['path'], later: later.route },
    {
      name: routeName,
      path: pathPattern,
      methods: oneOrMore(method),
      hosts: oneOrMore(host),
      match,
      ...shared,
      ...retrySettings,
      sticky,
      trailing_slash: choice(['strict', 'ignore']),
      rewrite,
      redirect,
      respond,
    },
  ),
);

/** All routes, in order. */
export const routes: z.ZodType<readonly RouteBlock[]> = draft(list(route));
