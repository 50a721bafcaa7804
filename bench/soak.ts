/**
 * A gateway with every policy that rules can name, half of the time behind an app that governs itself, under upstreams and
 * clients that misbehave at random: what is left when they are gone, and does the memory grow? Run by `npm run soak` on Node, Bun
 * and Deno; ends with 1 where something is left.
 *
 * Usage: … soak.ts [requests]; half as many come before to warm up.
 */

import process from 'node:process';
import { inbound } from '../src/core/inbound.ts';
import { setHeader } from '../src/core/outgoing.ts';
import { createGateway } from '../src/gateway/gateway.ts';
import { retry } from '../src/policies/retry.ts';
import { timeout } from '../src/policies/timeout.ts';
import { parseRules, type Rules } from '../src/rules/index.ts';
import { countingClock, countListeners, left } from './soak/left.ts';
import { growth, type Memory, memory } from './soak/memory.ts';

const total = Number(process.argv[2] ?? 200_000);
const concurrency = 100;
/** With fewer requests the heap is still finding its size. */
const isEnoughForMemory = total >= 100_000;
/** How often memory is looked at on the way. */
const looks = isEnoughForMemory ? 10 : 2;
/** In MB for 100,000 requests. */
const mostGrowth = 1;

countListeners();

const { rules, text } = parseRules(
  `
services:
  users:
    versions:
      v1: [http://10.0.0.11:8080, http://10.0.0.12:8080, http://10.0.0.13:8080]
      v2: { url: http://10.0.0.21:8080, env: canary }
    outlier: { failures: 20, eject_for: 1s }
  stock: http://10.0.0.31:8080
telemetry: { service: soak, metrics: { names: istio } }
defaults:
  timeout: 60ms
  rate_limit: { limit: 100000, per: 1s, by: "header:x-user" }
  shed: { from: 5000, full: 10000 }
routes:
  - path: /users/**
    to: { users@v1: 80, users@v2: 20 }
    retries: { max: 2, base_delay: 1ms, budget: 50%, per_try: 30ms }
    breaker: { error_rate: 90%, min_requests: 100, window: 1s, open_for: 50ms }
    bulkhead: { limit: 80, queue: 20, max_wait: 20ms }
    fault: { delay: { fixed: 2ms, percent: 2% }, abort: { status: 503, percent: 2% }, until: 2099-12-31 }
    mirror: { to: stock, percent: 5%, timeout: 50ms }
    fallback: { respond: { body: "[]" } }
  - path: /search/**
    to: users@v1
    hedge: { delay: 5ms, budget: 20% }
    throttle: { min_requests: 100 }
    headers: { response: { set: { x-soak: "1" } } }
  - { path: /**, to: stock }
`,
  { mode: 'gateway' } as never,
) as { rules?: Rules; text?: string };
if (rules === undefined) throw new Error(`the rules are wrong: ${text ?? ''}`);

/** Mulberry32: the same run each time. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const random = seeded(7);
const chunk = new Uint8Array(1_024);

/** A body that trickles, and tells when it was read to its end or given up. */
function trickle(chunks: number): ReadableStream<Uint8Array> {
  left.bodies += 1;
  let sent = 0;
  return new ReadableStream(
    {
      async pull(controller) {
        if (random() < 0.2) await pause(random() * 4);
        if (sent++ < chunks) {
          controller.enqueue(chunk);
        } else {
          left.bodies -= 1;
          controller.close();
        }
      },
      cancel() {
        left.bodies -= 1;
      },
    },
    { highWaterMark: 0 },
  );
}

function pause(ms: number, signal?: AbortSignal | null): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}

/** An upstream with all the faults that there are. */
async function upstream(_url: string, init: RequestInit): Promise<Response> {
  left.calls += 1;
  try {
    const { signal, body } = init;
    if (signal?.aborted) throw signal.reason;
    if (body instanceof ReadableStream) {
      if (random() < 0.8) await new Response(body).arrayBuffer();
      else await body.cancel();
    }
    const fate = random();
    if (fate < 0.1) return new Response(trickle(1), { status: 503 });
    if (fate < 0.15) throw new TypeError('fetch failed', { cause: { code: 'ECONNRESET' } });
    if (fate < 0.25) await pause(random() * 100, signal);
    if (fate < 0.5) return new Response(trickle(Math.floor(random() * 4)));
    return new Response('ok');
  } finally {
    left.calls -= 1;
  }
}

