/**
 * The whole chain beside the stack that people assemble today: what each adds to a bare handler. Run by bench/run.ts on
 * Node, Bun and Deno.
 *
 * All do the same work for each request: a server and a client span, request metrics, a limit for each caller, a weighted
 * canary route, a breaker, retries, a time limit for each try and for the whole exchange, headers rewritten on the way to an
 * upstream in memory. No context manager is registered, which is cheaper for the peers than what their users have.
 */

import { propagation, type TracerProvider } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { AlwaysOffSampler, AlwaysOnSampler, WebTracerProvider } from '@opentelemetry/sdk-trace-web';
import { createGateway } from '../src/gateway/gateway.ts';
import { governance } from '../src/gateway/governance.ts';
import { inbound, type Middleware, outbound } from '../src/index.ts';
import { breaker } from '../src/policies/breaker/breaker.ts';
import { rateLimit } from '../src/policies/rate-limit.ts';
import { retry } from '../src/policies/retry.ts';
import { timeout } from '../src/policies/timeout.ts';
import { parseRules, type Rules } from '../src/rules/index.ts';
import { metrics } from '../src/telemetry/metrics.ts';
import { createRegistry } from '../src/telemetry/registry.ts';
import { tracing } from '../src/telemetry/tracing.ts';
import { canaryRules, gatewayRules, nowhere, plenty } from './canary.ts';
import { type Contestant, measure, type Result } from './measure.ts';
import { cheapestStack } from './peers/cheapest.ts';
import { peerStack } from './peers/stack.ts';
import { freshRequest, upstream } from './request.ts';
import { printAdded, printRatio } from './table.ts';

function limitOf(limit: number): Middleware {
  return rateLimit({ limit, per: '1d', by: ({ headers }) => headers.get('authorization') });
}

function rulesOf(text: string): Rules {
  const { rules, diagnostics } = parseRules(text);
  if (rules === undefined) throw new Error(JSON.stringify(diagnostics));
  return rules;
}

// In the place of the platform's own, which takes URL and init, as the peers' does; other functions are given a Request.
globalThis.fetch = upstream;

const recorded = new WebTracerProvider({ sampler: new AlwaysOnSampler() });
const unsampled = new WebTracerProvider({ sampler: new AlwaysOffSampler() });
propagation.setGlobalPropagator(new W3CTraceContextPropagator());

/** Each part as a middleware: an app, and around it what it calls. */
function chain(
  tracerProvider?: TracerProvider,
  limit = plenty,
): (request: Request) => Promise<Response> {
  const spans = tracing(tracerProvider && { tracerProvider });
  const users = outbound(
    globalThis.fetch,
    governance(rulesOf(canaryRules(nowhere))),
    retry({ max: 2, perTry: '800ms' }),
    breaker({ failures: 5 }),
    spans,
  );
  const count = metrics({ registry: createRegistry(), service: 'shop' });
  return inbound((request) => users(request), spans, count, limitOf(limit), timeout('3s'));
}

/** Nothing goes out: no client span, no other headers, no other URL. */
function aroundApp(): (request: Request) => Promise<Response> {
  return inbound(
    (request) => upstream(request),
    ...[tracing(), metrics({ registry: createRegistry(), service: 'shop' }), limitOf(plenty)],
    ...[timeout('3s'), retry({ max: 2, perTry: '800ms' }), breaker({ failures: 5 })],
  );
}

function gateway(
  tracerProvider?: TracerProvider,
  limit = plenty,
): (request: Request) => Promise<Response> {
  return createGateway(rulesOf(gatewayRules(nowhere, limit)), {
    transport: upstream,
    ...(tracerProvider && { tracerProvider }),
  }).fetch;
}

function peers(tracerProvider?: TracerProvider): Parameters<typeof peerStack>[0] {
  return { upstream, tracerProvider, limit: plenty };
}

const stacks = {
  bare: (request: Request) => upstream(request),
  peers: peerStack(peers(recorded)),
  peersUnsampled: peerStack(peers(unsampled)),
  peersUntraced: peerStack(peers()),
  cheapest: cheapestStack(peers(recorded)),
  gateway: gateway(),
  gatewayRecorded: gateway(recorded),
  chain: chain(),
  chainRecorded: chain(recorded),
  aroundApp: aroundApp(),
  peersRefuse: peerStack({ ...peers(recorded), limit: 1 }),
  gatewayRefuses: gateway(undefined, 1),
  chainRefuses: chain(undefined, 1),
};
const names: Readonly<Record<keyof typeof stacks, string>> = {
  bare: 'bare handler',
  peers: 'peer stack, spans recorded',
  peersUnsampled: 'peer stack, spans not sampled',
  peersUntraced: 'peer stack, no tracing',
  cheapest: 'cheapest peers by hand, spans recorded',
  gateway: 'fetchmesh gateway, no SDK',
  gatewayRecorded: 'fetchmesh gateway, spans recorded',
  chain: 'fetchmesh middlewares, no SDK',
  chainRecorded: 'fetchmesh middlewares, spans recorded',
  aroundApp: 'fetchmesh around an app, no SDK, no rewriting',
  peersRefuse: 'peer stack, spans recorded, 429',
  gatewayRefuses: 'fetchmesh gateway, no SDK, 429',
  chainRefuses: 'fetchmesh middlewares, no SDK, 429',
};

// A stack that fails fast would win.
for (const [name, run] of Object.entries(stacks)) {
  const { status } = await run(freshRequest());
  if (status !== 200) throw new Error(`${name} answered ${status}`);
  if (!name.endsWith('Refuse') && !name.endsWith('Refuses')) continue;
  const refused = await run(freshRequest());
  if (refused.status !== 429) throw new Error(`${name} refused with ${refused.status}`);
}

const keys = Object.keys(stacks) as (keyof typeof stacks)[];
const contestants: readonly Contestant[] = keys.map((key) => ({
  name: names[key],
  run: () => stacks[key](freshRequest()),
}));
const results = await measure(contestants, { rounds: 11 });
const of = (key: keyof typeof stacks) => results[keys.indexOf(key)] as Result;
printAdded(results);

console.log('\nof what the peers add');
const bare = of('bare');
const p1 = { id: 'P1', atMost: 0.1, floor: 0.15 };
const theirs = of('peers');
for (const key of ['gateway', 'chain'] as const) {
  printRatio(`${names[key]} / peers recorded`, { ours: of(key), theirs, bare, goal: p1 });
}
printRatio(`${names.aroundApp} / peers recorded`, {
  ...{ ours: of('aroundApp'), theirs, bare },
  goal: { id: 'P1', atMost: 0.05, floor: 0.08 },
});
for (const key of ['gatewayRecorded', 'chainRecorded'] as const) {
  const goal = { id: 'P1', atMost: 0.25, floor: 0.25 };
  printRatio(`${names[key]} / peers recorded`, { ours: of(key), theirs, bare, goal });
}
for (const key of ['gateway', 'chain'] as const) {
  const goal = { id: 'P1b', atMost: 0.15, floor: 0.25 };
  printRatio(`${names[key]} / cheapest`, { ours: of(key), theirs: of('cheapest'), bare, goal });
}
for (const key of ['gateway', 'chain'] as const) {
  printRatio(`${names[key]} / peers untraced`, {
    ...{ ours: of(key), theirs: of('peersUntraced'), bare },
  });
}
for (const key of ['gatewayRefuses', 'chainRefuses'] as const) {
  printRatio(`${names[key]} / peers`, {
    ...{ ours: of(key), theirs: of('peersRefuse'), bare },
    goal: { id: 'P2', atMost: 0.1, floor: 0.25 },
  });
}
