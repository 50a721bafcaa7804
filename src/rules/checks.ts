/**
 * Checks beyond the shape: rules that are well-formed and yet will not do what was meant.
 *
 * @module
 */

import { resolveMatch } from './blocks/match.ts';
import { checkBreakersBehindLimits, checkRateLimits, checkShed } from './limit-checks.ts';
import type { Path } from './nodes.ts';
import type { Positions } from './positions.ts';
import { quote } from './quote.ts';
import { type Reach, ReachIndex } from './reachability.ts';
import { unsound } from './read.ts';
import type { Report } from './report.ts';
import type { ResolvedFile, ResolvedRoute } from './resolve.ts';
import { checkRetryTimes } from './retry-time.ts';
import {
  checkConditions,
  checkHedge,
  checkMatch,
  checkSticky,
  checkUnsafeMethods,
} from './route-checks.ts';
import { asList } from './shape.ts';
import type { Surroundings } from './surroundings.ts';
import { checkToldHeaders } from './told-headers.ts';
import { endsByItself } from './traffic.ts';
import { checkBody, checkEnds, checkHeaders, checkPathEdits } from './traffic-checks.ts';

/** Runs all checks. */
export function checkFile(file: ResolvedFile, around: Surroundings): void {
  const { positions, report } = around;
  const { routes } = file;
  checkNames(routes, positions, report);
  checkReachability(routes, positions, report);
  checkRetryTimes(routes, positions, report);
  checkUnsafeMethods(routes, positions, report);
  checkRateLimits(routes, positions, report);
  checkBreakersBehindLimits(routes, positions, report);
  checkShed(routes, positions, report);
  for (const route of routes) {
    checkHedge(route, positions, report);
    checkSticky(route, positions, report);
    checkMatch(route, positions, report);
    checkEnds(route, positions, report);
    checkPathEdits(route, positions, report);
  }
  checkToldHeaders(file, positions, report);
  checkPolicyBlocks(file, positions, report);
  checkOwnPaths(file, positions, report);
  checkTraces(file, positions, report);
}

/**
 * A route leads somewhere (FM021).
 *
 * @param isSound Whether nothing else is wrong with the file: only then it is of interest that a library needs no upstream.
 */
export function checkUpstreams(
  routes: readonly ResolvedRoute[],
  { mode, positions, report }: Surroundings,
  isSound: boolean,
): void {
  const open = routes.filter(
    ({ to, written }) => to !== unsound && to.length === 0 && !endsByItself(written),
  );
  const [first] = open;
  if (first === undefined) return;
  if (mode === 'library') {
    if (!isSound) return;
    report(placeOf(first, positions), {
      code: 'FM021',
      severity: 'info',
      message:
        open.length === 1
          ? 'a route names no upstream'
          : `${open.length} routes name no upstream, this one first`,
      label: 'in a library the request goes on by itself',
      help: 'for a gateway write `to`, or start it with: serve --upstream URL',
    });
    return;
  }
  for (const route of open) {
    report(placeOf(route, positions), {
      code: 'FM021',
      message: `route ${quote(route.name)} has no upstream`,
      label: 'where shall the request go?',
      help: 'write `to` here or under `defaults`, or start with: serve --upstream URL',
    });
  }
}

/** Blocks that stand on routes or under `defaults` say what they mean, each looked at once. */
function checkPolicyBlocks(
  { routes, defaults }: ResolvedFile,
  positions: Positions,
  report: Report,
): void {
  const places = [
    ...routes.map(({ written, path }) => ({ blocks: written, path })),
    { blocks: defaults, path: ['defaults'] },
  ];
  for (const { blocks, path } of places) {
    const { headers, fallback, fault } = blocks;
    if (typeof headers === 'object') checkHeaders(headers, [...path, 'headers'], positions, report);
    if (typeof fallback === 'object' && fallback.respond !== undefined) {
      checkBody(fallback.respond, [...path, 'fallback', 'respond'], positions, report);
    }
    if (typeof fault === 'object' && fault.only_if !== undefined) {
      checkConditions(fault.only_if, [...path, 'fault', 'only_if'], positions, report);
    }
  }
}

/** Names tell routes apart (FM025). */
function checkNames(routes: readonly ResolvedRoute[], positions: Positions, report: Report): void {
  const seen = new Map<string, ResolvedRoute>();
  for (const route of routes) {
    if (typeof route.written.name !== 'string') continue;
    const first = seen.get(route.name);
    if (first === undefined) {
      seen.set(route.name, route);
      continue;
    }
    report(positions.value([...route.path, 'name']), {
      code: 'FM025',
      message: `a second route is called ${quote(route.name)}`,
      label: 'the second one',
      help: 'give each a name of its own: metrics and state go by it',
      related: [{ span: positions.value([...first.path, 'name']), label: 'the first one' }],
    });
  }
}

