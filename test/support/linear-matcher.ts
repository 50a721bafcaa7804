import type { MatchableRoute } from '../../src/routing/match.ts';

/** What a request is matched by. */
export interface PlainRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
}

/** Matching as the rules language says it, one route after the other: the model for the compiled one. */
export function linearFind(
  routes: readonly MatchableRoute[],
  request: PlainRequest,
): number | undefined {
  const index = routes.findIndex((route) => matches(route, request));
  return index === -1 ? undefined : index;
}

function matches(route: MatchableRoute, request: PlainRequest): boolean {
  const { methods, hosts = [], match = [] } = route;
  return (
    matchesPath(route, request.path) &&
    (methods === undefined || methods.includes(request.method)) &&
    (hosts.length === 0 || hosts.some((host) => matchesHost(host, request.host))) &&
    (match.length === 0 ||
      match.some(({ headers = {}, query = {} }) =>
        [
          ...Object.entries(headers).map(([name, wanted]) => holds(wanted, request.headers[name])),
          ...Object.entries(query).map(([name, wanted]) => holds(wanted, request.query[name])),
        ].every(Boolean),
      ))
  );
}

function matchesPath({ path, trailingSlash }: MatchableRoute, actual: string): boolean {
  if (path.startsWith('~')) return new RegExp(path.slice(1), 'u').test(actual);
  const wanted = path.slice(1).split('/');
  const given = actual.slice(1).split('/');
  if (segmentsMatch(wanted, given)) return true;
  if (trailingSlash !== 'ignore' || wanted.at(-1) === '**') return false;
  return (
    segmentsMatch(wanted, given.at(-1) === '' ? given.slice(0, -1) : [...given, '']) &&
    given.length + wanted.length > 2
  );
}

function segmentsMatch(wanted: readonly string[], given: readonly string[]): boolean {
  for (const [index, segment] of wanted.entries()) {
    if (segment === '**') return true;
    const actual = given[index];
    if (actual === undefined) return false;
    const isOne = segment === '*' || segment.startsWith(':');
    if (isOne ? actual === '' : actual !== segment) return false;
  }
  return wanted.length === given.length;
}

function matchesHost(pattern: string, host: string): boolean {
  const wanted = pattern.toLowerCase();
  if (wanted === '*') return true;
  return wanted.startsWith('*.') ? host.endsWith(wanted.slice(1)) : wanted === host;
}

function holds(wanted: string, value: string | undefined): boolean {
  if (wanted === '*') return value !== undefined;
  if (wanted === '!*') return value === undefined;
  if (wanted.startsWith('~'))
    return value !== undefined && new RegExp(wanted.slice(1), 'u').test(value);
  if (wanted.startsWith('!')) return value !== wanted.slice(1);
  if (wanted.endsWith('*')) return value?.startsWith(wanted.slice(0, -1)) ?? false;
  return value === wanted;
}
