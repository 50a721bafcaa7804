/**
 * Headers in which upstreams are told who a caller is.
 *
 * @module
 */

import { takenFor } from '../security/twins.ts';
import type { AuthorizerBlock } from './blocks/authorizer.ts';
import type { DefaultsBlock } from './blocks/route.ts';
import type { Path } from './nodes.ts';
import type { Positions } from './positions.ts';
import { quote } from './quote.ts';
import { type Draft, unsound } from './read.ts';
import type { Report } from './report.ts';
import type { ResolvedFile, ResolvedRoute } from './resolve.ts';
import { asList } from './shape.ts';

/** Where a header gets its value. */
interface Teller {
  readonly path: Path;
  readonly by: 'a token' | 'an authorizer';
  /** Of a token, where it is one claim alone. */
  readonly claim?: string;
}

/** No route is chosen by what nobody but the client has said by then (FM109). */
export function checkToldHeaders(file: ResolvedFile, positions: Positions, report: Report): void {
  const tellers = tellersOf(file);
  if (tellers.size === 0) return;
  for (const route of file.routes) {
    for (const { header, claim: asClaim, path, part } of deciding(route)) {
      const teller = tellers.get(takenFor(header.toLowerCase()));
      if (teller === undefined) continue;
      const { by, claim } = teller;
      report(positions[part](path), {
        code: 'FM109',
        severity: 'warning',
        message: `${quote(header)} is what the client wrote when a route is chosen`,
        label: `${by} says it only afterwards`,
        help:
          claim === undefined
            ? 'ask for it in `allow` or `deny`, or choose by something else, such as a cookie'
            : `go by the claim itself: ${asClaim(claim)}`,
        related: [{ span: positions.key(teller.path), label: 'told from here on' }],
      });
    }
  }
}

/** By the names that upstreams may take them for. */
function tellersOf({ auth, routes, defaults }: ResolvedFile): ReadonlyMap<string, Teller> {
  const tellers = new Map<string, Teller>();
  for (const [name, issuer] of Object.entries(auth)) {
    if (issuer === unsound) continue;
    const path: Path = ['auth', name];
    const by = 'a token';
    for (const [header, claim] of Object.entries(issuer.claim_headers ?? {})) {
      const at = [...path, 'claim_headers', header];
      tellers.set(takenFor(header.toLowerCase()), { path: at, by, claim });
    }
    const { payload_header: payload } = issuer;
    if (payload !== undefined) {
      tellers.set(takenFor(payload.toLowerCase()), { path: [...path, 'payload_header'], by });
    }
  }
  const shared: { written: Draft<DefaultsBlock>; path: Path } = {
    written: defaults,
    path: ['defaults'],
  };
  for (const { written, path } of [shared, ...routes]) {
    const { authorizer } = written;
    if (authorizer === undefined || authorizer === unsound || authorizer === 'off') continue;
    const { forward = [] } = authorizer as AuthorizerBlock;
    for (const header of asList(forward)) {
      const at = [...path, 'authorizer', 'forward'];
      tellers.set(takenFor(header.toLowerCase()), { path: at, by: 'an authorizer' });
    }
  }
  return tellers;
}

/** A header by which a route or one of its destinations is chosen. */
interface Deciding {
  readonly header: string;
  readonly path: Path;
  readonly part: 'key' | 'value';
  /** How the same is asked of a claim. */
  claim(name: string): string;
}

function* deciding({ written: { match, sticky }, path }: ResolvedRoute): Generator<Deciding> {
  if (match !== undefined && match !== unsound) {
    const isList = Array.isArray(match);
    for (const [index, { headers = {} }] of asList(match).entries()) {
      const at = [...path, 'match', ...(isList ? [index] : []), 'headers'];
      for (const header of Object.keys(headers)) {
        const claim = (name: string): string => `\`claims: { ${name}: … }\``;
        yield { header, path: [...at, header], part: 'key', claim };
      }
    }
  }
  if (sticky === undefined || sticky === unsound) return;
  const isList = Array.isArray(sticky.by);
  for (const [index, key] of asList(sticky.by).entries()) {
    if (!key.startsWith('header:')) continue;
    const at = [...path, 'sticky', 'by', ...(isList ? [index] : [])];
    const claim = (name: string): string => quote(`jwt:${name}`);
    yield { header: key.slice('header:'.length), path: at, part: 'value', claim };
  }
}
