/**
 * Whose tokens are taken: `auth` of the file.
 *
 * @module
 */

import * as z from 'zod';
import { algorithms } from '../../security/jwt/algorithms.ts';
import type { AuthRule } from '../model.ts';
import {
  asList,
  block,
  choice,
  draft,
  flag,
  type Named,
  named,
  oneOrMore,
  Refusal,
  text,
  textLike,
} from '../shape.ts';
import { duration } from './duration.ts';
import { claimName, cookieName, headerName, parameterName, variableName } from './names.ts';
import { httpUrl } from './url.ts';

/** A published key set, as written; durations in milliseconds. */
export interface JwksBlock {
  readonly url: string;
  readonly refresh?: number;
  readonly stale_for?: number;
  readonly timeout?: number;
  readonly cool_down?: number;
}

/** A secret that stands elsewhere. */
export interface SecretBlock {
  readonly env: string;
}

/** An issuer, as written. */
export interface AuthBlock {
  readonly issuer: string | readonly string[];
  readonly audience?: string | readonly string[];
  readonly jwks?: string | JwksBlock;
  readonly public_key?: { readonly pem: string; readonly algorithm: string };
  readonly secret?: SecretBlock;
  readonly algorithms?: string | readonly string[];
  readonly from?: {
    readonly headers?: Named<string>;
    readonly cookies?: string | readonly string[];
    readonly query?: string | readonly string[];
  };
  readonly type?: string;
  readonly clock_skew?: number;
  readonly require_expiry?: boolean;
  readonly claim_headers?: Named<string>;
  readonly payload_header?: string;
  readonly forward?: boolean;
  readonly space_delimited_claims?: string | readonly string[];
}

/** The name of an issuer, or `off`. */
export const authName: z.ZodType<string> = textLike(
  'the name of an `auth`',
  /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/,
  'at most 63 letters, digits, `.`, `_` and `-`, a letter or digit first',
);
/** A text of up to 512 characters. */
export const plainText: z.ZodType<string> = textLike(
  'a text without space around it',
  /^[^\s](?:.{0,510}[^\s])?$/s,
  'from 1 to 512 characters; an empty text says nothing',
);

const jwksUrl: z.ZodType<string> = text({
  expected: 'a URL',
  read(value) {
    const url = httpUrl(value);
    return url instanceof Refusal ? url : url.href;
  },
});

const jwks = block<JwksBlock>(
  { title: '`jwks`', required: ['url'] },
  {
    url: jwksUrl,
    refresh: duration({ mayBeZero: false }),
    stale_for: duration(),
    timeout: duration({ mayBeZero: false }),
    cool_down: duration({ mayBeZero: false }),
  },
);

const pem: z.ZodType<string> = text({
  expected: 'a public key in PEM',
  read: (value) =>
    /^\s*-----BEGIN PUBLIC KEY-----\s/.test(value)
      ? value
      : new Refusal(({ key }) => ({
          code: 'FM017',
          message: `${key} is not a public key in PEM`,
          label: 'it begins with -----BEGIN PUBLIC KEY-----',
        })),
});

const asymmetric = algorithms.filter((name) => !name.startsWith('HS'));

const auth: z.ZodType<AuthBlock> = block<AuthBlock>(
  { title: 'an `auth`', required: ['issuer'] },
  {
    issuer: oneOrMore(plainText),
    audience: oneOrMore(plainText),
    jwks: z.union([jwksUrl, jwks]),
    public_key: block<NonNullable<AuthBlock['public_key']>>(
      { title: '`public_key`', required: ['pem', 'algorithm'] },
      { pem, algorithm: choice(asymmetric) },
    ),
    secret: block<SecretBlock>({ title: '`secret`', required: ['env'] }, { env: variableName }),
    algorithms: oneOrMore(choice(algorithms)),
    from: block<NonNullable<AuthBlock['from']>>(
      { title: '`from`' },
      {
        headers: named(headerName, headerPrefix()),
        cookies: oneOrMore(cookieName),
        query: oneOrMore(parameterName),
      },
    ),
    type: plainText,
    clock_skew: duration({ maxMs: 300_000 }),
    require_expiry: flag(),
    claim_headers: named(headerName, claimName),
    payload_header: headerName,
    forward: flag(),
    space_delimited_claims: oneOrMore(claimName),
  },
);

/** What comes before a token in a header: `"Bearer "`, with the space. */
function headerPrefix(): z.ZodType<string> {
  return textLike('the text before the token', /^[\x20-\x7e]{0,64}$/);
}

/** All issuers, by name. */
export const auths: z.ZodType<Named<AuthBlock>> = draft(
  named(
    textLike(
      'the name of an `auth`',
      /^(?!off$)[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/,
      'at most 63 letters, digits, `.`, `_` and `-`, a letter or digit first, and not `off`',
    ),
    auth,
  ),
);

export function resolveAuth(name: string, written: AuthBlock): AuthRule {
  const { issuer, audience, jwks, public_key: publicKey, secret, from, type } = written;
  const { clock_skew: clockSkewMs, require_expiry: requireExpiry, forward } = written;
  const { claim_headers: claimHeaders, payload_header: payloadHeader } = written;
  const { algorithms: allowed, space_delimited_claims: words } = written;
  return {
    name,
    issuer: asList(issuer),
    ...(audience !== undefined && { audience: asList(audience) }),
    ...(jwks !== undefined && { jwks: resolveJwks(jwks) }),
    ...(publicKey !== undefined && { publicKey }),
    ...(secret !== undefined && { secret }),
    ...(allowed !== undefined && { algorithms: asList(allowed) }),
    ...(from !== undefined && {
      from: {
        headers: Object.entries(from.headers ?? {}).map(([name, prefix]) => ({ name, prefix })),
        cookies: asList(from.cookies ?? []),
        query: asList(from.query ?? []),
      },
    }),
    ...(type !== undefined && { type }),
    ...(clockSkewMs !== undefined && { clockSkewMs }),
    ...(requireExpiry !== undefined && { requireExpiry }),
    ...(claimHeaders !== undefined && { claimHeaders }),
    ...(payloadHeader !== undefined && { payloadHeader }),
    ...(forward !== undefined && { forward }),
    ...(words !== undefined && { spaceDelimitedClaims: asList(words) }),
  };
}

function resolveJwks(written: string | JwksBlock): NonNullable<AuthRule['jwks']> {
  if (typeof written === 'string') return { url: written };
  const { url, refresh, stale_for: staleFor, timeout, cool_down: coolDown } = written;
  return {
    url,
    ...(refresh !== undefined && { refreshMs: refresh }),
    ...(staleFor !== undefined && { staleForMs: staleFor }),
    ...(timeout !== undefined && { timeoutMs: timeout }),
    ...(coolDown !== undefined && { coolDownMs: coolDown }),
  };
}
