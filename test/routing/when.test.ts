import { expect, test } from 'vitest';
import { claims, spaceDelimitedClaims } from '../../src/core/claims.ts';
import { Context } from '../../src/core/context.ts';
import { RequestFacts, requestFacts } from '../../src/routing/request-facts.ts';
import { when } from '../../src/routing/when.ts';

const request = new Request('http://shop.example/a?q=1', {
  headers: { 'x-chaos': '1', cookie: 'beta=1', baggage: 'plan=gold' },
});
const context = Context.background();

test.each([
  [[{ headers: { 'X-Chaos': '1' } }], true],
  [[{ headers: { 'x-chaos': '*' } }], true],
  [[{ headers: { 'x-chaos': '1', 'x-other': '*' } }], false],
  [[{ headers: { 'x-chaos': '1' }, query: { q: '1' }, cookies: { beta: '1' } }], true],
  [[{ headers: { 'x-chaos': '1' }, query: { q: '2' } }], false],
  [[{ query: { q: '2' } }, { baggage: { plan: '~^g' } }], true],
])('FI-06: all of a set has to hold, and one of several sets: %j is %s', (sets, expected) => {
  expect(when(...sets)(request, context)).toBe(expected);
});

test('what routing has read already is not read again', () => {
  const facts = new RequestFacts(
    new Request('http://shop.example/?q=2'),
    new URL('http://shop.example/?q=2'),
    '/',
  );
  expect(when({ query: { q: '2' } })(request, context.with(requestFacts, facts))).toBe(true);
});

test('the words of a claim are looked at one by one, where it is a list of them', () => {
  const told = context.with(claims, { scope: 'read write', groups: 'alpha beta' });
  const isBeta = when({ claims: { groups: 'beta' } });
  expect(when({ claims: { scope: 'write' } })(request, told)).toBe(true);
  expect(isBeta(request, told)).toBe(false);
  expect(isBeta(request, told.with(spaceDelimitedClaims, ['groups']))).toBe(true);
});
