/**
 * `fetchmesh serve`: a gateway as a process.
 *
 * @module
 */

import process from 'node:process';
import { decisionLine } from '../gateway/decision-log.ts';
import { createGateway } from '../gateway/gateway.ts';
import { adminApp } from '../runtimes/admin.ts';
import { createDrain } from '../runtimes/drain.ts';
import { runFleet } from '../runtimes/fleet-runner.ts';
import { runHealthChecks } from '../runtimes/health-runner.ts';
import { type Listener, listen, type TlsOptions } from '../runtimes/listen.ts';
import { upstreamClient } from '../runtimes/upstream-client.ts';
import { lineBuffer } from '../telemetry/line-buffer.ts';
import { createRegistry } from '../telemetry/registry.ts';
import { shareBreakers } from './breakers.ts';
import { fileOrigin } from './file-origin.ts';
import { printHelp } from './help.ts';
import { httpOrigin, isHttpUrl } from './http-origin.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { reloadSummary } from './reload-summary.ts';
import type { RulesOrigin } from './rules-origin.ts';
import { readState, stateOf } from './shared-state.ts';
import type { StopSignals } from './signals.ts';
import { standardOutput } from './standard-output.ts';
import { stop } from './stop.ts';
import { openStore } from './store.ts';
import { isStoreUrl, storeOrigin } from './store-origin.ts';
import { readTls, tlsFiles, watchTls } from './tls.ts';
import { startTraces, traceDestination } from './traces.ts';
import { upstreamCertificates } from './upstream-tls.ts';
import {
  counted,
  readArguments,
  readPort,
  readSeconds,
  readUpstream,
  readUrl,
  UsageError,
} from './usage.ts';

const help = `fetchmesh serve: run a gateway

  npx fetchmesh serve --upstream http://localhost:3000
  npx fetchmesh serve -f rules.yaml --watch --otlp-endpoint http://localhost:4318/v1/traces

  -f, --rules FILE        rules, YAML or JSON, or a directory of such files (default: fetchmesh.yaml, then rules.yaml,
                          where no --upstream is given); or a store that they are published in, redis://… or deno-kv:PATH;
                          or the URL of what build wrote, asked with $FETCHMESH_RULES_TOKEN as bearer where that is set
      --env NAME          with the changes of an environment: fetchmesh.NAME.yaml (default: $FETCHMESH_ENV)
      --rules-name NAME   which rules of that store (default: default)
      --rules-cache FILE  keeps the last good ones of that store or URL, for a start without it
      --upstream URL      where requests go that no rule sends elsewhere; alone it is a gateway with defaults
      --port N            where requests come in (default: 8080; 0 takes a free one)
      --host ADDRESS      address to listen on (default: 127.0.0.1; 0.0.0.0 for all)
      --admin-port N      /metrics, /healthz and /readyz (default: 9321; 0 takes a free one)
      --admin-host ADDR   address to listen on for these (default: 127.0.0.1; in a container 0.0.0.0, for probes and scrapes)
      --otlp-endpoint URL send traces there, OTLP over HTTP (default: that of the rules, then
                          $OTEL_EXPORTER_OTLP_ENDPOINT; OTEL_EXPORTER_OTLP_HEADERS, OTEL_SERVICE_NAME,
                          OTEL_TRACES_SAMPLER and the like are heard as well)
      --tls-cert FILE     serve HTTPS with this certificate, PEM; the rules may name it too, as \`tls\`
      --tls-key FILE      its key
      --tls-client-ca FILE
                          ask clients for certificates of this authority; not on Bun
      --tls-client-cert required|optional
                          whether a client without one is turned away (default: required)
      --store URL         where instances share limits and breakers: redis://…, rediss://…, memory: or deno-kv:PATH (default:
                          memory; the rules may say it and the next three too, as \`state\`)
      --store-mode MODE   leased: fast, a little above a limit at times; exact: never above (default: leased)
      --breakers HOW      when a breaker opens because those of other gateways with that store did: quorum, any (one is enough)
                          or alone (never) (default: quorum)
      --instances N       how many gateways run with these rules: where each counts alone, it grants that part of a limit
                          (default: 1)
      --watch             load the rules again whenever a file of them changes; SIGHUP does it once
      --drain-delay S     seconds in which it takes new connections after SIGTERM or SIGINT, when readiness is gone already
                          (default: 0.2; as long as whoever sends the traffic takes to see that)
      --drain-timeout S   seconds that requests under way get after that (default: 10)`;

