/** Pages of other origins that would read what `https://shop.example` and `https://*.shop.example` alone may. */

import { inbound } from '../../../src/index.ts';
import { cors } from '../../../src/security/cors.ts';
import { type Attack, attacks } from './attack.ts';

const app = inbound(
  () => new Response('secret', { headers: { 'access-control-allow-origin': '*' } }),
  cors({ origins: ['https://shop.example', 'https://*.shop.example'], credentials: true }),
);

/** @returns What the answer, and that of a preflight, allow: they have to agree. */
export async function originOutcome(origin: string): Promise<string> {
  const asked = { origin, 'access-control-request-method': 'DELETE' };
  const [answer, preflight] = await Promise.all([
    app(new Request('https://api.example/', { headers: { origin } })),
    app(new Request('https://api.example/', { method: 'OPTIONS', headers: asked })),
  ]);
  const [first, second] = [answer, preflight].map(({ headers }) =>
    [
      headers.get('access-control-allow-origin') ?? 'nobody',
      headers.get('access-control-allow-credentials') ?? '',
    ].join(' '),
  ) as [string, string];
  const vary = answer.headers.get('vary');
  return first === second && vary === 'Origin' ? first.trim() : `${first}, ${second}, ${vary}`;
}

const allowed = (origin: string): string => `${origin} true`;

export const originAttacks: readonly Attack<string, string>[] = attacks('origins', [
  ['the origin', 'https://shop.example', allowed('https://shop.example')],
  ['one below it', 'https://a.b.shop.example', allowed('https://a.b.shop.example')],
  ['null, of a sandbox or a file', 'null', 'nobody'],
  ['another scheme', 'http://shop.example', 'nobody'],
  ['another port', 'https://shop.example:8443', 'nobody'],
  ['its default port', 'https://shop.example:443', 'nobody'],
  ['a name that ends alike', 'https://evilshop.example', 'nobody'],
  ['a name that begins alike', 'https://shop.example.evil.example', 'nobody'],
  ['a name with a dot in front', 'https://.shop.example', 'nobody'],
  ['an empty label', 'https://a..shop.example', 'nobody'],
  ['a dot behind', 'https://shop.example.', 'nobody'],
  ['in capitals', 'https://SHOP.EXAMPLE', 'nobody'],
  ['a path', 'https://shop.example/', 'nobody'],
  ['a path before it', 'https://evil.example/.shop.example', 'nobody'],
  ['a query before it', 'https://evil.example?.shop.example', 'nobody'],
  ['a fragment before it', 'https://evil.example#.shop.example', 'nobody'],
  ['a backslash before it', 'https://evil.example\\.shop.example', 'nobody'],
  ['a user before it', 'https://evil.example@a.shop.example', 'nobody'],
  ['a user that is it', 'https://shop.example@evil.example', 'nobody'],
  ['two of them', 'https://shop.example, https://evil.example', 'nobody'],
  ['two of them, the good one last', 'https://evil.example https://a.shop.example', 'nobody'],
  ['an underscore', 'https://evil_.shop.example', 'nobody'],
  ['a star', 'https://*', 'nobody'],
  ['nothing', '', 'nobody'],
]);
