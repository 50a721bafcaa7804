/** The reference of the rules language, and every piece of rules on a page: `check` finds nothing to say against it. */

import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';
import { rulesFile } from '../../src/rules/schema.ts';
import { blocks } from '../../src/rules/shape.ts';
import { rulesPage } from '../../tools/rules-page.ts';

const page = readFileSync('docs/rules.md', 'utf8');

interface Piece {
  readonly name: string;
  readonly text: string;
  /** The piece before it on the page. */
  readonly before: string | undefined;
}

const pieces: readonly Piece[] = globSync(['README.md', 'docs/**/*.md']).flatMap((file) => {
  const text = readFileSync(file, 'utf8');
  const blocks = [...text.matchAll(/```ya?ml\n([\s\S]*?)```/g)].map(([, block = '']) => block);
  return blocks.map((block, index) => ({
    name: `${file} #${index + 1}`,
    text: block,
    before: blocks[index - 1],
  }));
});

const keys = Object.keys(blocks.get(rulesFile)?.shape ?? {});
const rules = pieces.filter(({ text }) => new RegExp(`^(?:${keys.join('|')}):`, 'm').test(text));

describe('rules on a page', () => {
  test('there are some', () => {
    expect(rules.length).toBeGreaterThan(15);
  });

  test.each(rules)('$name passes check', ({ text, before }) => {
    const overlay = /^# (fetchmesh\.\w+\.yaml)\n/.exec(text)?.[1];
    // Pages show parts of a file, too.
    const whole = (part: string): string =>
      /^routes:/m.test(part) ? part : `${part}\nroutes: [{ path: /** }]\n`;
    const texts =
      overlay === undefined
        ? { file: 'rules.yaml', text: whole(text) }
        : {
            file: 'fetchmesh.yaml',
            text: whole(before ?? ''),
            overlays: [{ file: overlay, text }],
          };
    const { diagnostics } = parseRules(texts.text, { ...texts, unavailable: 'warning' });
    const said = diagnostics.filter(({ severity }) => severity !== 'info');
    expect(renderDiagnostics(said, texts)).toBe('');
  });
});

describe('docs/rules.md', () => {
  test('is current: node tools/rules-page.ts', () => {
    expect(page).toBe(rulesPage());
  });

  test('has a row for every key of the file', () => {
    for (const key of keys) expect(page).toContain(`| \`${key}\``);
  });

  /** Where a block stands, and what it cannot do without. */
  const places: readonly (readonly [
    title: string,
    around: (members: string) => string,
    needs: string,
  ])[] = [
    ['retries', (members) => `routes: [{ path: /a, retries: { ${members} } }]`, ''],
    ['hedge', (members) => `routes: [{ path: /a, hedge: { ${members} } }]`, ''],
    [
      'rate_limit',
      (members) => `routes: [{ path: /a, rate_limit: { ${members} } }]`,
      'limit: 7, per: 1s',
    ],
    ['shed', (members) => `routes: [{ path: /a, shed: { ${members} } }]`, 'from: 1, full: 2'],
    ['breaker', (members) => `routes: [{ path: /a, breaker: { ${members} } }]`, ''],
    [
      'breaker.half_open',
      (members) => `routes: [{ path: /a, breaker: { half_open: { ${members} } } }]`,
      '',
    ],
    ['throttle', (members) => `routes: [{ path: /a, throttle: { ${members} } }]`, ''],
    ['bulkhead', (members) => `routes: [{ path: /a, bulkhead: { ${members} } }]`, 'limit: 7'],
    [
      'auth',
      (members) =>
        `auth: { a: { issuer: i, jwks: "https://a" } }\nroutes: [{ path: /a, auth: { ${members} } }]`,
      'jwt: a',
    ],
    [
      'fault',
      (members) => `routes: [{ path: /a, fault: { ${members} } }]`,
      'abort: 503, percent: 1%',
    ],
    [
      'mirror',
      (members) =>
        `services: { a: "https://a", b: "https://b" }\nroutes: [{ path: /a, to: a, mirror: { ${members} } }]`,
      'to: b',
    ],
    ['telemetry', (members) => `telemetry: { ${members} }\nroutes: [{ path: /a }]`, ''],
    [
      'telemetry.metrics',
      (members) => `telemetry: { metrics: { ${members} } }\nroutes: [{ path: /a }]`,
      '',
    ],
    [
      'telemetry.logs',
      (members) => `telemetry: { logs: { ${members} } }\nroutes: [{ path: /a }]`,
      '',
    ],
    ['state', (members) => `state: { ${members} }\nroutes: [{ path: /a }]`, ''],
    ['tls', (members) => `tls: { ${members} }\nroutes: [{ path: /a }]`, 'cert: a, key: b'],
    [
      'services.NAME.outlier',
      (members) =>
        `services: { a: { urls: ["https://a", "https://b"], outlier: { ${members} } } }\nroutes: [{ path: /a }]`,
      '',
    ],
    [
      'services.NAME.health',
      (members) =>
        `services: { a: { urls: ["https://a", "https://b"], health: { ${members} } } }\nroutes: [{ path: /a }]`,
      'path: /h',
    ],
  ];
  test.each(places)(
    'what it calls a default of %s changes nothing where it is written',
    (title, around, needs) => {
      const section = page.split(`\n## \`${title}\`\n`)[1]?.split('\n## ')[0] ?? '';
      const rows = [...section.matchAll(/^\| `(\w+)` \|.*\| `([^`]+)`[^|]*\|$/gm)];
      const keys = new Set([...section.matchAll(/^\| `(\w+)` \|/gm)].map(([, key]) => key));
      const written = rows.filter(([, , value]) => !keys.has(value));
      expect(written.length).toBeGreaterThan(0);
      const { rules } = parseRules(around(needs));
      expect(rules).toBeDefined();
      for (const [, key, value] of written) {
        const { rules: same } = parseRules(
          around([needs, `${key}: ${value}`].filter(Boolean).join(', ')),
        );
        expect(same, `${title}.${key}`).toEqual(rules);
      }
    },
  );

  test('its links lead somewhere', () => {
    const anchors = new Set(
      [...page.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) =>
        title
          .toLowerCase()
          .replaceAll(/[^\w -]/g, '')
          .replaceAll(' ', '-'),
      ),
    );
    const links = [...page.matchAll(/\]\(([^)]+)\)/g)].map(([, target = '']) => target);
    expect(links.length).toBeGreaterThan(50);
    for (const link of links) {
      if (link.startsWith('#')) expect(anchors).toContain(link.slice(1));
      else expect(existsSync(join(dirname('docs/rules.md'), link)), link).toBe(true);
    }
  });
});
