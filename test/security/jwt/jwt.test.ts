import { describe, expect, test } from 'vitest';
import { claims, spaceDelimitedClaims } from '../../../src/core/claims.ts';
import { type Context, contextOf } from '../../../src/core/context.ts';
import { inbound } from '../../../src/core/inbound.ts';
import { outbound } from '../../../src/core/outbound.ts';
import { rejectionOf } from '../../../src/core/rejection.ts';
import { type JwtIssuer, type JwtOptions, jwt } from '../../../src/security/jwt/jwt.ts';
import { signer } from '../../support/tokens.ts';
import { status, upstream } from '../../support/upstream.ts';
import { VirtualClock } from '../../support/virtual-clock.ts';

const clock = new VirtualClock();
const now = Math.floor(clock.now() / 1_000);
const key = await signer('ES256');
const issuer = { issuer: 'https://id.example/', audience: 'shop', keys: key.jwk };
const good = { iss: 'https://id.example/', aud: 'shop', sub: 'ada', exp: now + 300 };
const token = await key.token(good);
const url = 'http://shop.example/orders?a=1';

/** What the app behind such a policy gets of a request. */
async function seenBy(
  given: JwtIssuer | readonly JwtIssuer[],
  request: Request,
  options: JwtOptions = {},
): Promise<{ response: Response; seen: Request | undefined }> {
  let seen: Request | undefined;
  const app = inbound(
    (received) => {
      seen = received;
      return new Response('in');
    },
    jwt(given, { clock, ...options }),
  );
  return { response: await app(request), seen };
}

const withToken = (text = token, more: Record<string, string> = {}): Request =>
  new Request(url, { headers: { authorization: `Bearer ${text}`, ...more } });

describe('a request without a token', () => {
  test('JW-01 is a 401 that asks for one', async () => {
    const { response, seen } = await seenBy(issuer, new Request(url));
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(rejectionOf(response)?.reason).toBe('unauthenticated');
    expect(seen).toBeUndefined();
  });

  test('JW-01 passes without an identity where tokens are optional', async () => {
    const { response, seen } = await seenBy(issuer, new Request(url), { optional: true });
    expect(response.status).toBe(200);
    expect(contextOf(seen as Request)?.get(claims)).toBeUndefined();
  });

  test('is one whose Authorization is of another scheme, which stays', async () => {
    const request = new Request(url, { headers: { authorization: 'Basic YTpi' } });
    expect((await seenBy(issuer, request)).response.status).toBe(401);
    const { seen } = await seenBy(issuer, request, { optional: true });
    expect(seen?.headers.get('authorization')).toBe('Basic YTpi');
  });
});

test('JW-02 a bad token is a 401 even where tokens are optional, and the app is not asked', async () => {
  const { response, seen } = await seenBy(issuer, withToken('nonsense'), { optional: true });
  expect(response.status).toBe(401);
  expect(response.headers.get('www-authenticate')).toBe(
    'Bearer error="invalid_token", error_description="The token is not valid."',
  );
  expect(seen).toBeUndefined();
});

test('JW-02 an expired token is called so', async () => {
  const expired = await key.token({ ...good, exp: now - 100 });
  const { response } = await seenBy(issuer, withToken(expired));
  expect(response.headers.get('www-authenticate')).toContain('The token has expired.');
});

test('JW-03 a token for another audience is a 403 without a challenge', async () => {
  const { response } = await seenBy({ ...issuer, audience: ['bank', 'post'] }, withToken());
  expect(response.status).toBe(403);
  expect(response.headers.has('www-authenticate')).toBe(false);
  expect(rejectionOf(response)?.reason).toBe('access_denied');
});

describe('what is found', () => {
  test('JW-04 is in the context, for policies further in', async () => {
    const { seen } = await seenBy(issuer, withToken());
    expect(contextOf(seen as Request)?.get(claims)).toEqual(good);
  });

  test('JW-04 no identity from further out stays where there is no token', async () => {
    let inner: unknown = 'not asked';
    const app = inbound(
      (request) => {
        inner = contextOf(request)?.get(claims);
        return new Response();
      },
      jwt(issuer, { clock }),
      jwt({ ...issuer, from: { cookies: ['other'] } }, { clock, optional: true }),
    );
    await app(withToken());
    expect(inner).toBeUndefined();
  });

  test('names the claims that are lists of words', async () => {
    const { seen } = await seenBy({ ...issuer, spaceDelimitedClaims: ['roles'] }, withToken());
    expect(contextOf(seen as Request)?.get(spaceDelimitedClaims)).toEqual([
      'scope',
      'permission',
      'roles',
    ]);
  });
});