/** An earlier route does not take everything (FM040). */
function checkReachability(
  routes: readonly ResolvedRoute[],
  positions: Positions,
  report: Report,
): void {
  const index = new ReachIndex<Reach & { readonly route: ResolvedRoute }>();
  for (const route of routes) {
    const reach = reachOf(route);
    if (reach === undefined) continue;
    const covering = index.coveringOf(reach, (earlier) => earlier.route.index);
    if (covering === undefined) {
      index.add(reach);
      continue;
    }
    const earlier = covering.route;
    const mutual = new ReachIndex<typeof reach>();
    mutual.add(reach);
    const isSame = mutual.coveringOf(covering, () => 0) !== undefined;
    const file = earlier.file === route.file ? '' : `${earlier.file}, `;
    const place = `${quote(earlier.name)} (${file}line ${earlier.line})`;
    report(placeOf(route, positions), {
      code: 'FM040',
      severity: 'warning',
      message: `route ${quote(route.name)} can never match`,
      label: 'every request it would match is taken above',
      help: isSame ? 'both match the same; remove one of them' : `move it above ${place}`,
      related: [{ span: placeOf(earlier, positions), label: 'first match wins here' }],
    });
  }
}

function reachOf(route: ResolvedRoute): (Reach & { route: ResolvedRoute }) | undefined {
  const { path, methods, hosts, match, trailing_slash: trailingSlash = 'strict' } = route.written;
  if (path === unsound || methods === unsound || hosts === unsound) return undefined;
  if (match === unsound || trailingSlash === unsound) return undefined;
  return {
    path,
    methods: methods === undefined ? undefined : asList(methods),
    hosts: hosts === undefined ? undefined : asList(hosts),
    match: match === undefined ? [] : resolveMatch(match),
    trailingSlash,
    route,
  };
}

/** No route waits for requests that the gateway answers itself (FM026). */
function checkOwnPaths(
  { telemetry, health, routes }: ResolvedFile,
  positions: Positions,
  report: Report,
): void {
  const own = new Map<string, Path>();
  const candidates: readonly (readonly [string | undefined, Path])[] = [
    [telemetry?.metrics?.path, ['telemetry', 'metrics', 'path']],
    [health?.path, ['health', 'path']],
    [health?.ready_path, ['health', 'ready_path']],
  ];
  for (const [text, path] of candidates) {
    if (text === undefined) continue;
    const other = own.get(text);
    if (other === undefined) own.set(text, path);
    else {
      report(positions.value(path), {
        code: 'FM026',
        message: `${quote(text)} is used for two things`,
        label: 'the second one',
        help: 'give each a path of its own',
        related: [{ span: positions.value(other), label: 'the first one' }],
      });
    }
  }
  for (const route of routes) {
    const { path } = route.written;
    const claimed = path === unsound ? undefined : own.get(path.replace(/(.)\/\*\*$/, '$1'));
    if (claimed === undefined) continue;
    report(placeOf(route, positions), {
      code: 'FM026',
      severity: 'warning',
      message: `route ${quote(route.name)} claims a path that the gateway answers itself`,
      label: 'requests for that path do not come here',
      help: 'move one of the two to another path',
      related: [{ span: positions.value(claimed), label: 'answered here, before all routes' }],
    });
  }
}

/** Traces are sent at a bearable rate (FM070) to a port that takes them (FM071). */
function checkTraces({ telemetry }: ResolvedFile, positions: Positions, report: Report): void {
  const { sample, otlp = '' } = telemetry?.traces ?? {};
  if (sample === 1) {
    report(positions.value(['telemetry', 'traces', 'sample']), {
      code: 'FM070',
      severity: 'warning',
      message: 'every trace is recorded',
      label: 'fine for a demonstration, costly in production',
    });
  }
  if (URL.parse(otlp)?.port === '4317') {
    report(positions.value(['telemetry', 'traces', 'otlp']), {
      code: 'FM071',
      severity: 'warning',
      message: 'port 4317 is the gRPC port of OTLP',
      label: 'traces are sent over HTTP: use 4318',
    });
  }
}

/** A route's most telling place: its path. */
function placeOf({ path }: ResolvedRoute, positions: Positions): { start: number; end: number } {
  return positions.value([...path, 'path']);
}
