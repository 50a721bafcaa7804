import { describe, expect, test } from 'vitest';
import type { RulesTexts } from '../../src/rules/files.ts';
import { type ParsedRules, parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';

const base = `version: 1
defaults: { timeout: 5s, retries: 1 }
telemetry: { service: shop, traces: { otlp: "http://localhost:4318", sample: 10% } }
services:
  web: http://127.0.0.1:3000
  users:
    versions: { v1: ["http://127.0.0.1:3001", "http://127.0.0.1:3003"], v2: "http://127.0.0.1:3002" }
    balance: round_robin
routes:
  - name: users
    path: /users/**
    to: { users@v1: 90, users@v2: 10 }
    breaker: { error_rate: 50%, min_requests: 20, window: 10s, open_for: 5s }
  - path: /static/**
    to: web
    timeout: 2s
  - path: /**
    to: web
`;

/** The base with these laid over it. */
function laidOver(...texts: readonly string[]): RulesTexts {
  const overlays = texts.map((text, index) => ({ file: `rules.${index}.yaml`, text }));
  return { file: 'rules.yaml', text: base, overlays };
}

function parse(texts: RulesTexts): ParsedRules {
  return parseRules(texts.text, { ...texts, mode: 'gateway' });
}

function sound(texts: RulesTexts): NonNullable<ParsedRules['rules']> {
  const { rules, diagnostics } = parse(texts);
  if (rules === undefined) throw new Error(renderDiagnostics(diagnostics, texts));
  return rules;
}

describe('RF-02: an overlay reaches into maps of names and settings, and replaces all else as a whole', () => {
  test('a service, a version, a default and a setting keep their neighbours', () => {
    const { services, telemetry, routes } = sound(
      laidOver(`defaults: { timeout: 1s }
telemetry: { traces: { sample: 1% } }
services:
  users: { versions: { v2: "https://v2.internal" } }
`),
    );
    expect(telemetry).toMatchObject({
      service: 'shop',
      traces: { otlp: 'http://localhost:4318', sample: 0.01 },
    });
    const users = services.find(({ name }) => name === 'users');
    expect(users?.balance).toEqual({ policy: 'round_robin' });
    expect(users?.versions.map(({ urls }) => urls)).toEqual([
      ['http://127.0.0.1:3001', 'http://127.0.0.1:3003'],
      ['https://v2.internal'],
    ]);
    expect(routes[0]).toMatchObject({ timeoutMs: 1_000, retries: { max: 1 } });
    expect(routes[1]).toMatchObject({ timeoutMs: 2_000 });
  });

  test('a policy is that of the overlay, with nothing of the one below', () => {
    const { routes } = sound(
      laidOver('routes: [{ name: users, breaker: { failures: 5, open_for: 1s } }]'),
    );
    expect(routes[0]?.breaker).toMatchObject({ failures: 5, openForMs: 1_000 });
    expect(routes[0]?.breaker).not.toHaveProperty('errorRate');
  });

  test('limits of a route are those of the overlay, while those of all requests keep their neighbours', () => {
    const limited = `limits: { body: 1KiB, url: 100B }\n${base.replace('    timeout: 2s', '    limits: { body: 1MiB, body_rate: 1KiB }')}`;
    const over = `limits: { url: 200B }
routes: [{ path: /static/**, limits: { body: 2MiB } }]`;
    const rules = sound({ ...laidOver(over), text: limited });
    expect(rules.limits).toEqual({ urlBytes: 200 });
    expect(rules.routes[2]?.limits).toEqual({ bodyBytes: 1_024 });
    expect(rules.routes[1]?.limits).toEqual({ bodyBytes: 2 * 1_024 ** 2 });
  });

  test('a service may have the name of something that all objects have', () => {
    const text = base.replace(
      '  web:',
      '  constructor: { versions: { v1: "http://a", v2: "http://b" } }\n  web:',
    );
    const over = 'services: { constructor: { versions: { v2: "http://c" } } }';
    const { services } = sound({ ...laidOver(over), text });
    const service = services.find(({ name }) => name === 'constructor');
    expect(service?.versions.map(({ urls }) => urls)).toEqual([['http://a'], ['http://c']]);
  });

  test('an issuer of tokens is that of the overlay: keys never stay for another issuer', () => {
    const issuer = (text: string): string => `auth: { main: ${text} }\n`;
    const text = `${issuer('{ issuer: "https://a.example", jwks: "https://a.example/jwks" }')}routes: [{ path: /a, auth: main }]\n`;
    const over = issuer('{ issuer: "https://b.example" }');
    const { rules, diagnostics } = parseRules(text, {
      overlays: [{ file: 'rules.prod.yaml', text: over }],
    });
    expect(rules).toBeUndefined();
    expect(diagnostics).toMatchObject([{ code: 'FM102', file: 'rules.prod.yaml' }]);
  });

  test('the last of several overlays wins', () => {
    const one = 'defaults: { timeout: 1s }';
    expect(sound(laidOver(one, 'defaults: { timeout: 2s }')).routes[0]?.timeoutMs).toBe(2_000);
  });
});

test('RF-03: a key with nothing behind it is no null, and removes nothing', () => {
  const { rules, diagnostics } = parse(laidOver('routes: [{ path: /static/**, timeout: }]'));
  expect(rules).toBeUndefined();
  expect(diagnostics.map(({ file }) => file)).toEqual(['rules.0.yaml']);
});

test('RF-03: null removes what is below', () => {
  const { routes, telemetry } = sound(
    laidOver(`defaults: { retries: null }
telemetry: ~
routes: [{ path: /static/**, timeout: ~ }]
`),
  );
  expect(routes[0]).not.toHaveProperty('retries');
  expect(routes[1]?.timeoutMs).toBe(5_000);
  expect(telemetry.service).not.toBe('shop');
});

describe('RF-04: a route of an overlay is the one of that name, or else of that path', () => {
  test('it is changed where it stands', () => {
    const { routes } = sound(
      laidOver('routes: [{ path: /**, timeout: 9s }, { name: users, path: /people/** }]'),
    );
    expect(routes.map(({ path, timeoutMs }) => [path, timeoutMs])).toEqual([
      ['/people/**', 5_000],
      ['/static/**', 2_000],
      ['/**', 9_000],
    ]);
    expect(routes[0]?.name).toBe('users');
  });

  test('a new one is tried before those below', () => {
    const { routes } = sound(
      laidOver('routes: [{ path: /debug, to: web }, { path: /static/**, timeout: 1s }]'),
    );
    expect(routes.map(({ path }) => path)).toEqual(['/debug', '/users/**', '/static/**', '/**']);
    expect(routes.map(({ file, line }) => `${file}:${line}`)).toEqual([
      'rules.0.yaml:1',
      'rules.yaml:10',
      'rules.yaml:14',
      'rules.yaml:17',
    ]);
  });
});

describe('RF-05: every finding points into the file that holds it', () => {
  test('in the order of the files', () => {
    const over = `routes:
  - { path: /users/**, timeout: 3 }
  - { path: /static/a, to: web }
  - { path: /all/**, to: wep }
`;
    const text = base.replace('retries: 1', 'retires: 1');
    const texts = { ...laidOver(over), text };
    const { diagnostics } = parse(texts);
    expect(renderDiagnostics(diagnostics, texts)).toBe(
      `error[FM001]: unknown key \`retires\` in \`defaults\`
 --> rules.yaml:2:26
  |
2 | defaults: { timeout: 5s, retires: 1 }
  |                          ^^^^^^^ did you mean \`retries\`?

error[FM011]: \`timeout\` needs a unit
 --> rules.0.yaml:2:33
  |
2 |   - { path: /users/**, timeout: 3 }
  |                                 ^ a bare number is ambiguous
  = help: write 3s or 3ms

error[FM020]: unknown service \`wep\`
 --> rules.0.yaml:4:26
  |
4 |   - { path: /all/**, to: wep }
  |                          ^^^ not defined under \`services\`
  = help: did you mean \`web\`?

rules.yaml: 1 error
rules.0.yaml: 2 errors`,
    );
  });

  test('a byte order mark and CRLF of one file move nothing in another', () => {
    const { diagnostics } = parseRules('\ufeffroutes:\r\n  - path: /a\r\n    timeout: 3\r\n', {
      overlays: [{ file: 'b.yaml', text: '\ufeffdefaults:\r\n  timeout: 4\r\n' }],
    });
    expect(
      diagnostics
        .filter(({ code }) => code === 'FM011')
        .map(({ file, range }) => [file, range.line, range.column, range.start]),
    ).toEqual([
      ['rules.yaml', 3, 14, 37],
      ['b.yaml', 2, 12, 23],
    ]);
  });

  test('a file that cannot be read leaves the others unjudged, not unread', () => {
    const { rules, diagnostics } = parse({ ...laidOver('routes: ['), text: 'routes: {' });
    expect(rules).toBeUndefined();
    expect(diagnostics.map(({ file, code }) => `${file} ${code}`)).toEqual([
      'rules.yaml FM002',
      'rules.0.yaml FM002',
    ]);
  });
});

describe('RF-06: files side by side add up', () => {
  const parts = [
    { file: '20.yaml', text: 'defaults: { retries: 0 }\nroutes: [{ path: /b, to: users }]\n' },
    {
      file: '30.yaml',
      text: 'services: { users: "http://127.0.0.1:3000" }\nroutes: [{ path: /c, to: web }]\n',
    },
  ];
  const text = `defaults: { timeout: 1s }
services: { web: "http://127.0.0.1:3001" }
routes: [{ path: /a, to: web }]
`;

  test('routes in the order of the files, services and defaults of all', () => {
    const { routes } = sound({ file: '10.yaml', text, parts });
    expect(routes.map(({ path, file, line }) => `${path} ${file}:${line}`)).toEqual([
      '/a 10.yaml:3',
      '/b 20.yaml:2',
      '/c 30.yaml:2',
    ]);
    expect(routes[1]).toMatchObject({ timeoutMs: 1_000, retries: { max: 0 } });
  });

  test('what two define is shown in both', () => {
    const again = { file: '20.yaml', text: 'defaults: { timeout: 2s }' };
    const texts = { file: '10.yaml', text, parts: [again] };
    const { diagnostics } = parse(texts);
    expect(renderDiagnostics(diagnostics, texts)).toContain(
      `error[FM004]: duplicate key \`timeout\`
 --> 20.yaml:1:13
  |
1 | defaults: { timeout: 2s }
  |             ^^^^^^^ a second time
 ::: 10.yaml:1:13
  |
1 | defaults: { timeout: 1s }
  |             ------- the first time
`,
    );
  });

  test('all of them together are bounded', () => {
    const { diagnostics } = parseRules(text, { parts, maxLength: text.length + 10 });
    expect(diagnostics.map(({ file, code }) => `${file} ${code}`)).toEqual([
      '20.yaml FM007',
      '30.yaml FM007',
    ]);
  });
});

test('a name that a prototype has is a name as any other', () => {
  const over =
    'services: { constructor: "http://127.0.0.1:3009" }\nroutes: [{ path: /c, to: constructor }]';
  const { rules } = parse(laidOver(over));
  expect(rules?.services.map(({ name }) => name)).toContain('constructor');
});
