import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';

const readme = readFileSync('README.md', 'utf8');
const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as {
  exports: Record<string, { default: string }>;
};

/** The blocks of one language, in their order. */
function blocks(language: string): string[] {
  return Array.from(
    readme.matchAll(new RegExp(`\`\`\`${language}\\n([\\s\\S]*?)\`\`\``, 'g')),
    (found) => found[1] as string,
  );
}

/** The source that an entry of the package is built from. */
function sourceOf(entry: string): string {
  const built = manifest.exports[entry.replace('fetchmesh', '.')]?.default;
  if (built === undefined) throw new Error(`${entry} is no entry of the package`);
  return pathToFileURL(resolve(built.replace('./dist', 'src').replace(/\.js$/, '.ts'))).href;
}

test('the rules of the README are right', () => {
  const yaml = blocks('yaml');
  expect(yaml.length).toBeGreaterThan(0);
  for (const text of yaml) {
    const { rules, diagnostics } = parseRules(text, { mode: 'gateway' });
    expect(renderDiagnostics(diagnostics, text)).toBe('');
    expect(rules?.routes.length).toBeGreaterThan(0);
  }
});

test('the diagnostic of the README is what is printed', () => {
  const [sample] = blocks('text') as [string];
  const text = 'services: { a: "http://a" }\nroutes:\n  - path: /b\n    timout: 3s\n';
  const { diagnostics } = parseRules(text, { file: 'rules.yaml' });
  const printed = renderDiagnostics(diagnostics, text);
  expect(printed.slice(0, printed.indexOf('\n\n'))).toBe(sample.trimEnd());
});

test('the program of the README runs, every entry that it imports exists', async () => {
  const [program] = blocks('ts').filter((block) => block.includes('import ')) as [string];
  const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-readme-'));
  try {
    const file = join(directory, 'program.ts');
    writeFileSync(
      file,
      program.replace(
        /from '(fetchmesh[^']*)'/g,
        (_, entry: string) => `from '${sourceOf(entry)}'`,
      ),
    );
    const { default: worker } = (await import(/* @vite-ignore */ pathToFileURL(file).href)) as {
      default: { fetch: (request: Request) => Promise<Response> };
    };
    expect(worker.fetch).toBeTypeOf('function');
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test('every entry of the table is one of the package, and none is left out', () => {
  const named = new Set(
    Array.from(readme.matchAll(/`(fetchmesh(?:\/[\w-]+)*)`/g), (found) => found[1] as string),
  );
  const entries = Object.keys(manifest.exports)
    .filter((entry) => !entry.endsWith('.json'))
    .map((entry) => `fetchmesh${entry.slice(1)}`);
  for (const entry of entries) expect(named).toContain(entry);
});