describe('tokens are looked for', () => {
  const places: JwtIssuer = {
    ...issuer,
    from: {
      headers: [{ name: 'X-Token', prefix: 'Value ' }, { name: 'x-bare' }],
      cookies: ['session'],
      query: ['token'],
    },
  };

  test.each<[string, Request]>([
    ['a header', new Request(url, { headers: { 'x-token': `Value ${token}` } })],
    [
      'a header whose prefix is in other case',
      new Request(url, { headers: { 'x-token': `VALUE ${token}` } }),
    ],
    ['a header without a prefix', new Request(url, { headers: { 'x-bare': token } })],
    ['a cookie', new Request(url, { headers: { cookie: `a=1; session=${token}; b=2` } })],
    ['the query', new Request(`${url}&token=${token}`)],
    [
      'two places, the same',
      new Request(`${url}&token=${token}`, { headers: { 'x-bare': token } }),
    ],
  ])('in %s', async (_, request) => {
    expect((await seenBy(places, request)).response.status).toBe(200);
  });

  test.each<[string, Request]>([
    ['where they usually are', withToken()],
    ['in a header without its prefix', new Request(url, { headers: { 'x-token': token } })],
    ['in another parameter', new Request(`${url}&tokens=${token}`)],
    ['in a cookie of another name', new Request(url, { headers: { cookie: `Session=${token}` } })],
  ])('and not %s, if places are given', async (_, request) => {
    expect((await seenBy(places, request)).response.status).toBe(401);
  });

  test('JW-05 one good among bad ones is not enough', async () => {
    const request = new Request(`${url}&token=${token}&token=nonsense`);
    expect((await seenBy(places, request)).response.status).toBe(401);
  });

  test('JW-05 a few, and no more, each of which costs a signature', async () => {
    const many = await Promise.all([1, 2, 3, 4, 5].map((jti) => key.token({ ...good, jti })));
    const query = many.map((each) => `&token=${each}`).join('');
    expect((await seenBy(places, new Request(url + query))).response.status).toBe(401);
    const four = many
      .slice(1)
      .map((each) => `&token=${each}`)
      .join('');
    expect((await seenBy(places, new Request(url + four))).response.status).toBe(200);
  });

  test('JW-05 and taken off: the upstream gets none, and all the rest', async () => {
    const request = new Request(`${url}&token=${token}&b=2`, {
      method: 'POST',
      body: 'hello',
      headers: {
        'x-token': `Value ${token}`,
        cookie: `a=1; session=${token}; b=2`,
        'x-other': '1',
      },
    });
    const { seen } = await seenBy(places, request);
    expect(seen?.url).toBe(`${url}&b=2`);
    expect(seen?.headers.has('x-token')).toBe(false);
    expect(seen?.headers.get('cookie')).toBe('a=1; b=2');
    expect(seen?.headers.get('x-other')).toBe('1');
    expect(await seen?.text()).toBe('hello');
  });

  test('JW-05 and left where they are if the upstream shall have them', async () => {
    const { seen } = await seenBy({ ...issuer, forward: true }, withToken());
    expect(seen?.headers.get('authorization')).toBe(`Bearer ${token}`);
  });
});

