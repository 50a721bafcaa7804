/**
 * Istio's tests of RequestAuthentication, AuthorizationPolicy and path normalisation.
 *
 * Each request goes through `jwt` and `authorize` as the front end for Istio makes them of the objects, in front of a
 * workload that tells what it got. Tokens are Istio's, verified with its keys. The peer is who the test says: its
 * certificate is the platform's business, and tested there.
 */

import { clientAddress, listenerPort, peerAddress } from '../../src/core/address.ts';
import {
  canonicalPath,
  canonicalPathname,
  type PathNormalization,
} from '../../src/core/canonical-path.ts';
import type { Middleware } from '../../src/core/chain.ts';
import { inbound } from '../../src/core/inbound.ts';
import { peerIdentity, peerNamed } from '../../src/core/peer-identity.ts';
import { urlOf } from '../../src/core/url.ts';
import { compileIstioSecurity, type Workload } from '../../src/rules/front-ends/istio-security.ts';
import { authorize } from '../../src/security/authorize/authorize.ts';
import { jwt } from '../../src/security/jwt/jwt.ts';
import { type Corpus, type Score, ScoreBoard } from './corpus.ts';

interface Document {
  readonly world: {
    readonly target: Target;
    readonly callers: { readonly allowed: Caller };
  };
  readonly jwks: object;
  readonly jwksUri: string;
  readonly suites: readonly Suite[];
  readonly pathNormalization: readonly PathGroup[];
}

interface Target {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
}

interface Caller {
  readonly principal: string;
  readonly ip: string;
  readonly remoteIp?: string;
}

interface Suite {
  readonly suite: string;
  readonly target?: Target;
  readonly policies: readonly unknown[];
  readonly requests: readonly Case[];
}

interface Case {
  readonly id: string;
  readonly caller?: Caller;
  readonly request: {
    readonly method: string;
    readonly host: string;
    readonly path: string;
    readonly port?: number;
    readonly headers?: Readonly<Record<string, string>>;
  };
  readonly expect: {
    readonly status: number;
    readonly backendRequest?: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly absentHeaders?: readonly string[];
    };
  };
}

interface PathGroup {
  readonly group: string;
  readonly normalization: string;
  readonly cases: readonly {
    readonly in: string;
    readonly out?: string;
    readonly status?: number;
  }[];
}

/** Istio's default, under which its tests of requests run. */
const levelOfRequests: PathNormalization = 'base';

const levels: Readonly<Record<string, PathNormalization>> = {
  BASE: 'base',
  MERGE_SLASHES: 'merge_slashes',
  DECODE_AND_MERGE_SLASHES: 'decode_and_merge_slashes',
};

export const istioSecurity: Corpus = {
  file: 'istio-security.json',
  async run(data): Promise<Score> {
    const document = data as Document;
    const board = new ScoreBoard();
    for (const suite of document.suites) await runSuite(suite, document, board);
    for (const group of document.pathNormalization) runPaths(group, board);
    return board;
  },
};

async function runSuite(suite: Suite, document: Document, board: ScoreBoard): Promise<void> {
  const { world, jwksUri, jwks } = document;
  const workload: Workload = suite.target ?? world.target;
  const { issuers, jwtOptions, policies, leftOut } = compileIstioSecurity(suite.policies, workload);
  const left = leftOut.map(({ object, reason }) => `${object} was not carried over: ${reason}`);
  const fetch = async (url: string): Promise<Response> =>
    url === jwksUri ? Response.json(jwks) : new Response(null, { status: 404 });
  const verifying = issuers.length === 0 ? [] : [jwt(issuers, { ...jwtOptions, fetch })];

  for (const { id, request, expect, caller = world.callers.allowed } of suite.requests) {
    let seen: Request | undefined;
    const app = inbound(
      (received) => {
        seen = received;
        return new Response();
      },
      arriving(caller, request.port),
      ...verifying,
      authorize(policies),
    );
    const { method, host, path, headers = {} } = request;
    const { status } = await app(new Request(`http://${host}${path}`, { method, headers }));
    board.check(id, [
      ...left,
      ...(status === expect.status ? [] : [`status ${status}, not ${expect.status}`]),
      ...(expect.status === 200 ? differences(seen, expect) : []),
    ]);
  }
}

/** What the platform and routing would have told. */
function arriving({ principal, ip, remoteIp }: Caller, port: number | undefined): Middleware {
  return (next) => (request, context) =>
    next(
      request,
      context
        .with(peerIdentity, peerNamed(principal))
        .with(peerAddress, ip)
        .with(clientAddress, remoteIp)
        .with(listenerPort, port)
        .with(canonicalPathname, canonicalPath(urlOf(request).pathname, levelOfRequests)),
    );
}

function differences(
  seen: Request | undefined,
  { backendRequest: { headers = {}, absentHeaders = [] } = {} }: Case['expect'],
): string[] {
  if (seen === undefined) return ['the workload was not asked'];
  const wrong = Object.entries(headers).flatMap(([name, wanted]) => {
    const value = seen.headers.get(name);
    return value === wanted ? [] : [`${name}: ${value}, not ${wanted}`];
  });
  const left = absentHeaders.filter((name) => seen.headers.has(name));
  return [...wrong, ...left.map((name) => `${name} reached the workload`)];
}

function runPaths({ group, normalization, cases }: PathGroup, board: ScoreBoard): void {
  const level = levels[normalization];
  if (level === undefined) {
    board.unsupported.push({
      name: `path normalisation ${normalization}`,
      cases: cases.length,
      reason: 'the URL of a Fetch Request is normalised before any rule can see it',
    });
    return;
  }
  for (const [index, { in: given, out, status }] of cases.entries()) {
    const { pathname } = new URL(`http://shop.example${given}`);
    const path = canonicalPath(pathname, level);
    // Istio keeps the case of escapes; ours are in upper case, so that there is one way to write them.
    const wanted = status === 400 ? undefined : inUpperCase(out ?? '');
    const problem = path === wanted ? [] : [`${given} became ${path}, not ${wanted}`];
    board.check(`pathNormalization/${group}#${index}`, problem);
  }
}

function inUpperCase(path: string): string {
  return path.replace(/%[0-9a-f]{2}/gi, (encoded) => encoded.toUpperCase());
}
