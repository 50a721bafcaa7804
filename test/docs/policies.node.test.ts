/**
 * Every block of code under docs/policies/ and docs/migrate/, and of the pages on telemetry, is executed: TypeScript as a module, in
 * which an expression whose line ends in `// VALUE` must have that value, or that exports something; YAML as rules, in which nothing
 * may be wrong.
 */

import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';

const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, { default: string }>;
};

/** The source that an entry of the package is built from. */
function sourceOf(entry: string): string {
  const built = manifest.exports[entry.replace('fetchmesh', '.')]?.default;
  if (built === undefined) throw new Error(`${entry} is no entry of the package`);
  return pathToFileURL(resolve(built.replace('./dist', 'src').replace(/\.js$/, '.ts'))).href;
}

/** A package that `npm ci` brought. */
function installed(name: string): string {
  return pathToFileURL(createRequire(import.meta.url).resolve(name)).href;
}

const folders = ['policies', 'migrate'].flatMap((folder) =>
  readdirSync(`docs/${folder}`)
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`),
);
const pages = [...folders, 'access-log.md', 'telemetry.md'];
const blocks = pages.flatMap((page) => {
  const text = readFileSync(`docs/${page}`, 'utf8');
  return Array.from(text.matchAll(/```(ts|yaml)\n([\s\S]*?)```/g), ({ index, ...found }) => ({
    place: `${page}:${text.slice(0, index).split('\n').length}`,
    language: found[1] as string,
    code: found[2] as string,
  }));
});
const programs = blocks.filter(({ language }) => language === 'ts');
const rules = blocks.filter(({ language }) => language === 'yaml');

/** On which page each policy is shown, and around what: a `fetch`, an app, or both. */
const shown: Readonly<
  Record<string, readonly [page: string, ...around: ('outbound' | 'inbound')[]]>
> = {
  timeout: ['timeout', 'outbound', 'inbound'],
  deadline: ['deadline', 'outbound', 'inbound'],
  retry: ['retry', 'outbound', 'inbound'],
  hedge: ['hedge', 'outbound'],
  'retry-budget': ['retry-budget', 'outbound'],
  'shared-retry-budget': ['retry-budget'],
  breaker: ['breaker', 'outbound'],
  'breaker-fleet': ['breaker', 'outbound'],
  throttle: ['throttle', 'outbound'],
  bulkhead: ['bulkhead', 'outbound', 'inbound'],
  'rate-limit': ['rate-limit', 'outbound', 'inbound'],
  shed: ['shed', 'inbound'],
  limits: ['limits', 'inbound'],
  fault: ['fault', 'outbound', 'inbound'],
  mirror: ['mirror', 'outbound', 'inbound'],
  fallback: ['fallback', 'outbound', 'inbound'],
};

describe('a policy', () => {
  test('each has its page', () => {
    const policies = Object.entries(manifest.exports).flatMap(([entry, { default: built }]) =>
      built?.startsWith('./dist/policies/') ? [entry.replace('./', '')] : [],
    );
    expect(Object.keys(shown).sort()).toEqual(policies.sort());
  });

  test.each(Object.entries(shown))(
    '%s is shown where it makes sense',
    (entry, [page, ...around]) => {
      const codes = programs
        .filter(({ place }) => place.startsWith(`policies/${page}.md:`))
        .filter(({ code }) => code.includes(`from 'fetchmesh/${entry}'`))
        .map(({ code }) => code);
      expect(codes).not.toHaveLength(0);
      for (const side of around) {
        expect(
          codes.filter((code) => code.includes(`${side}(`)),
          side,
        ).not.toHaveLength(0);
      }
    },
  );
});

describe('a page of a policy', () => {
  test.each(pages)('%s shows how to use it in code', (page) => {
    expect(programs.some(({ place }) => place.startsWith(`${page}:`))).toBe(true);
  });

  test.each(programs)('the program at $place does what it says', async ({ code }) => {
    const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-page-'));
    const checked: unknown[] = [];
    let exported: object = {};
    (globalThis as { checkOfPage?: unknown }).checkOfPage = (actual: unknown, wanted: unknown) => {
      expect(actual).toEqual(wanted);
      checked.push(wanted);
    };
    try {
      const file = join(directory, 'program.ts');
      const program = code
        .replace(/from '(fetchmesh[^']*)'/g, (_, entry: string) => `from '${sourceOf(entry)}'`)
        .replace(/import\('(@[^']*)'\)/g, (_, name: string) => `import('${installed(name)}')`)
        .replace(/^(\S.*?);? \/\/ (.+)$/gm, 'checkOfPage(($1), ($2));');
      writeFileSync(file, program);
      exported = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as object;
    } finally {
      rmSync(directory, { recursive: true });
    }
    const results = checked.length + Object.keys(exported).length;
    expect(results, 'it exports nothing, and no line ends in `// VALUE`').toBeGreaterThan(0);
  });

  test.each(rules)('the rules at $place are right', ({ code }) => {
    const { rules, diagnostics } = parseRules(code, { mode: 'gateway' });
    expect(renderDiagnostics(diagnostics, code)).toBe('');
    expect(rules?.routes.length).toBeGreaterThan(0);
  });
});
