import { createGateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import { compiledRules } from '../../src/rules/sources/compiled.ts';
import { rulesFrom } from './rules.ts';
import { signer } from './tokens.ts';
import { VirtualClock } from './virtual-clock.ts';

const key = await signer('ES256');
const clock = new VirtualClock();
/** What a token says that is taken. */
export const good = {
  iss: 'https://id.test/',
  aud: 'shop',
  sub: 'ada',
  exp: clock.now() / 1_000 + 600,
};
/** Such a token, with other claims where they are given. */
export const token = (claims: object = {}): Promise<string> => key.token({ ...good, ...claims });

/** Rules with these routes, and an `auth` named `main` that tells `x-user`. */
export const file = (routes: string, more = ''): string => `services:
  web: http://web.test
  users: { versions: { v1: "http://u1.test", v2: "http://u2.test" } }
auth:
  main: { issuer: "https://id.test/", audience: shop, jwks: "https://id.test/jwks", claim_headers: { x-user: sub } }
${more}routes:
${routes}
`;

/** A gateway with these rules, whose tokens are signed by the one key that is fetched. */
export function guardedGateway(text: string, options: GatewayOptions = {}) {
  const sent: { url: string; headers: Headers }[] = [];
  const fetched: string[] = [];
  // As a Worker gets them.
  const rules = (from: string) =>
    compiledRules(JSON.parse(JSON.stringify(rulesFrom(from, { mode: 'gateway' }))));
  const gateway = createGateway(rules(text), {
    clock,
    random: () => 0.9,
    transport: async (url, init) => {
      sent.push({ url, headers: new Headers(init.headers) });
      return new Response(new URL(url).hostname);
    },
    keysFetch: async (url) => {
      fetched.push(url);
      return Response.json({ keys: [key.jwk] });
    },
    ...options,
  });
  async function ask(path: string, bearer?: string, headers = {}, ...platform: unknown[]) {
    const all = { ...headers, ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) };
    return await gateway.fetch(
      new Request(`http://shop.example${path}`, { headers: all }),
      ...platform,
    );
  }
  return {
    gateway,
    ask,
    sent,
    fetched,
    replace: (next: string) => gateway.replace(rules(next), '2'),
  };
}