describe('headers for the upstream', () => {
  const showing: JwtIssuer = {
    ...issuer,
    claimHeaders: {
      'X-User': 'sub',
      'x-level': 'realm.level',
      'x-admin': 'admin',
      'x-tags': 'tags',
    },
    payloadHeader: 'x-payload',
  };

  test('JW-06 show claims: text, numbers and truth values, nested ones too', async () => {
    const rich = await key.token({ ...good, realm: { level: 3 }, admin: false, tags: ['a'] });
    const { seen } = await seenBy(showing, withToken(rich));
    expect(seen?.headers.get('x-user')).toBe('ada');
    expect(seen?.headers.get('x-level')).toBe('3');
    expect(seen?.headers.get('x-admin')).toBe('false');
    expect(seen?.headers.has('x-tags')).toBe(false);
    expect(seen?.headers.get('x-payload')).toBe(rich.split('.')[1]);
  });

  test.each([
    [
      'with a good token that lacks the claim',
      withToken(token, { 'x-admin': 'true', 'x-level': '9' }),
      {},
    ],
    [
      'without a token',
      new Request(url, { headers: { 'x-admin': 'true', 'x-user': 'root', 'X-Payload': 'forged' } }),
      { optional: true },
    ],
    [
      'with a preflight',
      new Request(url, {
        method: 'OPTIONS',
        headers: {
          origin: 'https://a.example',
          'access-control-request-method': 'GET',
          'x-admin': 'true',
        },
      }),
      { preflights: 'pass' as const },
    ],
  ])('cannot be forged: those of the client are taken off %s', async (_, request, options) => {
    const { response, seen } = await seenBy(showing, request, options);
    expect(response.status).toBe(200);
    expect(seen?.headers.has('x-admin')).toBe(false);
    expect(seen?.headers.has('x-level')).toBe(false);
    expect(seen?.headers.get('x-user')).not.toBe('root');
    expect(seen?.headers.get('x-payload')).not.toBe('forged');
  });

  test.each(['a\r\nx-admin: true', 'a\u0000b', ' a', 'snow \u2603'])(
    'hold nothing that a header cannot: %j',
    async (sub) => {
      const { response, seen } = await seenBy(
        showing,
        withToken(await key.token({ ...good, sub })),
      );
      expect(response.status).toBe(200);
      expect(seen?.headers.has('x-user')).toBe(false);
      expect(seen?.headers.has('x-admin')).toBe(false);
    },
  );

  test('JW-06 a claim of a prototype is none', async () => {
    const prying = { ...issuer, claimHeaders: { 'x-a': 'constructor.name', 'x-b': '__proto__' } };
    const { seen } = await seenBy(prying, withToken());
    expect(seen?.headers.has('x-a')).toBe(false);
    expect(seen?.headers.has('x-b')).toBe(false);
  });

  test('JW-06 have no twins that an upstream could take for them', async () => {
    const request = withToken(token, { x_user: 'root', 'x-realm_level': '9', x_other: '1' });
    const { seen } = await seenBy({ ...issuer, claimHeaders: { 'x-user': 'sub' } }, request);
    expect(seen?.headers.get('x-user')).toBe('ada');
    expect(seen?.headers.has('x_user')).toBe(false);
    expect(seen?.headers.get('x_other')).toBe('1');
  });

  test('JW-06 nor have those with an underscore in their names', async () => {
    const request = withToken(token, { 'x-user-name': 'root', 'x-user_name': 'root' });
    const { seen } = await seenBy({ ...issuer, claimHeaders: { 'x_User-name': 'sub' } }, request);
    expect(seen?.headers.get('x_user-name')).toBe('ada');
    expect(seen?.headers.has('x-user-name')).toBe(false);
    expect(seen?.headers.has('x-user_name')).toBe(false);
  });

  test('reach a fetch too', async () => {
    const fetch = upstream(status(200));
    await outbound(fetch, jwt(showing, { clock }))(withToken());
    expect(fetch.calls[0]?.headers.get('x-user')).toBe('ada');
    expect(fetch.calls[0]?.headers.has('authorization')).toBe(false);
  });
});

describe('preflights', () => {
  const preflight = (without = ''): Request => {
    const headers = new Headers({
      origin: 'https://a.example',
      'access-control-request-method': 'POST',
      authorization: 'Bearer nonsense',
    });
    if (without !== '') headers.delete(without);
    return new Request(url, { method: 'OPTIONS', headers });
  };

  test('JW-07 are asked for a token like any request', async () => {
    expect((await seenBy(issuer, preflight())).response.status).toBe(401);
  });

  test('JW-07 pass without an identity where that is said', async () => {
    const { response, seen } = await seenBy(issuer, preflight(), { preflights: 'pass' });
    expect(response.status).toBe(200);
    expect(contextOf(seen as Request)?.get(claims)).toBeUndefined();
    expect(seen?.headers.has('authorization')).toBe(false);
  });

  test.each(['origin', 'access-control-request-method'])('are none without %s', async (header) => {
    const { response } = await seenBy(issuer, preflight(header), { preflights: 'pass' });
    expect(response.status).toBe(401);
  });
});

