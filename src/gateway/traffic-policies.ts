/**
 * What a route does with its traffic beside sending it on: header edits, faults, copies, rewrites, answers of its own.
 *
 * A part of its own, so that a bundle whose rules have none of these blocks does not carry it.
 *
 * @module
 */

import type { Middleware, Next } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { formatDuration } from '../core/duration.ts';
import { exchange } from '../core/exchange.ts';
import { defaultReplayBytes } from '../core/replay.ts';
import { deadline, forwardDeadline } from '../policies/deadline.ts';
import { type Failure, fallback } from '../policies/fallback.ts';
import { fault } from '../policies/fault.ts';
import { bodyLimits, limits } from '../policies/limits.ts';
import { mirror } from '../policies/mirror.ts';
import { redirect } from '../routing/redirect.ts';
import { respond } from '../routing/respond.ts';
import { rewrite } from '../routing/rewrite.ts';
import { when } from '../routing/when.ts';
import type { Place, Route, Rules } from '../rules/model.ts';
import { type CorsStep, compileCors } from '../security/cors.ts';
import { headers } from '../security/headers.ts';
import type { PolicySurroundings, Reach, TrafficPolicies } from './route-policies.ts';
import { peerIn } from './trusted-peers.ts';

export type { TrafficPolicies } from './route-policies.ts';

/** Faults, with those under way counted over a reload. */
function faultsOf(
  { name: owner, fault: settings }: Route,
  { clock, random, keep }: PolicySurroundings,
): readonly Middleware[] {
  if (settings === undefined) return [];
  const faults = keep({ kind: 'fault', owner, settings }, () => {
    const { delay, onlyIf, ...others } = settings;
    return fault({
      ...others,
      ...(delay !== undefined && {
        delay: { fixed: formatDuration(delay.ms), percent: delay.percent },
      }),
      ...(onlyIf.length > 0 && { onlyIf: when(...onlyIf) }),
      clock,
      random,
    });
  });
  return [faults];
}

/** What a caller says of its own time. */
function deadlineOf(
  { deadline: settings }: Route,
  { clock }: PolicySurroundings,
): readonly Middleware[] {
  if (settings === undefined) return [];
  const { header, trustedIps } = settings;
  const trust =
    trustedIps === undefined ? (true as const) : peerIn('deadline.trusted_ips', trustedIps);
  return [deadline({ trust, header, clock })];
}

/** What upstreams are told of it. */
function forwardingOf(
  { deadline: settings }: Route,
  { clock }: PolicySurroundings,
): readonly Middleware[] {
  return settings?.forward ? [forwardDeadline({ header: settings.header, clock })] : [];
}

/** Copies. Not kept over a reload: where they go may have changed. */
function mirrorsOf(
  { mirror: copies = [] }: Route,
  { clock, random }: PolicySurroundings,
  reach: Reach,
): readonly Middleware[] {
  return copies.map(({ to, timeoutMs, ...settings }) =>
    mirror({
      ...settings,
      send: reach(to),
      timeout: formatDuration(timeoutMs),
      clock,
      random,
    }),
  );
}

/** What answers in place of a failure: always the same, or another service, under the time limit of the route. */
function fallbacksOf(
  { fallback: settings }: Route,
  reach: (place: Place) => Next,
): readonly Middleware[] {
  if (settings === undefined) return [];
  const { respond: fixed, to, when: failures } = settings;
  const options = failures === undefined ? {} : { when: failures };
  if (to === undefined) {
    return [fallback(fixed ?? {}, options)];
  }
  const { service, version } = to;
  const send = reach(to);
  function otherService({ request }: Failure, context: Context): Promise<Response> {
    const record = context.get(exchange);
    if (record !== undefined) Object.assign(record, { service, version });
    return send(request, context);
  }
  return [fallback(otherService, { ...options, maxReplayBytes: defaultReplayBytes })];
}

/** What a request may take up. */
function requestLimits(
  { limits: settings }: Rules,
  { clock, keep }: PolicySurroundings,
): readonly Middleware[] {
  if (settings === undefined) return [];
  return [keep({ kind: 'limits', owner: '', settings }, () => limits({ ...settings, clock }))];
}

/** What its body may take up. */
function bodyLimitsOf(
  { limits: settings }: Route,
  { clock }: PolicySurroundings,
): readonly Middleware[] {
  if (settings === undefined) return [];
  const { graceMs, ...others } = settings;
  const bodyGrace = graceMs === undefined ? {} : { bodyGrace: formatDuration(graceMs) };
  const limiting = bodyLimits({ ...others, ...bodyGrace, clock });
  return limiting === undefined ? [] : [limiting];
}

/** What pages of other origins may do. */
function crossOrigin({ cors: settings }: Route): CorsStep | undefined {
  if (settings === undefined) return undefined;
  const { maxAgeMs, ...others } = settings;
  return compileCors({
    ...others,
    ...(maxAgeMs !== undefined && { maxAge: formatDuration(maxAgeMs) }),
  });
}

/** Edits of headers, around everything that answers. */
function headerFilter({ headers: edits }: Route): readonly Middleware[] {
  return edits === undefined ? [] : [headers(edits)];
}

/** What an upstream sees in place of the path and host that came. */
function rewriting({ rewrite: edits }: Route): readonly Middleware[] {
  return edits === undefined ? [] : [rewrite(edits)];
}

/** What answers a route that leads nowhere. */
function endOf({ redirect: elsewhere, respond: fixed }: Route): Next | undefined {
  if (elsewhere !== undefined) return redirect(elsewhere);
  return fixed === undefined ? undefined : respond(fixed);
}

/**
 * Carries out the blocks `limits`, `cors`, `headers`, `fallback`, `deadline`, `fault`, `mirror`, `rewrite`, `redirect` and `respond` of the rules. A
 * gateway has it; `governance` takes it as an option.
 */
export const traffic: TrafficPolicies = {
  requestLimits,
  bodyLimits: bodyLimitsOf,
  crossOrigin,
  headerFilter,
  fallbacksOf,
  deadlineOf,
  faultsOf,
  mirrorsOf,
  rewriting,
  forwardingOf,
  endOf,
};
