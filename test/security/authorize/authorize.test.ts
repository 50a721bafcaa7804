import { describe, expect, test } from 'vitest';
import { eventListener, type PolicyEvent } from '../../../src/core/event.ts';
import { rejectionOf } from '../../../src/core/rejection.ts';
import {
  type AuthorizationDecision,
  type AuthorizationPolicy,
  type AuthorizeOptions,
  authorize,
} from '../../../src/security/authorize/authorize.ts';
import { allow, deny, outcome, path, slot, statusOf } from '../../support/authorization.ts';

describe('the order of actions', () => {
  const admin = { url: 'http://shop.example/admin' };

  test('without policies everybody may', async () => {
    expect(await statusOf([])).toBe(200);
  });

  test('AZ-01 a policy that denies wins over one that allows, wherever it stands', async () => {
    expect(await statusOf([allow({}), deny(path('/admin'))], admin)).toBe(403);
    expect(await statusOf([deny(path('/admin')), allow({})], admin)).toBe(403);
    expect(await statusOf([allow({}), deny(path('/other'))], admin)).toBe(200);
  });

  test('AZ-02 where there are policies that allow, one of them has to match', async () => {
    expect(await statusOf([allow(path('/a')), allow(path('/admin'))], admin)).toBe(200);
    expect(await statusOf([allow(path('/a')), allow(path('/b'))], admin)).toBe(403);
  });

  test('AZ-02 where there are none, whoever is not denied may', async () => {
    expect(await statusOf([deny(path('/other'))], admin)).toBe(200);
  });

  test('AZ-03 a policy without rules allows nothing, and denies nothing', async () => {
    expect(await statusOf([{ action: 'allow' }])).toBe(403);
    expect(await statusOf([{}])).toBe(403);
    expect(await statusOf([{ action: 'deny' }])).toBe(200);
  });

  test('AZ-03 an empty rule matches everything', async () => {
    expect(await statusOf([allow({})])).toBe(200);
    expect(await statusOf([deny({})])).toBe(403);
  });

  test('AZ-01 an authorizer is asked first, and only where its policy matches', async () => {
    const asked: string[] = [];
    const custom = (answer: boolean | Response | Error): AuthorizationPolicy => ({
      action: 'custom',
      rules: [path('/admin')],
      authorizer: async ({ url }) => {
        asked.push(new URL(url).pathname);
        if (answer instanceof Error) throw answer;
        return answer;
      },
    });
    expect(await statusOf([custom(false), allow({})], {})).toBe(200);
    expect(asked).toEqual([]);
    expect(await statusOf([allow({}), custom(false)], admin)).toBe(403);
    expect(await statusOf([custom(true)], admin)).toBe(200);
    expect(await statusOf([custom(true), deny(path('/admin'))], admin)).toBe(403);
    expect(await statusOf([custom(new Response(null, { status: 302 }))], admin)).toBe(302);
    // Fails closed.
    expect(await statusOf([custom(new Error('down'))], admin)).toBe(403);
    expect(await statusOf([custom('yes' as never)], admin)).toBe(403);
  });

  test('AZ-01 an audit only marks', async () => {
    const decisions: AuthorizationDecision[] = [];
    const audit: AuthorizationPolicy = { name: 'watch', action: 'audit', rules: [path('/admin')] };
    const options = { onDecision: (decision: AuthorizationDecision) => decisions.push(decision) };
    expect(await statusOf([audit], admin, options)).toBe(200);
    expect(decisions).toEqual([
      {
        outcome: 'audited',
        dryRun: false,
        action: 'audit',
        policy: 'watch',
        rule: 0,
        failed: undefined,
      },
    ]);
  });
});