describe('several issuers', () => {
  test('JW-08 each vouches with its own keys alone', async () => {
    const other = await signer('ES256', key.jwk.kid);
    const both = [issuer, { issuer: 'https://other.example/', keys: other.jwk }];
    const ofOther = await other.token({ ...good, iss: 'https://other.example/' });
    const forged = await other.token(good);
    expect((await seenBy(both, withToken(token))).response.status).toBe(200);
    expect((await seenBy(both, withToken(ofOther))).response.status).toBe(200);
    expect((await seenBy(both, withToken(forged))).response.status).toBe(401);
  });

  test('JW-08 two entries of one issuer take what either takes', async () => {
    const { audience: _, ...anyAudience } = issuer;
    const strict = { ...issuer, audience: 'bank' };
    expect((await seenBy([strict], withToken())).response.status).toBe(403);
    expect((await seenBy([strict, anyAudience], withToken())).response.status).toBe(200);
    expect((await seenBy([anyAudience, strict], withToken())).response.status).toBe(200);
  });
});

test('what was found out about one token says nothing of another in a call that the request causes', async () => {
  const verify = jwt({ ...issuer, forward: true }, { clock });
  const call = outbound(upstream(status(200)), verify);
  const app = inbound(async (request) => {
    const other = new Request(url, { headers: { authorization: 'Bearer forged' } });
    const { status } = await call(other, contextOf(request) as Context);
    return new Response(String(status));
  }, verify);
  expect(await (await app(withToken())).text()).toBe('401');
});

test('a type of token can be asked for', async () => {
  const strict = { ...issuer, type: 'at+jwt' };
  expect((await seenBy(strict, withToken())).response.status).toBe(401);
  const typed = await key.token(good, { typ: 'at+JWT' });
  expect((await seenBy(strict, withToken(typed))).response.status).toBe(200);
});

test('JW-09 a token that never ends is taken only where that is said', async () => {
  const endless = withToken(await key.token({ ...good, exp: undefined }));
  expect((await seenBy(issuer, endless)).response.status).toBe(401);
  expect((await seenBy({ ...issuer, requireExpiry: false }, endless)).response.status).toBe(200);
});

