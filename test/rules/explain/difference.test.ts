import { describe, expect, test } from 'vitest';
import { differences } from '../../../src/rules/explain/difference.ts';
import { parseRules } from '../../../src/rules/parse.ts';

function written(text: string) {
  const { rules } = parseRules(text);
  if (rules === undefined) throw new Error(text);
  return { rules, text };
}

function between(before: string, after: string) {
  return differences(written(before), written(after));
}

const services =
  'services: { a: "http://a", b: { versions: { v1: "http://b1", v2: "http://b2" } } }';

describe('differences', () => {
  test('none, where only form and comments differ', () => {
    expect(
      between(
        `${services}\nroutes: [{ path: /x, to: a, retries: 2 }]`,
        `# the same\n${services}\n\nroutes:\n  - path: /x\n    to: a\n    retries: { max: 2 }\n`,
      ),
    ).toEqual([]);
  });

  test('what was added, removed and changed, route by route', () => {
    const found = between(
      `${services}\nroutes: [{ path: /x, to: a, timeout: 2s }, { path: /old, to: a }]`,
      `${services}\nroutes: [{ path: /x, to: { b@v1: 90, b@v2: 10 }, timeout: 3s }, { path: /new, to: a }]`,
    );
    expect(found).toEqual([
      {
        subject: 'route /x',
        kind: 'changed',
        changes: [
          { key: 'to', before: 'a', after: 'b@v1 90%, b@v2 10%' },
          { key: 'timeout', before: '2s', after: '3s' },
        ],
      },
      { subject: 'route /old', kind: 'removed', changes: [] },
      { subject: 'route /new', kind: 'added', changes: [] },
    ]);
  });

  test('a default counts on every route that it is in force on', () => {
    const routes = 'routes: [{ path: /x, to: a }, { path: /y, to: a, timeout: 1s }]';
    const found = between(
      `${services}\n${routes}`,
      `${services}\ndefaults: { timeout: 9s }\n${routes}`,
    );
    expect(found.map(({ subject }) => subject)).toEqual(['route /x']);
  });

  test('another order is a difference: the first that matches wins', () => {
    const found = between(
      `${services}\nroutes: [{ path: /x/y, to: a }, { path: /x/**, to: a }]`,
      `${services}\nroutes: [{ path: /x/**, to: a }, { path: /x/y, to: a }]`,
    );
    expect(found).toEqual([{ subject: 'route /x/y', kind: 'moved', changes: [] }]);
  });

  test('services and the rest of the file', () => {
    const routes = 'routes: [{ path: /x, to: a }]';
    const found = between(
      `services: { a: "http://a" }\n${routes}`,
      `services: { a: "http://other" }\ntelemetry: { service: edge }\n${routes}`,
    );
    expect(found.map(({ subject, kind }) => `${kind} ${subject}`)).toEqual([
      'changed service a',
      'changed telemetry',
    ]);
  });

  test('the order of members, and the file that a route stands in, are none', () => {
    const { rules } = written(
      `${services}\nroutes: [{ path: /x, to: a, fault: { delay: 1s, percent: 5%, only_if: { headers: { x-a: "1" } } } }]`,
    );
    const [route] = rules.routes;
    const turned = Object.fromEntries(Object.entries(route as object).reverse());
    const moved = {
      ...rules,
      routes: [{ ...turned, file: 'b.yaml', line: 90 }],
    } as unknown as typeof rules;
    expect(differences({ rules }, { rules: moved })).toEqual([]);
  });

  test('how long a cookie keeps a caller is told', () => {
    const route = (ttl: string) =>
      `${services}\nroutes: [{ path: /x, to: { b@v1: 90, b@v2: 10 }, sticky: { by: "cookie:sid", ttl: ${ttl} } }]`;
    expect(between(route('1h'), route('2h'))[0]?.changes).toEqual([
      { key: 'sticky', before: 'by cookie:sid, 1h', after: 'by cookie:sid, 2h' },
    ]);
  });

  test('without the texts, values are told as they were understood', () => {
    const before = written(
      `${services}\nroutes: [{ path: /x, to: a, retries: 2, headers: { request: { set: { x-r: eu } } } }]`,
    );
    const after =
      written(`services: { a: "http://c", b: { versions: { v1: "http://b1", v2: "http://b2" } } }
routes: [{ path: /x, to: a, retries: 3, cors: { origins: ["https://a.example"] }, headers: { request: { set: { x-r: us } } } }]`);
    const found = differences({ rules: before.rules }, { rules: after.rules });
    expect(found[0]?.changes).toEqual(
      expect.arrayContaining([
        {
          key: 'retries',
          before: '2',
          after: '3',
        },
        { key: 'headers.request.set.x-r', before: 'eu', after: 'us' },
        { key: 'cors.origins', before: undefined, after: 'https://a.example' },
      ]),
    );
    expect(found[1]).toEqual({
      subject: 'service a',
      kind: 'changed',
      changes: [{ key: 'versions.urls', before: 'http://a', after: 'http://c' }],
    });
  });
});
