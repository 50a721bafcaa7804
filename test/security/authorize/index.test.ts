import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { claims } from '../../../src/core/claims.ts';
import { inbound } from '../../../src/core/inbound.ts';
import { peerIdentity } from '../../../src/core/peer-identity.ts';
import {
  type AuthorizationPolicy,
  type AuthorizationRule,
  authorize,
} from '../../../src/security/authorize/authorize.ts';

// Few letters, so that patterns and requests meet.
const word = fc.stringMatching(/^[ab]{1,3}$/);
const textPattern = fc.oneof(
  word,
  word.map((text) => `${text}*`),
  word.map((text) => `*${text}`),
  fc.constant('*'),
);
const pathText = fc.array(word, { maxLength: 3 }).map((parts) => `/${parts.join('/')}`);
const pathPattern = fc.oneof(
  pathText,
  pathText.map((path) => `${path}*`),
  word.map((text) => `*${text}`),
  fc.constant('/a/{*}'),
  fc.constant('/b/{**}'),
);
const some = <T>(entry: fc.Arbitrary<T>) => fc.array(entry, { minLength: 1, maxLength: 2 });
const sparse = { requiredKeys: [] as [] };

const operation = fc.record(
  {
    paths: some(pathPattern),
    notPaths: some(pathPattern),
    hosts: some(textPattern),
    methods: some(fc.constantFrom('GET', 'POST', 'P*')),
  },
  sparse,
);
const source = fc.record(
  {
    principals: some(textPattern),
    notPrincipals: some(textPattern),
    requestPrincipals: some(fc.tuple(textPattern, textPattern).map((halves) => halves.join('/'))),
  },
  sparse,
);
const rule = fc.record(
  { from: some(source), to: some(operation) },
  sparse,
) as fc.Arbitrary<AuthorizationRule>;
const policy: fc.Arbitrary<AuthorizationPolicy> = fc.record({
  action: fc.constantFrom('allow' as const, 'deny' as const),
  rules: fc.array(rule, { maxLength: 3 }),
});
const asked = fc.record({
  path: pathText,
  host: word,
  method: fc.constantFrom('GET', 'POST'),
  principal: fc.option(word, { nil: undefined }),
  iss: word,
  sub: word,
});
type Asked = typeof asked extends fc.Arbitrary<infer T> ? T : never;

/** What the documentation says, written down without an eye on speed. */
function model(policies: readonly AuthorizationPolicy[], request: Asked): boolean {
  const matches = ({ rules = [] }: AuthorizationPolicy): boolean => rules.some(ruleMatches);
  if (policies.some((each) => each.action === 'deny' && matches(each))) return false;
  const allowing = policies.filter(({ action }) => action === 'allow');
  return allowing.length === 0 || allowing.some(matches);

  function ruleMatches({ from, to }: AuthorizationRule): boolean {
    const isTo = to?.some(
      ({ paths, notPaths, hosts, methods }) =>
        given(paths, (pattern) => textFits(pattern, request.path)) &&
        !(notPaths?.some((pattern) => textFits(pattern, request.path)) ?? false) &&
        given(hosts, (pattern) => textFits(pattern, request.host)) &&
        given(methods, (pattern) => textFits(pattern, request.method)),
    );
    const name = request.principal;
    const isFrom = from?.some(
      ({ principals, notPrincipals, requestPrincipals }) =>
        given(principals, (pattern) => name !== undefined && textFits(pattern, name)) &&
        !(
          notPrincipals?.some((pattern) => name !== undefined && textFits(pattern, name)) ?? false
        ) &&
        given(requestPrincipals, (pattern) => {
          const [iss, sub] = pattern.split('/') as [string, string];
          return textFits(iss, request.iss) && textFits(sub, request.sub);
        }),
    );
    return (isTo ?? true) && (isFrom ?? true);
  }
}

function given(list: readonly string[] | undefined, fits: (pattern: string) => boolean): boolean {
  return list === undefined || list.some(fits);
}

function textFits(pattern: string, text: string): boolean {
  if (pattern === '/a/{*}') return /^\/a\/[^/]+$/.test(text);
  if (pattern === '/b/{**}') return /^\/b\//.test(text);
  if (pattern === '*') return text !== '';
  if (pattern.startsWith('*')) return text.endsWith(pattern.slice(1));
  if (pattern.endsWith('*')) return text.startsWith(pattern.slice(0, -1));
  return text === pattern;
}

describe('finding policies by what they compare', () => {
  test('AZ-01 of several that match the first one decides, however they are found', async () => {
    const rules: readonly AuthorizationRule[] = [
      { to: [{ hosts: ['a'] }] },
      { to: [{ paths: ['/b'] }] },
      { to: [{ methods: ['GET'] }] },
      { to: [{ paths: ['/*'] }] },
    ];
    for (let first = 0; first < rules.length; first++) {
      const asked: number[] = [];
      const order = [...rules.slice(first), ...rules.slice(0, first)];
      const app = inbound(
        () => new Response(),
        authorize(
          order.map((rule, place) => ({
            action: 'custom',
            rules: [rule],
            authorizer: () => asked.push(place) > 0,
          })),
        ),
      );
      await app(new Request('http://a/b'));
      expect(asked).toEqual([0]);
    }
  });

  test('decides as looking at all of them does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(policy, { maxLength: 12 }), asked, async (policies, request) => {
        const { path, host, method, principal, iss, sub } = request;
        const app = inbound(
          () => new Response(),
          (next) => (received, context) =>
            next(received, context.with(peerIdentity, { principal }).with(claims, { iss, sub })),
          authorize(policies),
        );
        const { status } = await app(new Request(`http://${host}${path}`, { method }));
        expect(status).toBe(model(policies, request) ? 200 : 403);
      }),
      { numRuns: 1_000 },
    );
  });
});