const gateway = createGateway(rules, { transport: upstream, clock: countingClock, random });
/** What the gateway gets of it is a copy, with an edit and with the signal of a try. */
const app = inbound(
  (request) => gateway.fetch(request),
  (next) => (request, context) => next(request, setHeader(context, 'x-app', 'soak')),
  timeout('80ms', { clock: countingClock }),
  retry({ max: 1, baseDelay: '1ms', perTry: '50ms', clock: countingClock, random }),
);
const outcomes = new Map<string, number>();

async function client(index: number): Promise<void> {
  const path = ['/users/a', '/search/b', '/stock'][index % 3];
  const hasBody = random() < 0.3;
  const caller = new AbortController();
  const request = new Request(`http://shop.example${path}`, {
    method: hasBody ? 'PUT' : 'GET',
    headers: { 'x-user': `user-${index % 5_000}` },
    signal: caller.signal,
    ...(hasBody && bodyOf(Math.floor(random() * 8_192))),
  });
  const leaving = random() < 0.1 ? setTimeout(() => caller.abort(), random() * 30) : undefined;
  let outcome: string;
  try {
    const response = await (random() < 0.5 ? gateway.fetch : app)(request);
    outcome = String(response.status);
    if (random() < 0.1) await response.body?.cancel();
    else await response.arrayBuffer();
  } catch {
    outcome = 'rejected';
  }
  clearTimeout(leaving);
  outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
}

/** Text, or a stream of it. */
function bodyOf(length: number): RequestInit {
  const text = 'x'.repeat(length);
  if (random() < 0.5) return { body: text };
  // Unknown to the types of the DOM, and demanded by Node.
  return { body: new Blob([text]).stream(), duplex: 'half' } as RequestInit;
}

async function settled(): Promise<void> {
  for (let waited = 0; waited < 100; waited++) {
    // What follows a body that nobody reads any more is let go with it, when it is collected.
    if (left.timers + left.bodies + left.calls === 0) return;
    await pause(20);
  }
}

async function run(requests: number): Promise<Memory> {
  let next = 0;
  const workers = Array.from({ length: concurrency }, async () => {
    while (next < requests) await client(next++);
  });
  await Promise.all(workers);
  await settled();
  return await memory();
}

// Pools, compilers and maps find their size.
await run(total / 2);
const seen: Memory[] = [];
for (let look = 0; look < looks; look++) seen.push(await run(total / looks));

const answers = Array.from(outcomes, ([outcome, count]) => `${outcome} ${count}`).sort();
console.log(`${total / 2} + ${total} requests: ${answers.join(', ')}`);
console.log(`left: ${JSON.stringify(left)}`);
let isGrowing = false;
for (const kind of ['resident', 'live'] as const) {
  const values = seen.map((one) => one[kind]);
  const { median, least, most } = growth(values);
  const shown = [median, least, most].map((slope) =>
    ((slope * 100_000 * looks) / total).toFixed(2),
  );
  const course = values.map((value) => value.toFixed(1)).join(' ');
  console.log(
    `${kind}: ${course} MB: ${shown[0]} MB for 100,000 requests, surely from ${shown[1]} to ${shown[2]}`,
  );
  // What the machine takes and gives back meanwhile is no leak: it has to grow for certain.
  if (isEnoughForMemory && Number(shown[1]) > mostGrowth) isGrowing = true;
}
if (isGrowing)
  console.error(`the memory surely grew by more than ${mostGrowth} MB for 100,000 requests`);
const permits = gateway.registry
  .collect()
  .filter(({ name }) => /(?:in_flight|waiting)$/.test(name))
  .flatMap(({ series }) => series.map((one) => ('value' in one ? one.value : 0)));
console.log(`permits and places in queues held: ${permits.join(', ')}`);
const held = [...Object.values(left), ...permits].reduce((sum, one) => sum + one, 0);
if (held > 0 || permits.length === 0 || isGrowing) process.exitCode = 1;
process.exit();
