/**
 * From a file as it was read to the model, as far as the file allows.
 *
 * @module
 */

import { AccessResolver, type AccessRules, checkRoles } from './access.ts';
import type { AuthBlock } from './blocks/auth.ts';
import { type HealthBlock, resolveHealth } from './blocks/health.ts';
import { type HedgeBlock, resolveHedge } from './blocks/hedge.ts';
import { resolveLimits } from './blocks/limits.ts';
import { resolveMatch } from './blocks/match.ts';
import { type RateLimitWritten, resolveRateLimit } from './blocks/rate-limit.ts';
import { resolveRoles } from './blocks/roles.ts';
import type { DefaultsBlock, RouteBlock } from './blocks/route.ts';
import { resolveShed, type ShedBlock } from './blocks/shed.ts';
import { resolveState } from './blocks/state.ts';
import { resolveSticky } from './blocks/sticky.ts';
import { resolveTelemetry, type TelemetryBlock } from './blocks/telemetry.ts';
import { resolveTimeout } from './blocks/timeout.ts';
import { resolveTls } from './blocks/tls.ts';
import {
  isSettings,
  resolveTrustedProxies,
  type TrustedProxiesBlock,
} from './blocks/trusted-proxies.ts';
import { ServiceTable } from './destinations.ts';
import type { Destination, Hedge, Retries, Route, Rules } from './model.ts';
import type { Path } from './nodes.ts';
import { checkProtection, type Protection, protectionOf } from './protection.ts';
import { type Draft, type Sound, unsound } from './read.ts';
import { retriesOf } from './retry-forms.ts';
import type { RulesFile } from './schema.ts';
import { asList, type Named } from './shape.ts';
import { type Sourced, type Surroundings, sourced } from './surroundings.ts';
import { endsByItself, TrafficResolver, type TrafficRules } from './traffic.ts';

/** A route as far as it could be made out, for the checks. */
export interface ResolvedRoute {
  readonly index: number;
  readonly line: number;
  /** The file of that line, where there are several. */
  readonly file: string | undefined;
  readonly path: Path;
  readonly name: string;
  /** As read; what is wrong in it is `unsound`. */
  readonly written: Draft<RouteBlock>;
  readonly to: Sound<readonly Destination[]>;
  readonly timeout: (Sourced<number> & { readonly body: boolean }) | undefined;
  readonly retries: Sourced<Retries> | undefined;
  /** Absent where it is off. */
  readonly hedge: Sourced<Hedge> | undefined;
  readonly rateLimit: Sourced<RateLimitWritten> | undefined;
  readonly shed: Sourced<'off' | ShedBlock> | undefined;
  readonly access: AccessRules;
  readonly traffic: TrafficRules;
  readonly protection: Protection;
}

/** A file as far as it could be made out. */
export interface ResolvedFile {
  readonly routes: readonly ResolvedRoute[];
  readonly defaults: Draft<DefaultsBlock>;
  readonly auth: Draft<Named<AuthBlock>>;
  readonly telemetry: TelemetryBlock | undefined;
  readonly health: HealthBlock | undefined;
  readonly trustedProxies: TrustedProxiesBlock | undefined;
  /** To be called only where nothing was found to be wrong. */
  toRules(): Rules;
}

/** Resolves what refers to something else and reports what cannot be. */
export function resolveFile(file: Draft<RulesFile>, around: Surroundings): ResolvedFile {
  const { positions, report, source, upstream } = around;
  const services = new ServiceTable(positions, report);
  if (file.services !== undefined) services.define(file.services);
  if (upstream !== undefined) services.defineUpstream(upstream);

  const defaults: Draft<DefaultsBlock> = sound(file.defaults) ?? {};
  const isUnsound = file.defaults === unsound || defaults.to === unsound;
  const shared =
    defaults.to === undefined || isUnsound
      ? undefined
      : services.resolve(defaults.to as NonNullable<DefaultsBlock['to']>, ['defaults', 'to']);

  /** Where a route leads that does not say so; empty where that is left open. */
  function fallback(): Sound<readonly Destination[]> {
    if (isUnsound || file.services === unsound) return unsound;
    if (shared !== undefined) return shared;
    const destination = upstream === undefined ? services.only() : services.upstream();
    return destination === undefined ? [] : destination === unsound ? unsound : [destination];
  }

  function destinationsOf(written: Draft<RouteBlock>, path: Path): Sound<readonly Destination[]> {
    const { to } = written;
    if (to === undefined) return endsByItself(written) ? [] : fallback();
    return to === unsound ? unsound : services.resolve(to, [...path, 'to']);
  }

  const limits = sound(file.limits);
  const tls = sound(file.tls);
  const state = sound(file.state);
  const traffic = new TrafficResolver(defaults, limits, services, around);
  const auths = file.auth as Sound<Draft<Named<AuthBlock>>> | undefined;
  const roles = sound(file.roles);
  if (roles !== undefined) checkRoles(roles, around);
  const access = new AccessResolver(auths, defaults, services, around, file.roles !== undefined);
  checkProtection(defaults, ['defaults'], around);
  const drafts = (sound(file.routes) ?? []) as readonly Sound<Draft<RouteBlock>>[];
  const names = routeNames(drafts);
  const routes = drafts.flatMap((written, index): readonly ResolvedRoute[] => {
    if (written === unsound) return [];
    const path: Path = ['routes', index];
    const place = source.place(positions.value(path));
    const { line } = place.range;
    const file = source.isSeveral ? place.file : undefined;
    const limitOfTime = ownOrShared('timeout', written, path, defaults);
    const { limit, body } = resolveTimeout(limitOfTime?.value ?? 0);
    const timeout = limitOfTime && { path: limitOfTime.path, value: limit, body };
    const rateLimit = ownOrShared('rate_limit', written, path, defaults);
    const shed = ownOrShared('shed', written, path, defaults);
    const retries = retriesOf(written, path, defaults, around);
    const hedge = hedgeOf(written, path, defaults);
    const to = destinationsOf(written, path);
    const name = names[index] as string;
    const protection = protectionOf(written, defaults);
    checkProtection(written, path, around);
    const own = { hedge, rateLimit, shed, protection };
    const blocks = {
      access: access.resolve(written, path),
      traffic: traffic.resolve(written, path, to),
    };
    return [{ index, line, file, path, name, written, to, timeout, retries, ...own, ...blocks }];
  });
  const isComplete = routes.length === drafts.length && routes.every(({ to }) => to !== unsound);
  if (isComplete && file.routes !== unsound) services.reportUnused();
  if (routes.length === drafts.length && file.routes !== unsound) access.reportUnused();

  const telemetry = sound(file.telemetry);
  const health = sound(file.health);
  const trustedProxies = sound(file.trusted_proxies);
  if (trustedProxies !== undefined) checkTrustedProxies(trustedProxies, around);
  return {
    routes,
    defaults,
    auth: auths === undefined || auths === unsound ? {} : auths,
    telemetry,
    health,
    trustedProxies,
    toRules: () => ({
      version: 1,
      ...(tls !== undefined && { tls: resolveTls(tls) }),
      ...(state !== undefined && { state: resolveState(state) }),
      ...(limits !== undefined && { limits: resolveLimits(limits) }),
      ...(auths !== undefined && { auth: access.toRules() }),
      ...(roles !== undefined && { roles: resolveRoles(roles) }),
      services: services.toServices(),
      routes: routes.map(toRoute),
      telemetry: resolveTelemetry(telemetry ?? {}),
      health: health === undefined ? {} : resolveHealth(health),
      ...(trustedProxies !== undefined && {
        trustedProxies: resolveTrustedProxies(trustedProxies),
      }),
    }),
  };
}