/** Makes the verb: it resolves when the gateway has drained, which the first signal begins. */
export function serveUntil(signals: StopSignals): Verb {
  return async (args) => {
    try {
      return await serve(args, signals);
    } catch (error) {
      // Nobody waits for them any more.
      signals.release();
      throw error;
    }
  };
}

async function serve(args: readonly string[], signals: StopSignals): Promise<number> {
  const { values } = readServeArguments(args);
  if (values.help) {
    printHelp(help);
    return 0;
  }
  const port = readPort('--port', values.port);
  const adminPort = readPort('--admin-port', values['admin-port']);
  const drainSeconds = readSeconds('--drain-timeout', values['drain-timeout']);
  const delaySeconds = readSeconds('--drain-delay', values['drain-delay']);
  const given = readState(values);
  const upstream =
    values.upstream === undefined ? undefined : readUpstream('--upstream', values.upstream);
  if (values['otlp-endpoint']) readUrl('--otlp-endpoint', values['otlp-endpoint']);

  const cache = values['rules-cache'];
  if (values.env !== undefined && (isStoreUrl(values.rules) || isHttpUrl(values.rules))) {
    throw new UsageError('--env: name the environment where the rules are built or published');
  }
  const origin = isStoreUrl(values.rules)
    ? storeOrigin(values.rules, { name: values['rules-name'], cache })
    : isHttpUrl(values.rules)
      ? httpOrigin(values.rules, { cache })
      : await fileOrigin(values.rules, {
          environment: values.env,
          upstream,
          automatic: values.watch,
        });
  const openings: Opening[] = [origin];
  try {
    const settings = { values, given, port, adminPort, drainSeconds, delaySeconds };
    return await serveRules(origin, settings, openings, signals);
  } catch (error) {
    // Their connections would keep the process from ending.
    await Promise.allSettled(openings.map((opening) => opening.close()));
    throw error;
  }
}

/** What was opened on the way, to be closed where there is no getting any further. */
interface Opening {
  close(): Promise<void>;
}

/** The arguments, read. */
interface ServeSettings {
  readonly values: ReturnType<typeof readServeArguments>['values'];
  readonly given: ReturnType<typeof readState>;
  readonly port: number;
  readonly adminPort: number;
  readonly drainSeconds: number;
  readonly delaySeconds: number;
}

function readServeArguments(args: readonly string[]) {
  return readArguments({ args: [...args], options: options.serve, allowPositionals: false });
}

