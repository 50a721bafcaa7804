/**
 * The package at work: every entry imported, a traced, retried call made and a stranger's store checked on Node, Bun, Deno and
 * workerd; the command started by each of the ways that people start commands.
 */

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createTestHarness } from 'wrangler';
import { bin, run } from './consumer.ts';

// Nothing is asked of the network.
process.env['CLOUDFLARE_CF_FETCH_ENABLED'] ??= 'false';
process.env['WRANGLER_SEND_METRICS'] ??= 'false';

const deno = ['-A', '--no-remote', '--node-modules-dir=manual'];

/** Loads everything and does a little with it, anywhere. */
function program(entries: readonly string[], sdk: string): string {
  const imports = entries.map((entry, index) => `import * as entry${index} from '${entry}';`);
  return `
${imports.join('\n')}
import { contextOf, inbound, outbound } from 'fetchmesh';
import { retry } from 'fetchmesh/retry';
import { takeByCompareAndSet } from 'fetchmesh/stores/compare-and-set';
import { storeChecks } from 'fetchmesh/stores/conformance';
import { telemetry } from 'fetchmesh/telemetry';
import { timeout } from 'fetchmesh/timeout';
import { tracing } from 'fetchmesh/tracing';
import * as sdk from '${sdk}';

const exporter = new sdk.InMemorySpanExporter();
const { tracerProvider, flush } = telemetry({ sdk, serviceName: 'shop', exporter });
const statuses = [503, 200];
const upstream = outbound(
  async () => new Response(null, { status: statuses.shift() }),
  timeout('3s'),
  retry({ max: 1, baseDelay: '1ms' }),
  tracing({ tracerProvider }),
);
const app = inbound(
  (request) => upstream('http://users.internal/', undefined, contextOf(request)),
  tracing({ tracerProvider }),
);

/** An adapter that somebody else wrote. */
class Register {
  name = 'register';
  capabilities = { consistency: 'linearizable', staleMs: 0, minWriteMs: 0, minTtlMs: 1 };
  #entries = new Map();

  get(key) {
    const { endsAt, ...entry } = this.#entries.get(key) ?? {};
    return endsAt > Date.now() ? entry : null;
  }

  set(key, value, { ttlMs = Infinity, if: wanted } = {}) {
    const version = this.get(key)?.version ?? null;
    if (wanted !== undefined && wanted !== version) return false;
    const entry = { value, version: crypto.randomUUID(), endsAt: Date.now() + ttlMs };
    if (value === null) this.#entries.delete(key);
    else this.#entries.set(key, entry);
    return entry.version;
  }
}

async function checksThatHold(store) {
  let held = 0;
  for (const { name, run } of storeChecks(store)) {
    await run().then(() => (held += 1), (error) => console.error(name, error.message));
  }
  return held;
}

export async function smoke() {
  const { status } = await app(new Request('http://shop.example/'));
  await flush();
  const entries = [${entries.map((_, index) => `entry${index}`).join(', ')}];
  return [
    \`\${entries.filter((entry) => Object.keys(entry).length > 0).length} entries\`,
    \`status \${status}\`,
    \`\${exporter.getFinishedSpans().length} spans\`,
    \`\${await checksThatHold(takeByCompareAndSet(new Register()))} checks of a store\`,
  ].join(', ');
}
`;
}

const worker = `
import { smoke } from './smoke.mjs';
export default {
  async fetch() {
    return new Response(\`\${await smoke()}, process \${typeof process}\`);
  },
};
`;

/** Runs the program on the four runtimes. */
export async function checkRuntimes(
  project: string,
  entries: readonly string[],
  sdk: string,
): Promise<void> {
  const expected = `${entries.length} entries, status 200, 3 spans, 18 checks of a store`;
  writeFileSync(join(project, 'smoke.mjs'), program(entries, sdk));
  writeFileSync(
    join(project, 'main.mjs'),
    `import { smoke } from './smoke.mjs'; console.log(await smoke());`,
  );
  const runtimes = { node: ['main.mjs'], bun: ['main.mjs'], deno: ['run', ...deno, 'main.mjs'] };
  for (const [runtime, args] of Object.entries(runtimes)) {
    expectOutput(`${runtime} with ${sdk}`, run(join(bin, runtime), args, project), expected);
  }
  const said = await onWorkerd(project);
  expectOutput(`workerd with ${sdk}`, said, `${expected}, process undefined`);
}

/** Bundled and started as wrangler does it, without any flag. */
async function onWorkerd(project: string): Promise<string> {
  const main = join(project, 'worker.mjs');
  writeFileSync(main, worker);
  const harness = createTestHarness({
    root: project,
    workers: [
      {
        config: {
          name: 'consumer',
          main,
          compatibility_date: '2025-06-01',
          compatibility_flags: [],
        },
      },
    ],
  });
  try {
    await harness.listen();
    const response = await harness.fetch('http://shop.example/');
    return await response.text();
  } finally {
    await harness.close();
  }
}

/** Starts the command as its users do. */
export function checkCommand(project: string): void {
  const starts = {
    npx: ['--no-install', 'fetchmesh'],
    bunx: ['--bun', '--no-install', 'fetchmesh'],
    deno: ['run', ...deno, 'npm:fetchmesh'],
  };
  for (const [command, args] of Object.entries(starts)) {
    const said = run(command, [...args, 'serve', '--help'], project);
    if (!said.includes('--otlp-endpoint')) {
      throw new Error(`${command} ${args.join(' ')} serve --help said: ${said}`);
    }
    console.log(`${command} ${args.join(' ')}: ok`);
  }
}

function expectOutput(what: string, said: string, expected: string): void {
  if (said.trim() !== expected) throw new Error(`${what}: expected '${expected}', got '${said}'`);
  console.log(`${what}: ${expected}`);
}
