/** Every parser that sees the network, with texts that it understands: from them inputs are made that it should not. */

import { networkOf, parseAddress, peerAddress } from '../../src/core/address.ts';
import { parseBaggage } from '../../src/core/baggage.ts';
import { canonicalPath } from '../../src/core/canonical-path.ts';
import { systemClock } from '../../src/core/clock.ts';
import { Context } from '../../src/core/context.ts';
import { parseCookies, withoutCookies } from '../../src/core/cookies.ts';
import { encodeForm } from '../../src/core/form.ts';
import { dropHopByHop, dropNominated } from '../../src/core/hop-by-hop.ts';
import { peerIdentity } from '../../src/core/peer-identity.ts';
import { parsePriority } from '../../src/core/priority.ts';
import { parseRateLimit, parseRateLimitPolicy } from '../../src/core/rate-limit-fields.ts';
import { parseRetryAfter } from '../../src/core/retry-after.ts';
import { inbound } from '../../src/index.ts';
import { readRegister } from '../../src/policies/breaker/fleet/register.ts';
import { deadline } from '../../src/policies/deadline.ts';
import { serverDelay } from '../../src/policies/server-delay.ts';
import { parsePointer, rulesKeys } from '../../src/rules/sources/kv.ts';
import { InvalidRulesError } from '../../src/rules/sources/source.ts';
import { cors } from '../../src/security/cors.ts';
import { commonNameOf } from '../../src/security/distinguished-name.ts';
import { parseForwardedCertificates } from '../../src/security/forwarded-client-cert.ts';
import { RemoteKeys } from '../../src/security/jwt/remote-keys.ts';
import { TokenVerifier } from '../../src/security/jwt/verifier.ts';
import { certifiedPeer } from '../../src/security/peer-certificate.ts';
import { clientAddress, compileTrustedProxies } from '../../src/security/trusted-proxies.ts';
import { metricsResponse } from '../../src/telemetry/exposition.ts';
import { extractB3 } from '../../src/telemetry/propagation/b3.ts';
import { extractTraceContext } from '../../src/telemetry/propagation/trace-context.ts';
import { createRegistry } from '../../src/telemetry/registry.ts';

/** A parser of what others send. */
export interface NetworkParser {
  readonly what: string;
  /** Where it stands, below `src`. */
  readonly files: readonly string[];
  /** What comes out of a text. */
  read(text: string): unknown;
  /** Texts that it understands, and pieces of them that could be repeated without end. */
  readonly seeds: readonly string[];
}

/** What a header can hold: the others never get as far as a parser, and workerd complains of what is not ASCII. */
function inHeader(text: string): string {
  return text.replace(/[^\t\x20-\x7e]/g, '?');
}

function headers(name: string, text: string, others: Record<string, string> = {}): Headers {
  return new Headers({ ...others, [name]: inHeader(text) });
}

function requestWith(name: string, text: string, others: Record<string, string> = {}): Request {
  return new Request('http://shop.example/', { headers: headers(name, text, others) });
}

/** What is refused in the way that its callers expect. */
function unless<T>(isExpected: (error: unknown) => boolean, read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (isExpected(error)) return undefined;
    throw error;
  }
}

const trace = '0af7651916cd43dd8448eb211c80319c';
const span = 'b7ad6b7169203331';
const now = Date.UTC(2026, 0, 1);
const background = Context.background('inbound');
const issuer = 'https://issuer.example';
const token = ['{"alg":"HS256"}', `{"iss":"${issuer}"}`, 'signature'].map(encoded).join('.');
const verifier = new TokenVerifier(
  { issuer, keys: [{ secret: 'x'.repeat(32) }], from: { headers: [{ name: 'x-token' }] } } as never,
  { maxTokenLength: 2_000_000 },
);
const proxies = {
  hops: compileTrustedProxies({ hops: 2, clientCertificates: true }),
  networks: compileTrustedProxies({ networks: ['10.0.0.0/8'], clientCertificates: true }),
};
const behindProxy = background.with(peerAddress, '10.0.0.1');
const preflighted = inbound(async () => new Response(), cors({ origins: ['https://a.example'] }));
const limited = inbound(async () => new Response(), deadline({ trust: true }));

