/**
 * Every `@example` of a docstring under src/ is executed. A statement whose line ends in `// VALUE` must have that value.
 *
 * The exports of the package are in scope, and what an example imports from elsewhere. Examples are executed on Node
 * alone: what they show holds on every runtime, or the tests of the feature say otherwise.
 */

import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { transformSync } from 'esbuild';
import { describe, expect, test } from 'vitest';
import { parseAst } from 'vitest/node';

const root = resolve(import.meta.dirname, '../..');
const platformRooms = ['runtimes', 'cli'];

interface Example {
  /** Where it stands, such as `src/core/chain.ts:70`. */
  readonly place: string;
  /** The code, or `undefined` where there is no block of it. */
  readonly code: string | undefined;
}

interface Source {
  readonly file: string;
  readonly text: string;
  readonly examples: readonly Example[];
}

const sources: readonly Source[] = readdirSync(join(root, 'src'), {
  recursive: true,
  encoding: 'utf8',
})
  .filter((file) => file.endsWith('.ts'))
  .map((file) => `src/${file.replaceAll(sep, '/')}`)
  .sort()
  .map((file) => {
    const text = readFileSync(join(root, file), 'utf8');
    return { file, text, examples: examplesOf(file, text) };
  });

describe('an example', () => {
  const examples = sources.flatMap(({ file, examples }) =>
    examples.map(({ place, code }) => [place, file, code] as const),
  );

  test('is to be found', () => {
    expect(examples.length).toBeGreaterThan(20);
  });

  test.each(examples)('%s', async (_, file, code) => {
    if (code === undefined) throw new Error('There is no ```ts block right below the @example');
    await execute(code, file);
  });
});

describe('an example fails', () => {
  test.each([
    ['where a value is another one', "formatDuration(1_000); // '2s'"],
    ['where it cannot be parsed', 'formatDuration(; // 1'],
    ['where it throws', "throw new Error('no'); // 1"],
    ['where it shows no result', 'formatDuration(1_000);'],
    ['where the value is prose', 'formatDuration(1_000); // one second'],
    ['where it speaks of what nobody exports', 'notExported(1); // 1'],
  ])('%s', async (_, code) => {
    await expect(execute(code, 'src/index.ts')).rejects.toThrow();
  });
});

test.each(sources)('$file can be parsed', ({ text }) => {
  expect(parse(text)).toBeDefined();
});

describe('a factory, an exported function that makes a middleware, has an example', () => {
  const factories = sources.flatMap(({ file, text }) =>
    factoriesOf(text).map(({ name, documentation }) => [file, name, documentation] as const),
  );

  test('there are some', () => {
    expect(factories.map(([, name]) => name)).toEqual(
      expect.arrayContaining(['compose', 'retry', 'timeout']),
    );
  });

  test.each(factories)('%s: %s', (_, name, documentation) => {
    expect(documentation, `${name} has a docstring without @example`).toContain('@example');
  });
});

