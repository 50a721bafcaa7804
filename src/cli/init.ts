/**
 * `fetchmesh init`: the files to begin with.
 *
 * @module
 */

import { writeFile } from 'node:fs/promises';
import { fileProblem } from './file-problem.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { readArguments, readUpstream, UsageError } from './usage.ts';

const help = `fetchmesh init: write the files to begin with

  npx fetchmesh init --upstream http://localhost:3000
  npx fetchmesh init --runtime workers

      --runtime NAME   node, deno, bun or workers (default: node)
      --upstream URL   where requests go (default: http://localhost:3000)

Writes fetchmesh.yaml, and for deno, bun and workers an entry file. What is there already is left alone.`;

/** What a runtime begins with, and the commands that come next. */
interface Kit {
  readonly files: Readonly<Record<string, string>>;
  readonly next: readonly string[];
}

/** Runs the verb: 0, or 1 where nothing was written since a file is there already. */
export const init: Verb = async (args) => {
  const { values } = readArguments({
    args: [...args],
    options: options.init,
    allowPositionals: false,
  });
  if (values.help) {
    printHelp(help);
    return 0;
  }
  const kit = Object.hasOwn(kits, values.runtime)
    ? kits[values.runtime as keyof typeof kits]
    : undefined;
  if (kit === undefined) {
    throw new UsageError(
      `--runtime: '${values.runtime}' is none of ${Object.keys(kits).join(', ')}`,
    );
  }
  const upstream = readUpstream('--upstream', values.upstream);
  const files = { 'fetchmesh.yaml': rules(upstream), ...kit.files };
  let kept = 0;
  for (const [name, content] of Object.entries(files)) {
    if (await writeNew(name, content)) {
      console.log(`wrote ${name}`);
    } else {
      kept += 1;
      console.error(`${name} is there already, and was left alone`);
    }
  }
  console.log(`\nNext:\n\n${kit.next.map((command) => `  ${command}`).join('\n')}`);
  return kept === Object.keys(files).length ? 1 : 0;
};

async function writeNew(name: string, content: string): Promise<boolean> {
  try {
    // Never over a file that is there, not even one that was made a moment ago.
    await writeFile(name, content, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new UsageError(`cannot write ${name}: ${fileProblem(error, 'write')}`);
  }
}

function rules(upstream: string): string {
  return `# yaml-language-server: $schema=./node_modules/fetchmesh/rules.schema.json
version: 1

services:
  app: ${JSON.stringify(upstream.replace(/\/$/, ''))}

defaults:                  # a route's own block takes the place of the block here
  timeout: 5s              # the whole exchange, all tries together
  retries: { max: 1, retry_on: [connect, 502, 503, 504] }

routes:                    # the first that matches wins
  - path: /**
    to: app
`;
}

const look = 'npx fetchmesh explain GET /api/users';

/** Reads the rules at the start, and says what is wrong with them. */
function entry(read: string, environment: string, fail: string, end: string): string {
  return `import { createGateway } from 'fetchmesh/gateway';
import { parseRules, renderDiagnostics } from 'fetchmesh/rules';

const file = 'fetchmesh.yaml';
const text = ${read};
const { rules, diagnostics } = parseRules(text, { file, mode: 'gateway', environment: ${environment} });
if (diagnostics.length > 0) console.error(renderDiagnostics(diagnostics, text));
if (rules === undefined) ${fail};

const gateway = createGateway(rules);
${end}
`;
}

const kits: Readonly<Record<(typeof options.init.runtime.words)[number], Kit>> = {
  node: { files: {}, next: ['npx fetchmesh check', look, 'npx fetchmesh serve --watch'] },
  deno: {
    files: {
      'gateway.ts': entry(
        'await Deno.readTextFile(file)',
        'Deno.env.toObject()',
        'Deno.exit(1)',
        'export default { fetch: gateway.fetch };',
      ),
    },
    next: ['npx fetchmesh check', look, 'deno serve -A --port 8080 gateway.ts'],
  },
  bun: {
    files: {
      'gateway.ts': entry(
        'await Bun.file(file).text()',
        'process.env',
        'process.exit(1)',
        `// In seconds: after 10, Bun would drop a connection whose answer is awaited.
export default { port: 8080, idleTimeout: 255, fetch: gateway.fetch };`,
      ),
    },
    next: ['npx fetchmesh check', look, 'bun gateway.ts'],
  },
  workers: {
    files: {
      'worker.js': `import { worker } from 'fetchmesh/workers';
import bundled from './rules.json' with { type: 'json' };

export default worker({ bundled });
`,
      'wrangler.toml': `name = "gateway"
main = "worker.js"
compatibility_date = "2026-10-01"

[build]
command = "npx fetchmesh build -o rules.json"
`,
    },
    next: ['npx fetchmesh check', look, 'npx wrangler dev'],
  },
};
