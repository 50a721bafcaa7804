/**
 * `fetchmesh doctor`: whether a gateway with these rules could do its work from here.
 *
 * @module
 */

import process from 'node:process';
import type { Rules } from '../rules/model.ts';
import { askAdmin } from './doctor-admin.ts';
import { askState } from './doctor-state.ts';
import { type Finding, reason } from './finding.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { readRules } from './read-rules.ts';
import { environmentName } from './rules-file.ts';
import { wantsColor } from './terminal.ts';
import { type TraceDestination, traceDestination } from './traces.ts';
import { counted, readArguments, readPort, readSeconds, readUpstream, readUrl } from './usage.ts';

const help = `fetchmesh doctor: can a gateway with these rules do its work from here?

  npx fetchmesh doctor
  npx fetchmesh doctor -f rules.yaml --store redis://localhost:6379 --otlp-endpoint http://localhost:4318/v1/traces

  -f, --rules FILE         rules, YAML or JSON (default: fetchmesh.yaml, then rules.yaml)
      --env NAME           with the changes of an environment: fetchmesh.NAME.yaml (default: $FETCHMESH_ENV)
      --upstream URL       as for serve
      --store URL          as for serve (default: state.store of the rules)
      --otlp-endpoint URL  as for serve (default: that of the rules, then $OTEL_EXPORTER_OTLP_ENDPOINT)
      --admin-port N       as for serve (default: 9321)
      --timeout TIME       how long each question may take, such as 500ms (default: 3s)
      --json               the same as JSON

Asks upstreams, the store, the collector and the admin port; sends no traffic through them. Exit code: 0 all is well, 1 something is not.`;

/** Clocks that differ by more make tokens and traces wrong. */
const mostSkewMs = 5_000;

/** Runs the verb. */
export const doctor: Verb = async (args) => {
  const { values } = readArguments({
    args: [...args],
    options: options.doctor,
    allowPositionals: false,
  });
  if (values.help) {
    printHelp(help);
    return 0;
  }
  const timeoutMs = Math.max(1, readSeconds('--timeout', values.timeout) * 1_000);
  const upstream =
    values.upstream === undefined ? undefined : readUpstream('--upstream', values.upstream);
  if (values['otlp-endpoint']) readUrl('--otlp-endpoint', values['otlp-endpoint']);
  const adminPort = readPort('--admin-port', values['admin-port']);
  const read = await readRules(values.rules, upstream, environmentName(values.env), 'gateway');
  if (read === undefined) return 1;
  const { rules, file } = read;
  const warnings: Finding[] = [];
  const traced = traceDestination(values['otlp-endpoint'], rules.telemetry, (message) => {
    warnings.push({ what: 'environment', ok: false, detail: message });
  });
  const findings = (
    await Promise.all([
      { what: 'rules', ok: true, detail: `${file}: ${counted(rules.routes.length, 'route')}` },
      ...upstreamsOf(rules).map((url) => askUpstream(url, timeoutMs)),
      askState(values.store, rules.state, timeoutMs),
      askAdmin(adminPort, timeoutMs),
      ...warnings,
      ...(traced ? [askCollector(traced, timeoutMs)] : []),
    ])
  ).flat();
  if (values.json) console.log(JSON.stringify(findings, undefined, 2));
  else for (const finding of findings) console.log(render(finding));
  return findings.every(({ ok }) => ok) ? 0 : 1;
};

function upstreamsOf({ services }: Rules): readonly string[] {
  const urls = services.flatMap(({ versions }) => versions.flatMap(({ urls }) => urls));
  return [...new Set(urls)];
}

/** Whether it answers at all, whatever; and what its clock says. */
async function askUpstream(url: string, timeoutMs: number): Promise<Finding[]> {
  const what = `upstream ${url}`;
  try {
    const began = Date.now();
    const response = await fetch(url, {
      method: 'HEAD',
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    const tookMs = Date.now() - began;
    const answered: Finding = {
      what,
      ok: true,
      detail: `answers ${response.status} in ${tookMs} ms`,
    };
    const date = Date.parse(response.headers.get('date') ?? '');
    const skewMs = Number.isNaN(date) ? 0 : Math.abs(date - began);
    if (skewMs <= mostSkewMs + tookMs + 1_000) return [answered];
    return [
      answered,
      {
        what: `clock of ${url}`,
        ok: false,
        detail: `differs from the one here by ${Math.round(skewMs / 1_000)} s`,
        hint: 'let both follow a time server, tokens and traces depend on it; on Linux: timedatectl status',
      },
    ];
  } catch (error) {
    return [
      {
        what,
        ok: false,
        detail: reason(error),
        hint: `is it running, and is the address right? Try: curl -I ${url}`,
      },
    ];
  }
}

/** An export of nothing: a collector answers it with 200. */
async function askCollector(
  { endpoint, headers }: TraceDestination,
  timeoutMs: number,
): Promise<Finding> {
  const { resolveTracesUrl } = await import('../telemetry/otlp-endpoint.ts');
  const url = resolveTracesUrl(endpoint);
  const what = `collector ${url}`;
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"resourceSpans":[]}',
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    await response.body?.cancel();
    const detail = `answers ${response.status}`;
    return response.ok
      ? { what, ok: true, detail }
      : {
          what,
          ok: false,
          detail,
          hint: 'OTLP over HTTP is at /v1/traces, by default on port 4318',
        };
  } catch (error) {
    return {
      what,
      ok: false,
      detail: reason(error),
      hint: 'spans are dropped until it answers; OTLP over HTTP is by default on port 4318',
    };
  }
}

function render({ what, ok, warning, detail, hint }: Finding): string {
  const [sign, hue] = !ok ? ['×', 31] : warning ? ['!', 33] : ['√', 32];
  const color = wantsColor(process.stdout);
  const mark = color ? `\u001b[${hue}m${sign}\u001b[0m` : sign;
  const line = `${mark} ${what}: ${detail}`;
  return hint === undefined ? line : `${line}\n    ${hint}`;
}
