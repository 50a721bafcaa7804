import type { MatchableRoute } from '../../src/routing/match.ts';
import { RequestFacts } from '../../src/routing/request-facts.ts';

/** What a request is matched by. */
export interface PlainRequest {
  readonly method: string;
  readonly host: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string>>;
  readonly cookies?: Readonly<Record<string, string>> | undefined;
  readonly baggage?: Readonly<Record<string, string>> | undefined;
}

/** The same request as the compiled matcher sees it. */
export function factsOf({
  method = 'GET',
  host = 'shop.example',
  path,
  headers,
  query,
  cookies,
  baggage,
}: Partial<PlainRequest> & { path: string }): RequestFacts {
  const url = new URL(`http://${host}/`);
  url.pathname = path;
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  const all = new Headers(headers);
  if (cookies !== undefined) all.set('cookie', pairs(cookies, '; '));
  if (baggage !== undefined) all.set('baggage', pairs(baggage, ','));
  return new RequestFacts(new Request(url, { method, headers: all }), url, path);
}

function pairs(values: Readonly<Record<string, string>>, separator: string): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value}`)
    .join(separator);
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
      match.some(({ headers, query, cookies, baggage }) =>
        [
          ...answers(inLowerCase(headers), request.headers),
          ...answers(query, request.query),
          ...answers(cookies, request.cookies),
          ...answers(baggage, request.baggage),
        ].every(Boolean),
      ))
  );
}

type Values = Readonly<Record<string, string>>;

function answers(wanted: Values = {}, given: Values = {}): boolean[] {
  return Object.entries(wanted).map(([name, text]) =>
    holds(text, Object.hasOwn(given, name) ? given[name] : undefined),
  );
}

function inLowerCase(headers: Values = {}): Values {
  return Object.fromEntries(
    Object.entries(headers).map(([name, wanted]) => [name.toLowerCase(), wanted]),
  );
}

function matchesPath({ path, trailingSlash }: MatchableRoute, actual: string): boolean {
  if (path.startsWith('~')) return new RegExp(path.slice(1), 'u').test(actual);
  const wanted = path.slice(1).split('/');
  const given = actual.slice(1).split('/');
  return trailingSlash === 'ignore'
    ? segmentsMatch(withoutTrailingSlash(wanted), withoutTrailingSlash(given))
    : segmentsMatch(wanted, given);
}

/** The root has no other form. */
function withoutTrailingSlash(segments: readonly string[]): readonly string[] {
  return segments.length > 1 && segments.at(-1) === '' ? segments.slice(0, -1) : segments;
}

function segmentsMatch(wanted: readonly string[], given: readonly string[]): boolean {
  for (const [index, segment] of wanted.entries()) {
    if (segment === '**') return true;
    const actual = given[index];
    if (actual === undefined) return false;
    const isOne = segment === '*' || /^:|^\{/.test(segment);
    if (isOne ? actual === '' : actual !== segment) return false;
  }
  return wanted.length === given.length;
}

function matchesHost(pattern: string, host: string): boolean {
  const wanted = pattern.toLowerCase();
  if (wanted === '*') return true;
  return wanted.startsWith('*.')
    ? host.endsWith(wanted.slice(1)) && host.length >= wanted.length
    : wanted === host;
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