/** Finds the code blocks below each `@example` of the block comments of a file. */
function examplesOf(file: string, text: string): Example[] {
  const found: Example[] = [];
  for (const comment of text.matchAll(/^[ \t]*\/\*\*.*?\*\//gms)) {
    const lines = comment[0].split('\n').map((line) => line.replace(/^\s*\*? ?/, ''));
    const firstLine = text.slice(0, comment.index).split('\n').length;
    for (const [index, line] of lines.entries()) {
      if (!line.startsWith('@example')) continue;
      const place = `${file}:${firstLine + index}`;
      const end = lines.indexOf('```', index + 2);
      const isCode = lines[index + 1] === '```ts' && end !== -1;
      found.push({ place, code: isCode ? lines.slice(index + 2, end).join('\n') : undefined });
    }
  }
  return found;
}

interface Statement {
  readonly type: string;
  readonly start: number;
  readonly end: number;
  readonly expression?: Statement;
  readonly declaration?: Statement;
  readonly declarations?: readonly { readonly id: Statement }[];
}

type Scope = Record<string, unknown>;

async function execute(code: string, file: string): Promise<void> {
  let checks = 0;
  let body = '';
  for (const statement of parse(code)) {
    const source = (node: Statement) => code.slice(node.start, node.end);
    const [expected] = trailingComment(code, statement.end);
    if (statement.type === 'ImportDeclaration') {
      // `import { a as b } from 'x'`; what is imported from this package is in scope already.
      const [, names, from] = /import\s*(\{.*\})\s*from\s*(.*?);?$/s.exec(source(statement)) ?? [];
      if (names === undefined) throw new Error(`Write ${source(statement)} with braces`);
      if (from?.includes('fetchmesh')) continue;
      body += `const ${names.replaceAll(' as ', ': ')} = await import(${from});\n`;
    } else if (statement.type === 'ExportDefaultDeclaration') {
      checks += 1;
      body += `(${source(statement.declaration as Statement)});\n`;
    } else if (expected === undefined) {
      body += `${source(statement)}\n`;
    } else if (statement.type === 'ExpressionStatement') {
      checks += 1;
      body += `check((${source(statement.expression as Statement)}), (${expected}));\n`;
    } else {
      const [declared] = statement.declarations ?? [];
      if (declared === undefined) throw new Error(`Nothing to compare with ${expected}`);
      checks += 1;
      body += `${source(statement)}\ncheck(${source(declared.id)}, (${expected}));\n`;
    }
  }
  if (checks === 0) throw new Error('It shows no result: no line ends in `// VALUE`');

  const scope = await scopeOf(code, file);
  const load = (specifier: string): Promise<unknown> => import(/* @vite-ignore */ specifier);
  const check = (actual: unknown, expected: unknown): void => expect(actual).toEqual(expected);
  const names = Object.keys(scope);
  // In a block of its own, so that an example may give its variables the names of exports that it does not use.
  const block = `{\n${body.replaceAll(/\bimport\(/g, 'load(')}}`;
  const text = `async function example(check, load, {${names}}) {\n${block}\n}`;
  const { code: script } = transformSync(text, { loader: 'ts' });
  const example = new Function(`${script}\nreturn example;`)() as (...args: unknown[]) => unknown;
  await example(check, load, scope);
}

function parse(code: string): readonly Statement[] {
  return parseAst(code, { lang: 'ts' }).body as unknown as readonly Statement[];
}

/** The comment on the line on which a statement ends. */
function trailingComment(code: string, end: number): string[] {
  const rest = code.slice(end).split('\n')[0] ?? '';
  return /^;?\s*\/\/ (.+)$/.exec(rest)?.slice(1) ?? [];
}

/** The exports that an example speaks of: of its own file first, of the package's entry next, then of any other. */
async function scopeOf(code: string, file: string): Promise<Scope> {
  const words = new Set(code.match(/[\p{ID_Start}$_][\p{ID_Continue}$]*/gu));
  const scope: Scope = {};
  const isPortable = ({ file }: Source) => !platformRooms.includes(file.split('/')[1] as string);
  const others = sources.filter(isPortable).map(({ file }) => file);
  for (const candidate of [file, 'src/index.ts', ...others]) {
    for (const [name, value] of Object.entries(await exportsOf(candidate))) {
      if (words.has(name) && !(name in scope)) scope[name] = value;
    }
  }
  return scope;
}

const loaded = new Map<string, Promise<Scope>>();

/** What a module exports; nothing where it cannot be loaded, unless it is the one that is asked about. */
function exportsOf(file: string): Promise<Scope> {
  let exports = loaded.get(file);
  if (exports === undefined) {
    const specifier = pathToFileURL(join(root, file)).href;
    exports = (import(/* @vite-ignore */ specifier) as Promise<Scope>).catch(() => ({}));
    loaded.set(file, exports);
  }
  return exports;
}

interface Factory {
  readonly name: string;
  readonly documentation: string;
}

interface ExportedFunction extends Statement {
  readonly id?: { readonly name: string };
  readonly returnType?: Statement | null;
}

function factoriesOf(text: string): Factory[] {
  try {
    return exportedFactoriesOf(text);
  } catch {
    return []; // The file cannot be parsed, and another test says so.
  }
}

function exportedFactoriesOf(text: string): Factory[] {
  const found: Factory[] = [];
  for (const statement of parse(text)) {
    if (statement.type !== 'ExportNamedDeclaration') continue;
    const { type, id, returnType } = (statement.declaration ?? {}) as Partial<ExportedFunction>;
    if (type !== 'FunctionDeclaration' || !id) continue;
    const makes = returnType ? text.slice(returnType.start, returnType.end) : '';
    if (!/^:\s*Middleware$/.test(makes)) continue;
    const before = text.slice(0, statement.start).trimEnd();
    const start = before.endsWith('*/') ? before.lastIndexOf('/**') : before.length;
    found.push({ name: id.name, documentation: before.slice(start) });
  }
  return found;
}