/** The block of a route, or else that of the defaults. */
function ownOrShared<K extends keyof DefaultsBlock>(
  key: K,
  written: Draft<DefaultsBlock>,
  path: Path,
  defaults: Draft<DefaultsBlock>,
): Sourced<NonNullable<DefaultsBlock[K]>> | undefined {
  const isOwn = written[key] !== undefined;
  const value: unknown = (isOwn ? written : defaults)[key];
  return sourced(
    value as Sound<NonNullable<DefaultsBlock[K]>> | undefined,
    isOwn ? [...path, key] : ['defaults', key],
  );
}

/** Names as given, or paths; unnamed routes of one path are numbered. */
function routeNames(drafts: readonly Sound<Draft<RouteBlock>>[]): readonly string[] {
  const counts = new Map<string, number>();
  return drafts.map((written, index) => {
    if (written === unsound || written.path === unsound) return `#${index + 1}`;
    if (typeof written.name === 'string') return written.name;
    const count = (counts.get(written.path) ?? 0) + 1;
    counts.set(written.path, count);
    return count === 1 ? written.path : `${written.path}#${count}`;
  });
}

/** The route's own, or the default's. */
function hedgeOf(
  written: Draft<RouteBlock>,
  path: Path,
  defaults: Draft<DefaultsBlock>,
): Sourced<Hedge> | undefined {
  const found = ownOrShared('hedge', written, path, defaults);
  if (found === undefined || found.value === 'off') return undefined;
  return { path: found.path, value: resolveHedge(found.value as HedgeBlock) };
}

/** Provided that nothing in it is unsound. */
function toRoute(route: ResolvedRoute): Route {
  const { name, line, file, written, to, timeout, retries, hedge, rateLimit, shed } = route;
  const { access, traffic, protection } = route;
  const resolvedShed = shed && resolveShed(shed.value);
  const {
    path,
    methods,
    hosts,
    match,
    sticky,
    trailing_slash: trailingSlash = 'strict',
  } = written as RouteBlock;
  return {
    name,
    line,
    ...(file !== undefined && { file }),
    path,
    trailingSlash,
    ...(methods !== undefined && { methods: asList(methods) }),
    ...(hosts !== undefined && { hosts: asList(hosts) }),
    match: match === undefined ? [] : resolveMatch(match),
    to: to as readonly Destination[],
    ...(sticky !== undefined && { sticky: resolveSticky(sticky) }),
    ...(timeout !== undefined && { timeoutMs: timeout.value }),
    ...(timeout?.body && { timeoutBody: true as const }),
    ...(retries !== undefined && { retries: retries.value }),
    ...(hedge !== undefined && { hedge: hedge.value }),
    ...(rateLimit !== undefined && { rateLimits: resolveRateLimit(rateLimit.value) }),
    ...(resolvedShed !== undefined && { shed: resolvedShed }),
    ...access,
    ...traffic,
    ...protection,
  };
}

/** The value, unless it is wrong. */
function sound<T>(value: Sound<T> | undefined): T | undefined {
  return value === unsound ? undefined : value;
}

/** One of the two ways to tell proxies from clients. */
function checkTrustedProxies(
  written: TrustedProxiesBlock,
  { positions, report }: Surroundings,
): void {
  if (!isSettings(written)) return;
  const { hops, networks } = written;
  if ((hops === undefined) !== (networks === undefined)) return;
  const isNeither = hops === undefined;
  report(positions.key(['trusted_proxies']), {
    code: isNeither ? 'FM014' : 'FM083',
    message: isNeither
      ? '`trusted_proxies` needs `hops` or `networks`'
      : '`hops` and `networks` exclude each other',
    label: isNeither ? 'which proxies are trusted?' : 'keep one of the two',
  });
}
