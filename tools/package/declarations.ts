/**
 * The published declarations, read one by one: what an entry's types are made of must be the language, the web standards and
 * the package's own dependencies, and never the types of a runtime, which a stranger does not have.
 */

import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string }>>;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly peerDependencies: Readonly<Record<string, string>>;
}

/** Names that only a runtime's own types declare. */
const runtimeNames = [
  /\bNodeJS\./,
  /\bBuffer\b/,
  /\bBun\./,
  /\bDeno\./,
  /\b(?:ExecutionContext|KVNamespace|DurableObject\w*|Fetcher)\b/,
  /\b(?:IncomingMessage|ServerResponse|AsyncLocalStorage)\b/,
];

/** Fails where a declaration that an entry reaches asks for what a stranger does not have. */
export function checkDeclarations(): void {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Manifest;
  const packages = Object.keys({ ...manifest.dependencies, ...manifest.peerDependencies });
  const pending = Object.values(manifest.exports).flatMap((target) =>
    typeof target === 'string' ? [] : [normalize(target.types)],
  );
  const seen = new Set<string>();
  const complaints: string[] = [];
  for (let file = pending.pop(); file !== undefined; file = pending.pop()) {
    if (seen.has(file)) continue;
    seen.add(file);
    if (!existsSync(file)) {
      complaints.push(`${file} is not there`);
      continue;
    }
    const text = readFileSync(file, 'utf8');
    if (/^\/\/\/\s*<reference/m.test(text)) complaints.push(`${file} refers to types of others`);
    for (const specifier of importsOf(text)) {
      if (specifier.startsWith('.')) pending.push(declarationOf(join(dirname(file), specifier)));
      else if (!packages.some((name) => specifier === name || specifier.startsWith(`${name}/`))) {
        complaints.push(`${file} imports ${specifier}, which is no dependency`);
      }
    }
    const code = withoutComments(text);
    for (const name of runtimeNames) {
      const found = name.exec(code)?.[0];
      const isOwn =
        found !== undefined && new RegExp(`(?:interface|class|type) ${found}\\b`).test(code);
      if (found !== undefined && !isOwn)
        complaints.push(`${file} names ${found}, a runtime's type`);
    }
  }
  if (complaints.length > 0) throw new Error(complaints.join('\n'));
  console.log(`declarations: ${seen.size} files, web standards alone`);
}

function importsOf(text: string): string[] {
  const code = withoutComments(text);
  const found = code.matchAll(/\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g);
  return Array.from(found, ([, specifier]) => specifier as string);
}

function withoutComments(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
}

/** `./retry.ts` and `./retry.js` are both declared in `./retry.d.ts`. */
function declarationOf(path: string): string {
  return path.replace(/(?<!\.d)\.(?:ts|js)$/, '.d.ts');
}