describe('a denial', () => {
  const policies: readonly AuthorizationPolicy[] = [
    { name: 'secret-project', action: 'deny', rules: [path('/a'), path('/admin')] },
    {
      name: 'clerks',
      rules: [
        {
          to: [{ paths: ['/orders'] }],
          when: [{ key: 'request.auth.claims[role]', values: ['clerk'] }],
        },
      ],
    },
  ];
  async function told(
    url: string,
  ): Promise<{ body: string; decisions: AuthorizationDecision[]; events: PolicyEvent[] }> {
    const decisions: AuthorizationDecision[] = [];
    const events: PolicyEvent[] = [];
    const ask = {
      url,
      slots: [slot(eventListener, (event: PolicyEvent) => void events.push(event))],
    };
    const response = await outcome(policies, ask, {
      onDecision: (decision) => {
        decisions.push(decision);
        throw new Error('the log is full');
      },
    });
    expect(response.status).toBe(403);
    expect(rejectionOf(response)?.reason).toBe('access_denied');
    const headers = JSON.stringify([...response.headers]);
    return { body: (await response.text()) + headers, decisions, events };
  }

  test('AZ-12 names the policy and the rule that denied in its record, and nothing of it in the answer', async () => {
    const { body, decisions, events } = await told('http://shop.example/admin');
    expect(decisions).toEqual([
      {
        outcome: 'denied',
        dryRun: false,
        action: 'deny',
        policy: 'secret-project',
        rule: 1,
        failed: undefined,
      },
    ]);
    expect(events).toEqual([
      { name: 'access_denied', attributes: { action: 'deny', policy: 'secret-project', rule: 1 } },
    ]);
    expect(body).not.toMatch(/secret|clerk|rule|policy/);
  });

  test('AZ-12 names what did not hold where nobody allowed it', async () => {
    const { body, decisions, events } = await told('http://shop.example/orders');
    expect(decisions[0]).toMatchObject({
      ...{ action: 'allow', policy: 'clerks', rule: 0, failed: 'when request.auth.claims[role]' },
    });
    expect(events[0]?.attributes['failed']).toBe('when request.auth.claims[role]');
    expect((await told('http://shop.example/else')).decisions[0]?.failed).toBe('to.paths');
    expect(body).not.toMatch(/secret|clerk|rule|policy/);
  });
});

describe('a policy of dry run', () => {
  const told: AuthorizationDecision[] = [];
  const options = { onDecision: (decision: AuthorizationDecision) => told.push(decision) };

  test.each<[AuthorizationPolicy, string]>([
    [{ name: 'new', action: 'deny', rules: [{}], dryRun: true }, 'deny'],
    [{ name: 'new', action: 'allow', rules: [path('/other')], dryRun: true }, 'allow'],
  ])('only tells what it would have done: %j', async (policy, action) => {
    told.length = 0;
    expect(await statusOf([policy], {}, options)).toBe(200);
    expect(told).toMatchObject([{ outcome: 'denied', dryRun: true, action, policy: 'new' }]);
  });

  test('AZ-13 says nothing of what it would have let pass, and changes nothing that others decide', async () => {
    told.length = 0;
    const dry = { ...allow({}), dryRun: true };
    expect(await statusOf([dry, deny({})], {}, options)).toBe(403);
    expect(told).toMatchObject([{ dryRun: false, action: 'deny' }]);
  });

  test('AZ-13 AZ-20 sees the headers that an authorizer has set', async () => {
    told.length = 0;
    const asking: AuthorizationPolicy = {
      action: 'custom',
      rules: [{}],
      authorizer: () => ({ headers: { 'x-user': 'ada' } }),
    };
    const trial = (user: string): AuthorizationPolicy => ({
      ...allow({ when: [{ key: 'request.headers[x-user]', values: [user] }] }),
      dryRun: true,
    });
    expect(await statusOf([asking, trial('ada')], {}, options)).toBe(200);
    expect(told).toEqual([]);
    expect(await statusOf([asking, trial('grace')], {}, options)).toBe(200);
    expect(told).toMatchObject([{ dryRun: true, action: 'allow' }]);
  });
});

