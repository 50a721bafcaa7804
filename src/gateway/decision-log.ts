/**
 * Why a request was not let in, as a line of a log.
 *
 * @module
 */

import { clientAddress, peerAddress } from '../core/address.ts';
import { canonicalPathname } from '../core/canonical-path.ts';
import { claims } from '../core/claims.ts';
import type { Context } from '../core/context.ts';
import { urlOf } from '../core/url.ts';
import type { AuthorizationDecision } from '../security/authorize/authorize.ts';

/**
 * One line of JSON: the decision, and who asked for what. No query, no header and no token, which may hold secrets.
 *
 * @param at When, in milliseconds since the epoch.
 */
export function decisionLine(
  { outcome, dryRun, action, policy, rule, failed }: AuthorizationDecision,
  request: Request,
  context: Context,
  at: number,
): string {
  const { iss, sub } = context.get(claims) ?? {};
  return JSON.stringify({
    time: new Date(at).toISOString(),
    event: 'access_decision',
    outcome,
    dry_run: dryRun,
    action,
    policy,
    rule,
    failed,
    method: request.method,
    path: context.get(canonicalPathname) ?? urlOf(request).pathname,
    client: context.get(clientAddress) ?? context.get(peerAddress),
    issuer: typeof iss === 'string' ? iss : undefined,
    subject: typeof sub === 'string' ? sub : undefined,
  });
}
