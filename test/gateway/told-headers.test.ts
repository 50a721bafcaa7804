import { expect, test } from 'vitest';
import { file, guardedGateway, token } from '../support/guarded-gateway.ts';

test('AZ-20 a header that the token sets cannot be forged for the rule that asks for it', async () => {
  const { ask, sent } = guardedGateway(
    file('  - { path: /**, to: web, auth: main, allow: { headers: { X-User: ada } } }'),
  );
  const eve = await token({ sub: 'eve' });
  expect((await ask('/', eve, { 'x-user': 'ada' })).status).toBe(403);
  expect((await ask('/', await token(), { 'x-user': 'eve' })).status).toBe(200);
  expect(sent.map(({ headers }) => headers.get('x-user'))).toEqual(['ada']);
});

test('AZ-20 a header that the token sets cannot be made up for a key either', async () => {
  const limit = 'rate_limit: { limit: 1, per: 1h, by: "header:X-User" }';
  const { ask } = guardedGateway(file(`  - { path: /**, to: web, auth: main, ${limit} }`));
  const statusOf = async (sub: string, user: string): Promise<number> =>
    (await ask('/', await token({ sub }), { 'x-user': user })).status;
  expect(await statusOf('ada', '1')).toBe(200);
  expect(await statusOf('ada', '2')).toBe(429);
  expect(await statusOf('bob', '2')).toBe(200);
});

test('AZ-20 nor on routes that ask for no token, where it is taken off', async () => {
  const limit = 'rate_limit: { limit: 1, per: 1h, by: "header:X-User" }';
  const { ask, sent } = guardedGateway(file(`  - { path: /**, to: web, ${limit} }`));
  expect((await ask('/', undefined, { 'x-user': '1' })).status).toBe(200);
  expect((await ask('/', undefined, { 'x-user': '2' })).status).toBe(429);
  expect(sent.map(({ headers }) => headers.has('x-user'))).toEqual([false]);
});

test.each([
  ['X-User-Role', 'x_user_role'],
  ['X_User_Role', 'x-user-role'],
  ['x_user-role', 'x-user_role'],
])('AZ-11 what an upstream could take for %s is there from nobody', async (header, twin) => {
  const { ask, sent } = guardedGateway(`services: { web: "http://web.test" }
roles: { header: ${header}, trusted_ips: 10.0.0.0/8 }
routes: [{ path: /**, to: web }]`);
  const roles = { [header]: 'staff', [twin]: 'boss' };
  await ask('/', undefined, roles, { remoteAddr: { hostname: '10.0.0.7' } });
  await ask('/', undefined, roles, { remoteAddr: { hostname: '192.0.2.1' } });
  expect(sent.map(({ headers }) => [headers.get(header), headers.has(twin)])).toEqual([
    ['staff', false],
    [null, false],
  ]);
});

test('AZ-11 a role that a client wrote is no key', async () => {
  const limit = 'rate_limit: { limit: 1, per: 1h, by: "header:x-user-role" }';
  const { ask } = guardedGateway(`services: { web: "http://web.test" }
roles: { header: X-User-Role, trusted_ips: 10.0.0.0/8 }
routes: [{ path: /**, to: web, ${limit} }]`);
  const statusOf = async (role: string, hostname: string): Promise<number> =>
    (await ask('/', undefined, { 'x-user-role': role }, { remoteAddr: { hostname } })).status;
  expect(await statusOf('a', '192.0.2.1')).toBe(200);
  expect(await statusOf('b', '192.0.2.1')).toBe(429);
  expect(await statusOf('b', '10.0.0.7')).toBe(200);
});