describe('AZ-14 wrong policies are refused', () => {
  test.each<[unknown, string]>([
    [{ action: 'DENY' }, 'authorize[0].action: "DENY" is not one of custom, deny, allow, audit'],
    [{ action: 'custom' }, 'authorize[0].authorizer: custom policies have one, and no others'],
    [
      { authorizer: () => true },
      'authorize[0].authorizer: custom policies have one, and no others',
    ],
    [{ rules: {} }, 'authorize[0].rules: {} is not a list'],
    [
      { action: 'audit', dryRun: true },
      'authorize[0].dryRun: only what allows or denies can be tried out',
    ],
    [{ action: 'custom', authorizer: () => true, dryRun: true }, 'authorize[0].dryRun'],
    [
      allow({ form: [] } as never),
      "authorize[0].rules[0]: there is no option 'form', only from, to, when",
    ],
    [allow({ to: [] }), 'authorize[0].rules[0].to: [] is not a list with an entry'],
    [
      allow({ from: [{ ips: ['1'] } as never] }),
      'authorize[0].rules[0].from[0].ips: there is no such list',
    ],
    [
      allow({ from: [{ principals: [] }] }),
      'authorize[0].rules[0].from[0].principals: [] is not a list with an entry',
    ],
    [
      allow({ from: [{ principals: [''] }] }),
      'authorize[0].rules[0].from[0].principals: "" is nothing to compare with',
    ],
    [
      allow({ from: [{ principals: [null as never] }] }),
      'from[0].principals: null is nothing to compare with',
    ],
    [
      allow({ from: [{ serviceAccounts: ['web'] }] }),
      'from[0].serviceAccounts: "web" is nothing to compare with',
    ],
    [
      allow({ from: [{ ipBlocks: ['10.0.0.0/33'] }] }),
      'from[0].ipBlocks: "10.0.0.0/33" is neither an address nor a network',
    ],
    [
      allow({ from: [{ notIpBlocks: ['shop.example'] }] }),
      'from[0].ipBlocks: "shop.example" is neither',
    ],
    [
      allow({ from: [{ remoteIpBlocks: ['10.0.0'] }] }),
      'from[0].remoteIpBlocks: "10.0.0" is neither',
    ],
    [
      allow({ to: [{ path: ['/'] } as never] }),
      'to[0].path: there is no such list; there are hosts, ports, methods, paths, each with not',
    ],
    [allow(path('/a/{**}/b/{**}')), 'to[0].paths: "/a/{**}/b/{**}" is nothing to compare with'],
    [allow(path('/a/{**}/{*}')), 'to[0].paths'],
    [allow(path('/a{*}')), 'to[0].paths'],
    [allow(path('/{*}b')), 'to[0].paths'],
    [allow(path('/{id}')), 'to[0].paths'],
    [allow(path('/{*}/*')), 'to[0].paths'],
    [allow(path('/a/{**')), 'to[0].paths'],
    [allow(path('admin')), 'to[0].paths: "admin" is nothing to compare with'],
    [allow(path('/a?b=c')), 'to[0].paths'],
    [allow(path('/a#b')), 'to[0].paths'],
    [allow(path('/a\\b')), 'to[0].paths'],
    [allow(path('/a/../b')), 'to[0].paths'],
    [allow(path('/a/%2E')), 'to[0].paths'],
    [allow(path('/a%zz')), 'to[0].paths'],
    [allow({ to: [{ hosts: ['https://shop.example'] }] }), 'to[0].hosts'],
    [allow({ to: [{ hosts: ['*ücher.example'] }] }), 'to[0].hosts'],
    [allow({ to: [{ notHosts: ['bü*'] }] }), 'to[0].hosts'],
    [
      allow({ when: [{ key: 'request.header[a]', values: ['1'] }] }),
      'when[0].key: "request.header[a]" is not one of request.headers[NAME]',
    ],
    [allow({ when: [{ key: 'request.headers[a b]', values: ['1'] }] }), 'when[0].key'],
    [allow({ when: [{ key: 'request.auth.claims', values: ['1'] }] }), 'when[0].key'],
    [
      allow({ when: [{ key: 'connection.sni', values: ['1'] }] }),
      'when[0].key: "connection.sni" is not one of',
    ],
    [allow({ when: [{ key: 'source.ip' }] }), 'when[0]: it has neither values nor notValues'],
    [
      allow({ when: [{ key: 'source.ip', values: ['x'] }] }),
      'when[0]: "x" is neither an address nor a network',
    ],
  ])('%j', (policy, message) => {
    let text = '';
    try {
      authorize([policy as AuthorizationPolicy]);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
      text = (error as Error).message;
    }
    expect(text).toContain(message);
  });

  test.each<[unknown, string]>([
    [{ roles: {} }, 'authorize.roles: {} has neither claim nor header'],
    [
      { roles: { header: 'x-user-role' } },
      'authorize.roles.trusted: whoever can send requests could write x-user-role',
    ],
    [{ roles: { header: 'a b' } }, 'authorize.roles.header: "a b" is not the name of a header'],
    [
      { roles: { header: 'a', trusted: { ipBlocks: ['me'] } } },
      'authorize.roles.trusted.ipBlocks: "me" is neither',
    ],
  ])('%j', (options, message) => {
    expect(() => authorize([], options as AuthorizeOptions)).toThrow(message);
  });
});
