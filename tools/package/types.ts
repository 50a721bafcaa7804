/**
 * The package's types in a stranger's compiler: with the DOM's types and with those of Workers, for Node's resolution and for
 * bundlers', with nothing skipped and nothing else installed.
 */

import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

/** What the README shows, and a little of everything else that a user writes types for. */
function program(entries: readonly string[], sdk: string): string {
  const imports = entries.map(
    (entry, index) => `import * as entry${index} from '${entry}';\nexport { entry${index} };`,
  );
  return `
${imports.join('\n')}
import { Context, type Middleware, contextOf, inbound, key, outbound } from 'fetchmesh';
import { retry } from 'fetchmesh/retry';
import { telemetry } from 'fetchmesh/telemetry';
import { timeout } from 'fetchmesh/timeout';
import { tracing } from 'fetchmesh/tracing';
import * as sdk from '${sdk}';

const tenant = key<string>('tenant', 'public');
const tagged: Middleware = (next) => (request, context) => next(request, context.with(tenant, 'acme'));
const { tracerProvider } = telemetry({ sdk, serviceName: 'shop' });
const users = outbound(fetch, timeout('3s'), retry({ max: 2, perTry: '800ms' }), tagged, tracing({ tracerProvider }));
const text: Promise<string> = users('http://users.internal/').then((response) => response.text());
export const name: string = Context.background().get(tenant);
export const takesAFetch = (client: typeof fetch): typeof fetch => client;
takesAFetch(users);

export default {
  fetch: inbound(
    (request: Request) => users('http://users.internal/', undefined, contextOf(request)),
    tracing(),
    timeout('5s'),
  ),
  text,
};
`;
}

const libraries = {
  DOM: { lib: ['esnext', 'dom', 'dom.iterable', 'dom.asynciterable'], types: [] },
  Workers: { lib: ['esnext'], types: ['@cloudflare/workers-types'] },
};
const resolutions = {
  nodenext: { module: 'nodenext' },
  bundler: { module: 'esnext', moduleResolution: 'bundler' },
};

/** Newest and oldest: the one of this repository, and the one that attw brings along. */
const compilers = {
  'TypeScript 7': 'node_modules/typescript/bin/tsc',
  'TypeScript 5.6': 'node_modules/@arethetypeswrong/core/node_modules/typescript/bin/tsc',
};

/** Compiles the program in every setting. */
export function checkTypes(project: string, entries: readonly string[], sdk: string): void {
  const workersTypes = 'node_modules/@cloudflare/workers-types';
  mkdirSync(dirname(join(project, workersTypes)), { recursive: true });
  symlinkSync(resolve(workersTypes), join(project, workersTypes));
  writeFileSync(join(project, 'consumer.ts'), program(entries, sdk));
  for (const [compiler, tsc] of Object.entries(compilers)) {
    for (const [library, environment] of Object.entries(libraries)) {
      for (const [resolution, modules] of Object.entries(resolutions)) {
        compile(project, resolve(tsc), { ...environment, ...modules });
        console.log(`types with ${sdk}: ${compiler}, ${library}, ${resolution}`);
      }
    }
  }
}

function compile(project: string, tsc: string, settings: Record<string, unknown>): void {
  const compilerOptions = {
    ...{ target: 'es2022', strict: true, exactOptionalPropertyTypes: true, skipLibCheck: false },
    ...{ noEmit: true, verbatimModuleSyntax: true },
    ...settings,
  };
  const file = join(project, 'tsconfig.json');
  writeFileSync(file, JSON.stringify({ compilerOptions, files: ['consumer.ts'] }));
  execFileSync('node', [tsc, '-p', file], { cwd: project, stdio: 'inherit' });
}
