/**
 * Writes `docs/rules.md`, the reference of the rules language, from its schemas. A test holds the two together.
 *
 * Usage: node tools/rules-page.ts
 */

import { existsSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import * as z from 'zod';
import { rulesFile } from '../src/rules/schema.ts';
import { type BlockInfo, blocks, lists, maps, scalars } from '../src/rules/shape.ts';
import { ruleDefaults } from './rules-defaults.ts';
import { ruleWords } from './rules-words.ts';

/** A map with keys of the language. */
interface Section {
  readonly title: string;
  readonly anchor: string;
  readonly key: string;
  readonly block: BlockInfo;
}

/** Pages that say what a block does, where they are not called as it is. */
const pages: Readonly<Record<string, string>> = {
  auth: 'policies/jwt.md',
  'auth.NAME': 'policies/jwt.md',
  allow: 'policies/authorize.md',
  deny: 'policies/authorize.md',
  authorizer: 'policies/authorize.md',
  roles: 'policies/authorize.md',
  retries: 'policies/retry.md',
  rate_limit: 'policies/rate-limit.md',
  trusted_proxies: 'policies/trusted-proxies.md',
  'services.NAME': 'policies/service.md',
  'services.NAME.balance': 'policies/service.md',
  'services.NAME.outlier': 'policies/service.md',
  'services.NAME.health': 'policies/service.md',
  'services.NAME.tls': 'policies/upstream-tls.md',
  tls: 'policies/peer-certificate.md',
  budget: 'policies/retry-budget.md',
  telemetry: 'telemetry.md',
  'telemetry.metrics': 'telemetry.md',
  'telemetry.traces': 'telemetry.md',
  state: 'stores.md',
  'telemetry.logs': 'access-log.md',
};

const head = `# The rules language

A rules file is YAML 1.2 or JSON. Every key that there is stands on this page, which is made from the schemas that \`check\` reads
files with. Unknown keys are errors; keys that begin with \`x-\` are left alone. A default is what holds where the key is left out of
its block. A block that is left out does nothing; a route without it takes that of \`defaults\`.

\`\`\`yaml
# yaml-language-server: $schema=./node_modules/fetchmesh/rules.schema.json
version: 1

defaults:                            # a route's own block replaces the one here, as a whole
  timeout: 5s
  retries: { max: 1, retry_on: [connect, 503] }

services:
  web: http://127.0.0.1:3000         # one upstream: a plain URL
  users:
    versions:
      v1: ["http://10.0.0.11:8080", "http://10.0.0.12:8080"]
      v2: http://10.0.0.21:8080
    balance: least_request

routes:                              # the first one that matches wins
  - path: /users/**
    methods: [GET, HEAD]
    to: { users@v1: 90, users@v2: 10 }
    sticky: { by: "cookie:sid" }
  - path: /search/:lang
    match: { query: { q: "*" } }     # "*": present
    to: web
    timeout: 800ms
  - path: /**
    to: web
\`\`\`

- **Durations** have a unit: \`250ms\`, \`3s\`, \`1m\`, \`2h\`. A bare number is an error. **Shares** are written \`10%\`, **sizes** \`64KiB\`.
- **Paths**: \`/a/b\` is itself, \`*\`, \`:id\` and \`{id}\` are one segment, \`**\` is any rest and none, \`~^/v[0-9]+/\` is a regular
  expression. Values that begin with \`*\`, such as \`"*.shop.example"\`, stand in quotes: without them YAML reads an alias.
- **Conditions** of \`match\`: \`"v"\` equal, \`"v*"\` begins with, \`"~re"\` matches, \`"*"\` present, \`"!*"\` absent, \`"!v"\` not equal. All in one
  map must hold; of a list of maps one.
- **Keys** of callers (\`by\`): \`ip\`, \`ip/48\`, \`header:x-user-id\`, \`cookie:sid\`, \`query:tenant\`, \`jwt:sub\`, \`baggage:tenant\`, \`route\`,
  \`global\`; a list is joined.
- **The environment**: \`\${NAME}\` and \`\${NAME:-default}\` in values, filled in after the file was read. \`$\${\` stands for itself.
- **Several files**: a directory, and one overlay for each environment ([how they are put together](semantics/rules-files.md)).
`;

/** What there is to say of a key. */
export interface KeyRow {
  readonly name: string;
  /** What it is for. */
  readonly words: string;
  /** What it takes, in Markdown. */
  readonly takes: string;
  /** What holds where it is left out, in Markdown; `required` where it cannot be. */
  readonly absent: string;
}

/** A map with keys of the language, and its keys. */
export interface RulesSection extends Section {
  readonly rows: readonly KeyRow[];
}

/** All maps of the language, in the order of the page. */
export function rulesSections(): readonly RulesSection[] {
  const sections: Section[] = [];
  const byBlock = new Map<BlockInfo, Section>();

  function sectionOf(block: BlockInfo, key: string): Section {
    const found = byBlock.get(block);
    if (found !== undefined) return found;
    const isTaken = sections.some((section) => section.key === key);
    const [, path = key, rest = ''] =
      /^(\S*)( .*)?$/.exec(isTaken ? `${key} of a route` : key) ?? [];
    const title = key === '' ? 'The file' : `\`${path}\`${rest}`;
    const anchor = title
      .toLowerCase()
      .replaceAll(/[^\w -]/g, '')
      .replaceAll(' ', '-');
    const section = { title, anchor, key, block };
    byBlock.set(block, section);
    sections.push(section);
    return section;
  }

  function takes(schema: z.ZodType, key: string): string {
    const info = scalars.get(schema);
    if (info?.words !== undefined) return info.words.map((word) => `\`${word}\``).join(', ');
    if (info !== undefined) return escaped(info.expected);
    if (schema instanceof z.ZodUnion) {
      const options = (schema.options as z.ZodType[]).map((option) => takes(option, key));
      return [...new Set(options)].join('; or ');
    }
    const item = lists.get(schema);
    if (item !== undefined) {
      return `a list: ${takes(item, key === 'routes' ? key : `${key} in a list`)}`;
    }
    const map = maps.get(schema);
    if (map !== undefined) return `by name: ${takes(map.value, `${key}.NAME`)}`;
    const block = blocks.get(schema);
    if (block !== undefined) {
      const { anchor, title } = sectionOf(block, key);
      return `[${title}](#${anchor})`;
    }
    throw new Error(`${key}: no words for ${schema.constructor.name}`);
  }

  const used = new Set<string>();
  /** Of a path, from what is known of paths. */
  function known(path: string, texts: Readonly<Record<string, string>>, file: string): string {
    const found = texts[path];
    if (found === undefined) throw new Error(`${path}: tools/${file} knows nothing of it`);
    used.add(path);
    return found;
  }

  const defaults = ruleDefaults();
  sectionOf(blocks.get(rulesFile) as BlockInfo, '');
  const found: RulesSection[] = [];
  // More are found on the way.
  for (const section of sections) {
    const { key, block } = section;
    const rows = Object.entries(block.shape).map(([name, member]): KeyRow => {
      const path = key === '' || key === 'routes' || key === 'defaults' ? name : `${key}.${name}`;
      return {
        name,
        words: known(path, ruleWords, 'rules-words.ts'),
        takes: takes(member, path),
        absent: block.required.includes(name)
          ? 'required'
          : known(path, defaults, 'rules-defaults.ts'),
      };
    });
    found.push({ ...section, rows });
  }
  const stray = Object.keys({ ...defaults, ...ruleWords }).find((path) => !used.has(path));
  if (stray !== undefined) throw new Error(`${stray}: there is no such key`);
  return found;
}

/** The page. */
export function rulesPage(): string {
  const texts = rulesSections().map(({ title, key, block, rows }) => {
    const lines = rows.map(
      ({ name, words, takes, absent }) =>
        `| \`${name}\` | ${escaped(words)} | ${takes} | ${absent} |`,
    );
    const unavailable = block.later.map(
      (name) => `| \`${name}\` | not available in this version | | |`,
    );
    const page = pages[key] ?? `policies/${key.replaceAll('_', '-')}.md`;
    const more = existsSync(`docs/${page}`) ? `What it does: [${page}](${page}).\n\n` : '';
    return `## ${title}\n\n${more}| key | what it is for | takes | default |\n|---|---|---|---|\n${[...lines, ...unavailable].join('\n')}\n`;
  });
  return `${head}\n${texts.join('\n')}`;
}

/** Outside code, which stands as it is. */
function escaped(text: string): string {
  return text.replace(/(`[^`]*`)|[*_<|]/g, (found, code) => code ?? `\\${found}`);
}

if (process.argv[1] === import.meta.filename) writeFileSync('docs/rules.md', rulesPage());