describe('wrong options are refused', () => {
  const { keys } = issuer;
  const rsa = { kty: 'RSA', n: 'x'.repeat(170), e: 'AQAB' };
  test.each<[unknown, unknown, string]>([
    [[], {}, 'jwt: an empty list; there is no issuer to trust'],
    [{}, {}, 'jwt: it has neither of jwks and keys; one says whose tokens are good'],
    [
      { keys, jwks: 'https://a.example/' },
      {},
      'jwt: it has both of jwks and keys; one says whose tokens are good',
    ],
    [{ keys, issuer: '' }, {}, 'jwt.issuer: "" is not a text, or several'],
    [{ keys, audience: [] }, {}, 'jwt.audience: [] is not a text, or several'],
    [[{ keys, audience: 7 }], {}, 'jwt[0].audience: 7 is not a text, or several'],
    [{ keys, algorithms: ['none'] }, {}, 'jwt.algorithms: "none" is not among RS256,'],
    [{ keys, algorithms: [] }, {}, 'jwt.algorithms: an empty list is not among RS256,'],
    [{ keys, clockSkew: '6m' }, {}, "jwt.clockSkew: '6m' is more than 5m"],
    [{ keys, clockSkew: '60' }, {}, 'jwt.clockSkew'],
    [{ keys, from: {} }, {}, 'jwt.from: {} names no place; headers, cookies or query'],
    [
      { keys, from: { headers: [{ name: 'a b' }] } },
      {},
      'jwt.from.headers: "a b" is not the name of a header',
    ],
    [
      { keys, claimHeaders: { 'a b': 'sub' } },
      {},
      'jwt.claimHeaders: "a b" is not the name of a header',
    ],
    [{ keys, payloadHeader: '' }, {}, 'jwt.payloadHeader: "" is not the name of a header'],
    [
      { jwks: 'ftp://a.example/' },
      {},
      'jwt.jwks.url: "ftp://a.example/" is not an http or https URL without credentials',
    ],
    [
      { jwks: 'https://user:pass@a.example/' },
      {},
      'jwt.jwks.url: "https://…@a.example/" is not an http or https URL',
    ],
    [
      { jwks: { url: 'https://a.example/', refresh: '0s' } },
      {},
      'jwt.jwks.refresh: "0s" is not longer than nothing',
    ],
    [{ jwks: { url: 'https://a.example/', timeout: '0s' } }, {}, 'jwt.jwks.timeout'],
    [{ jwks: { url: 'https://a.example/', coolDown: '0s' } }, {}, 'jwt.jwks.coolDown'],
    [{ keys: [] }, {}, 'jwt.keys: there is no key that verifies signatures'],
    [{ keys: 'secret' }, {}, 'jwt.keys[0]: a string is no key'],
    [
      { keys: { kty: 'DSA' } },
      {},
      'jwt.keys[0]: a key of the kind "DSA" and of this use verifies no signatures',
    ],
    [{ keys: { ...keys, use: 'enc' } }, {}, 'jwt.keys[0]: a key of the kind "EC" and of this use'],
    [
      { keys: { ...keys, alg: 'RS256' } },
      {},
      'jwt.keys[0]: a key of the kind "EC" and of this use',
    ],
    [
      { keys: { ...keys, key_ops: ['sign'] } },
      {},
      'jwt.keys[0]: a key of the kind "EC" and of this use',
    ],
    [
      { keys: { ...keys, d: 'private' } },
      {},
      'jwt.keys[0]: it is a private key, which only the issuer needs',
    ],
    [{ keys: rsa }, {}, 'jwt.keys[0]: an RSA key of less than 2048 bits is not secure'],
    [{ keys: { keys: [keys, rsa] } }, {}, 'jwt.keys[0].keys[1]: an RSA key of less than 2048 bits'],
    [{ keys: { keys: {} } }, {}, 'jwt.keys[0].keys: it is not a list'],
    [{ keys: { kty: 'oct', k: '!' } }, {}, 'jwt.keys[0].k: it is not base64url'],
    [{ keys: { secret: 'hunter2' } }, {}, 'jwt.keys[0].secret: HS256 needs 32 bytes or more'],
    [
      { keys: { secret: 'x'.repeat(32), alg: 'HS512' } },
      {},
      'jwt.keys[0].secret: HS512 needs 64 bytes or more',
    ],
    [
      { keys: { secret: 'x'.repeat(32), alg: 'RS256' } },
      {},
      'jwt.keys[0].alg: "RS256" is not one of HS256, HS384, HS512',
    ],
    [{ keys: { pem: key.pem, alg: 'HS256' } }, {}, 'jwt.keys[0].alg: "HS256" is not one of RS256'],
    [{ keys: { pem: key.pem } }, {}, 'jwt.keys[0].alg: undefined is not one of RS256'],
    [
      { keys: { pem: '-----BEGIN PRIVATE KEY-----\n', alg: 'ES256' } },
      {},
      'jwt.keys[0].pem: it is not a public key in PEM',
    ],
    [{ keys }, { preflights: 'maybe' }, 'jwt.preflights: "maybe" is not one of pass, verify'],
    [{ keys }, { maxTokenLength: 0 }, 'jwt.maxTokenLength: 0 is not a whole number of 64 or more'],
    [{ keys }, { maxTokenLength: Number.NaN }, 'jwt.maxTokenLength: NaN'],
  ])('%j %j', (given, options, message) => {
    let text = '';
    try {
      jwt(given as JwtIssuer, options as JwtOptions);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      text = (error as Error).message;
    }
    expect(text).toContain(message);
    for (const secret of ['hunter2', 'pass@', 'private"', 'xxxx'])
      expect(text).not.toContain(secret);
  });
});

describe('a secret', () => {
  const secret = 'x'.repeat(32);

  test('can be asked for with each request, as Workers need it', async () => {
    const { hmac, forge } = await import('../../support/tokens.ts');
    const signed = await forge({ alg: 'HS256' }, good, await hmac(secret));
    const app = inbound(
      () => new Response('in'),
      jwt(
        {
          ...issuer,
          keys: { secret: ({ platform }) => (platform[0] as { KEY?: string } | undefined)?.KEY },
        },
        { clock },
      ),
    );
    expect((await app(withToken(signed), { KEY: secret })).status).toBe(200);
    expect((await app(withToken(signed), { KEY: 'y'.repeat(32) })).status).toBe(401);
    expect((await app(withToken(signed), { KEY: 'short' })).status).toBe(401);
    expect((await app(withToken(signed))).status).toBe(401);
  });
});

test.each(['pem', 'jwks'] as const)('keys can be given as %s', async (form) => {
  const keys = form === 'pem' ? { pem: key.pem, alg: 'ES256' } : { keys: [key.jwk] };
  expect((await seenBy({ ...issuer, keys }, withToken())).response.status).toBe(200);
});