async function serveRules(
  origin: RulesOrigin,
  { values, given, port, adminPort, drainSeconds, delaySeconds }: ServeSettings,
  openings: Opening[],
  signals: StopSignals,
): Promise<number> {
  const parsed = await origin.first();
  if (parsed === undefined) return 1;

  const certificates = tlsFiles(values, parsed.rules.tls, origin.directory);
  const tls = certificates && (await readTls(certificates));

  const toUpstreams = upstreamCertificates(origin.directory);
  // Before anything is opened, so that what is wrong with the files is said as such.
  for (const service of parsed.rules.services) toUpstreams.transportOf(service);

  const registry = createRegistry();
  const sayOfTraces = (message: string): void => console.error(`fetchmesh: traces: ${message}`);
  const traced = traceDestination(values['otlp-endpoint'], parsed.rules.telemetry, sayOfTraces);
  const telemetry = traced && (await startTraces(traced, parsed.rules.telemetry, sayOfTraces));
  const { store, mode, breakers: how, instances } = stateOf(given, parsed.rules.state);
  const say = (message: string): void => console.error(`fetchmesh: ${message}`);
  const option = given.store === undefined ? 'state.store' : '--store';
  const opened =
    store === undefined ? undefined : await openStore(store, { mode, option, instances, say });
  if (opened !== undefined) openings.push(opened);
  const breakers = shareBreakers(opened, { breakers: how, port, say });
  const accessLog = lineBuffer({ write: standardOutput });
  const transport = upstreamClient();
  const gateway = createGateway(parsed.rules, {
    registry,
    ...(transport && { transport }),
    transportOf: toUpstreams.transportOf,
    ...(opened && { store: opened.store }),
    ...(breakers && { breakers }),
    instances,
    revision: parsed.revision,
    ...(telemetry && { tracerProvider: telemetry.tracerProvider }),
    onError: (error) => console.error('fetchmesh: internal error', error),
    onAccessLog: (entry) => accessLog.add(JSON.stringify(entry)),
    onAccessDecision: (...decided) => console.error(decisionLine(...decided, Date.now())),
  });

  const drain = createDrain();
  const listeners = await start([
    [drain.wrap(gateway.fetch), port, values.host, '--port', tls],
    [adminApp({ registry, drain, gateway }), adminPort, values['admin-host'], '--admin-port'],
  ]);
  const [traffic, admin] = listeners as [Listener, Listener];
  const checks = runHealthChecks(gateway);
  let inForce = parsed.rules;
  const following = origin.follow(gateway, (rules) => {
    const summary = reloadSummary(inForce, rules);
    inForce = rules;
    console.error(`fetchmesh: what came with it: ${summary}`);
    toUpstreams.retain(rules.services);
    for (const name of ['tls', 'state'] as const) {
      if (JSON.stringify(rules[name]) === JSON.stringify(parsed.rules[name])) continue;
      console.error(`fetchmesh: \`${name}\` is another one now, which counts from a restart on`);
    }
  });
  const certificateWatches =
    certificates && tls ? watchTls(certificates, tls, traffic, { automatic: values.watch }) : [];
  const watches = [
    ...(following ? [following] : []),
    ...certificateWatches,
    toUpstreams.watch({ automatic: values.watch }),
  ];
  const gossip = breakers && runFleet(breakers);
  // Without a listener the signal would end the process.
  process.on('SIGHUP', async () => {
    const news = await Promise.all(watches.map((watch) => watch.check()));
    if (news.includes(true)) return;
    console.error(
      `fetchmesh: SIGHUP: the rules have not changed; revision ${gateway.revision} stays in force`,
    );
  });
  console.error(
    `fetchmesh: gateway on ${traffic.url} · ${counted(parsed.rules.routes.length, 'route')}, revision ${parsed.revision}`,
  );
  console.error(`fetchmesh: metrics on ${admin.url}/metrics · readiness on ${admin.url}/readyz`);

  await signals.next();
  await stop({
    drain,
    listeners,
    checks,
    watches,
    gossip,
    telemetry,
    accessLog,
    opened,
    signals,
    delaySeconds,
    drainSeconds,
  });
  return 0;
}

type Address = readonly [
  handler: Parameters<typeof listen>[0],
  port: number,
  host: string,
  option: string,
  tls?: TlsOptions | undefined,
];

async function start(addresses: readonly Address[]): Promise<Listener[]> {
  const listeners: Listener[] = [];
  for (const [handler, port, hostname, option, tls] of addresses) {
    try {
      listeners.push(await listen(handler, { port, hostname, tls }));
    } catch (error) {
      await Promise.all(listeners.map((listener) => listener.close(true)));
      const { code, message } = error as NodeJS.ErrnoException;
      const why =
        code === 'EADDRINUSE' ? `port ${port} is taken; choose another with ${option}` : message;
      throw new UsageError(why);
    }
  }
  return listeners;
}