function encoded(text: string): string {
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** A row for each. */
export const networkParsers: readonly NetworkParser[] = [
  {
    what: 'traceparent',
    files: ['telemetry/propagation/trace-context.ts'],
    read: (text) => extractTraceContext(headers('traceparent', text)),
    seeds: [`00-${trace}-${span}-01`, `01-${trace}-${span}-01-more`, '00-', '-', '0'],
  },
  {
    what: 'tracestate',
    files: ['telemetry/propagation/trace-context.ts'],
    read: (text) =>
      extractTraceContext(
        headers('tracestate', text, { traceparent: `00-${trace}-${span}-01` }),
      )?.traceState?.serialize(),
    seeds: ['a=1,b=2', 'tenant@system=x y', 'a=', ',', ' ', '@', 'a@'],
  },
  {
    what: 'b3',
    files: ['telemetry/propagation/b3.ts'],
    read: (text) => extractB3(headers('b3', text)),
    seeds: [`${trace}-${span}-1`, `${span}-${span}-d-${span}`, '0-', '-'],
  },
  {
    what: 'x-b3-traceid and its kin',
    files: ['telemetry/propagation/b3.ts'],
    read: (text) => [
      extractB3(headers('x-b3-traceid', text, { 'x-b3-spanid': span })),
      extractB3(headers('x-b3-spanid', text, { 'x-b3-traceid': trace })),
      extractB3(headers('x-b3-sampled', text, { 'x-b3-traceid': trace, 'x-b3-spanid': span })),
    ],
    seeds: [trace, span, '1', 'true', '0'],
  },
  {
    what: 'baggage',
    files: ['core/baggage.ts'],
    read: parseBaggage,
    seeds: ['a=1,b=2', 'a=%C3%A9;p=1', '%41', '%', ',', '=', ';', 'a=,', '__proto__=1'],
  },
  {
    what: 'Retry-After',
    files: ['core/retry-after.ts'],
    read: (text) => parseRetryAfter(text, now),
    seeds: ['120', 'Thu, 01 Jan 2026 00:00:10 GMT', 'Thursday, 01-Jan-26 00:00:10 GMT', '9', ' '],
  },
  {
    what: 'what a failed response advises',
    files: ['policies/server-delay.ts'],
    read: (text) =>
      ['retry-after', 'ratelimit', 'ratelimit-reset', 'grpc-retry-pushback-ms'].map((name) =>
        serverDelay(new Response(null, { status: 429, headers: headers(name, text) }), now),
      ),
    seeds: [
      '"a";r=0;t=3',
      '"a";r=0;t=3, "b";r=0;t=4',
      '120',
      '"a',
      ';a',
      ' ',
      '"\\',
      '"a",',
      ';t=',
    ],
  },
  {
    what: 'RateLimit',
    files: ['core/rate-limit-fields.ts'],
    read: parseRateLimit,
    seeds: [
      '"a";r=1;t=3',
      '"a";r=1;pk=:YWI=:, "b";r=2',
      '"\\"',
      '";',
      ';r=1',
      ' ',
      ',',
      ':',
      '"a";r=1,',
    ],
  },
  {
    what: 'RateLimit-Policy',
    files: ['core/rate-limit-fields.ts'],
    read: parseRateLimitPolicy,
    seeds: [
      '"a";q=1;w=60;qu="requests"',
      '"a";q=1;pk=:YWI=:',
      ';q=%"',
      '"a";q=1;',
      '\t',
      '"a";q=1 ,',
    ],
  },
  {
    what: 'cookies',
    files: ['core/cookies.ts'],
    read: parseCookies,
    seeds: ['a=1; b=2', 'a="x"', 'a=', ';', '=', ' ', '"', '__proto__=1;'],
  },
  {
    what: 'cookies without some',
    files: ['core/cookies.ts'],
    read: (text) => withoutCookies(text, ['a']),
    seeds: ['a=1; b=2', 'a', ';', '=', ' ', 'a=1;'],
  },
  {
    what: 'x-forwarded-for',
    files: ['security/trusted-proxies.ts'],
    read: (text) =>
      Object.values(proxies).map((identify) =>
        identify(requestWith('x-forwarded-for', text), behindProxy).get(clientAddress),
      ),
    seeds: [
      '198.51.100.7, 10.0.0.2',
      '[2001:db8::1]:80',
      '1.2.3.4:5',
      '10.0.0.1,',
      '[',
      ':',
      ',',
      ' ',
    ],
  },
  {
    what: 'x-forwarded-client-cert, and who it names',
    files: ['security/forwarded-client-cert.ts', 'security/trusted-proxies.ts'],
    read: (text) => [
      parseForwardedCertificates(text),
      proxies.hops(requestWith('x-forwarded-client-cert', text), behindProxy).get(peerIdentity),
    ],
    seeds: [
      'Hash=ab;URI=spiffe://a/ns/b/sa/c',
      'Subject="CN=web,O=Shop";DNS=a,DNS=b',
      'URI="a\\"b"',
      'URI=a;',
      'URI=a,',
      '"\\',
      ' ',
    ],
  },
  {
    what: 'a distinguished name',
    files: ['security/distinguished-name.ts'],
    read: commonNameOf,
    seeds: ['CN=web,O=Shop', 'CN=a\\2Cb', 'O=x+CN=y', 'CN=a,', 'CN=a', 'a', '\\', '\\,', 'é', ','],
  },
  {
    what: 'the subject that Cloudflare tells',
    files: ['security/peer-certificate.ts'],
    read(certSubjectDNRFC2253) {
      const tlsClientAuth = { certPresented: '1', certVerified: 'SUCCESS', certSubjectDNRFC2253 };
      // Defined and not assigned: on workerd every request has one.
      const request = new Request('http://shop.example/');
      return certifiedPeer(Object.defineProperty(request, 'cf', { value: { tlsClientAuth } }));
    },
    seeds: ['CN=web,O=Shop', 'CN=', 'a', '\\'],
  },
  {
    what: 'alternative names of a certificate',
    files: ['security/peer-certificate.ts'],
    read(subjectaltname) {
      const getPeerCertificate = () => ({ subject: {}, subjectaltname });
      const socket = { encrypted: true, authorized: true, getPeerCertificate };
      const runtime = { node: { req: { socket } } };
      return certifiedPeer(Object.assign(new Request('http://shop.example/'), { runtime }));
    },
    seeds: [
      'DNS:a.example, URI:spiffe://a/b',
      'URI:"a\\u002c b"',
      'DNS:',
      ', ',
      'a',
      ' ',
      ':"',
      '"\\',
    ],
  },
  {
    what: 'an address',
    files: ['core/address.ts'],
    read: (text) => [parseAddress(text), networkOf(text, 64)],
    seeds: [
      '192.0.2.1',
      '2001:db8::1',
      '::ffff:1.2.3.4',
      'fe80::1%eth0',
      ':',
      '::',
      '1.',
      '0',
      '%',
    ],
  },
  {
    what: 'a priority',
    files: ['core/priority.ts'],
    read: (text) => parsePriority(text, 0.5),
    seeds: ['normal;level=37', 'critical', 'a', ';level=', ' '],
  },
  {
    what: 'the deadline of the caller',
    files: ['policies/deadline.ts'],
    read: async (text) => (await limited(requestWith('x-fetchmesh-timeout-ms', text))).status,
    seeds: ['250', '0', '9', ' ', '1e3'],
  },
  {
    what: 'a path',
    files: ['core/canonical-path.ts'],
    read: (text) =>
      (['base', 'decode_and_merge_slashes'] as const).map((level) =>
        canonicalPath(`/${text}`, level),
      ),
    seeds: ['a/../b', '%2e%2E/', '%5c', '\\', '../', '%', 'a'],
  },
  {
    what: 'the media type of a form',
    files: ['core/form.ts'],
    // A form that cannot be sent is told in so many words; the platform has read it by then.
    read: (text) =>
      unless(
        (error) => error instanceof TypeError && error.message.includes('no boundary'),
        () => encodeForm([['a', 'b']], text).size,
      ),
    seeds: [
      'multipart/form-data; boundary=x',
      '; boundary="x y"',
      ';',
      ' ',
      '; ',
      ';boundary="',
      '"',
    ],
  },
  {
    what: 'what Connection names',
    files: ['core/hop-by-hop.ts'],
    read(connection) {
      const fields: Record<string, string> = { connection, a: '1', b: '2' };
      dropNominated(fields);
      dropHopByHop(fields);
      return fields;
    },
    seeds: ['keep-alive, a', 'close', ',', ' ', 'a,', '__proto__'],
  },
  {
    what: 'Accept',
    files: ['telemetry/exposition.ts'],
    read: (text) =>
      metricsResponse(createRegistry(), requestWith('accept', text)).headers.get('content-type'),
    seeds: ['application/openmetrics-text; version=1.0.0; q=0.7, */*;q=0.1', ',', ';', ';q=', ' '],
  },
  {
    what: 'what a preflight asks for',
    files: ['security/cors.ts'],
    async read(text) {
      const origin = 'https://a.example';
      const asked = headers('access-control-request-headers', text, {
        origin,
        'access-control-request-method': 'PUT',
      });
      const request = new Request('http://shop.example/', { method: 'OPTIONS', headers: asked });
      return (await preflighted(request)).headers.get('access-control-allow-headers');
    },
    seeds: ['x-a, x-b', 'a', ',', ' ', 'a,'],
  },
  {
    what: 'a token',
    files: ['security/jwt/verifier.ts', 'security/jwt/tokens.ts'],
    read: async (text) =>
      (await verifier.verify(requestWith('x-token', text), background)).verification,
    seeds: [
      token,
      `${encoded('{"alg":"none"}')}.`,
      `${encoded('{"alg":'.repeat(50))}.e.s`,
      '.',
      'a',
      'e30.',
    ],
  },
  {
    what: 'a key set',
    files: ['security/jwt/remote-keys.ts', 'security/jwt/keys.ts'],
    async read(text) {
      const keys = new RemoteKeys(
        'keys',
        { url: 'https://issuer.example/keys' },
        systemClock,
        async () => new Response(text),
      );
      return await keys.find(() => true, background, new AbortController().signal);
    },
    seeds: [
      '{"keys":[{"kty":"RSA","n":"AQAB","e":"AQAB"}]}',
      '{"keys":[null,1,[]]}',
      '[',
      '{"keys":',
      ' ',
    ],
  },
  {
    what: 'what instances tell each other of breakers',
    files: ['policies/breaker/fleet/register.ts', 'policies/breaker/fleet/votes.ts'],
    read: readRegister,
    seeds: [
      '{"beats":{"a":1},"circuits":{"c":[{"id":"a","state":"open","epoch":1,"openMs":1,"openedAt":1}]}}',
      '{"beats":[],"circuits":{"__proto__":[]}}',
      '[',
      '{"beats":',
    ],
  },
  {
    what: 'which revision of the rules is current',
    files: ['rules/sources/kv.ts'],
    read: (text) =>
      unless(
        (error) => error instanceof InvalidRulesError,
        () => parsePointer(text, rulesKeys('shop')),
      ),
    seeds: [
      '{"revision":1,"ref":"rules/shop/r/1"}',
      '{"revision":1e999}',
      'null',
      '[',
      '{"revision":',
    ],
  },
];
