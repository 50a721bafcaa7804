/** Chains that know secrets: what `describe` prints of them holds none. */

import { expect, test } from 'vitest';
import { access } from '../../src/gateway/access-policies.ts';
import { createGateway } from '../../src/gateway/gateway.ts';
import { governance } from '../../src/gateway/governance.ts';
import { traffic } from '../../src/gateway/traffic-policies.ts';
import { describe, inbound, type Middleware, outbound } from '../../src/index.ts';
import { fallback } from '../../src/policies/fallback.ts';
import { mirror } from '../../src/policies/mirror.ts';
import { rateLimit } from '../../src/policies/rate-limit.ts';
import { redirect } from '../../src/routing/redirect.ts';
import { respond } from '../../src/routing/respond.ts';
import { rewrite } from '../../src/routing/rewrite.ts';
import { service } from '../../src/routing/service.ts';
import { authorize, externalAuthorizer } from '../../src/security/authorize/authorize.ts';
import { headers } from '../../src/security/headers.ts';
import { jwt } from '../../src/security/jwt/jwt.ts';
import { upstreamGuard } from '../../src/security/upstream-guard.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import { rulesFrom } from '../support/rules.ts';

const secret = 'hunter2-hunter2-hunter2-hunter2-hunter2';
const basic = { authorization: `Basic ${secret}` };

/** Everything that somebody could give a secret to. */
const layers: Readonly<Record<string, Middleware>> = {
  'a key that is shared with an issuer': jwt({ issuer: 'id', keys: [{ secret }] }),
  'a key set behind a URL with a key': jwt({
    ...{ issuer: 'id', jwks: { url: `https://id.example/jwks?key=${secret}` } },
  }),
  'an authorizer behind such a URL': authorize([
    {
      ...{ name: 'gate', action: 'custom', rules: [{}] },
      authorizer: externalAuthorizer({ url: `http://gate.internal/?key=${secret}` }),
    },
  ]),
  'a policy that asks for a header': authorize([
    { rules: [{ when: [{ key: 'request.headers[x-key]', values: [secret] }] }] },
  ]),
  'headers that are set': headers({
    request: { set: basic },
    response: { set: { 'x-k': secret } },
  }),
  'copies with credentials': mirror({ to: 'http://shadow.internal', headers: { set: basic } }),
  'an answer': fallback({ body: secret, headers: basic }),
  'a rewritten path': rewrite({ path: `/${secret}` }),
  'a limit with a key of its own': rateLimit(
    { limit: 1, per: '1s', by: () => secret },
    { store: memoryStore() },
  ),
  'a guard': upstreamGuard({ resolver: 'none', onRefusal: () => secret }),
  endpoints: service({ name: 'users', endpoints: [`http://a.internal/${secret}`] }).middleware,
  rules: governance(
    rulesFrom(`auth: { main: { issuer: id, jwks: "https://id.example/?key=${secret}" } }
services: { web: "http://web.internal/${secret}" }
routes:
  - path: /**
    auth: main
    to: web
    headers: { request: { set: { authorization: "Basic ${secret}" } } }
`),
    { access, traffic },
  ),
};

test.each(Object.entries(layers))('%s: describe shows nothing of it', (_, layer) => {
  const printed = [
    describe(layer),
    describe(inbound(() => new Response(secret), layer)),
    describe(outbound(async () => new Response(secret), layer)),
  ].join('\n');
  expect(printed.split('\n').length).toBeGreaterThan(4);
  expect(printed).not.toContain(secret);
});

test('the ends of chains show nothing either', () => {
  for (const end of [respond({ body: secret }), redirect({ path: `/${secret}` })]) {
    expect(describe(inbound((request) => end(request, undefined as never)))).not.toContain(secret);
  }
});

test('a gateway, printed, shows nothing of its rules', () => {
  const gateway = createGateway(
    rulesFrom(
      `services: { web: "http://web.internal" }\nroutes: [{ path: /**, respond: { body: "${secret}" } }]`,
    ),
  );
  expect(JSON.stringify(gateway)).not.toContain(secret);
  expect(describe(gateway.fetch)).not.toContain(secret);
});
