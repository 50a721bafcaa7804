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
});
