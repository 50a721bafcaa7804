/** Calls to an upstream that fails a third of the time, with and without help. */

import { type Fetch, outbound } from 'fetchmesh';
import { breaker } from 'fetchmesh/breaker';
import { retry } from 'fetchmesh/retry';
import { timeout } from 'fetchmesh/timeout';

/** Answers as it likes: 503 a third of the time, and never while it is down. */
export function flakyUpstream(random: () => number = Math.random) {
  const state = { isDown: false, calls: 0 };
  async function upstream(_request: Request): Promise<Response> {
    state.calls += 1;
    if (state.isDown || random() < 1 / 3) return new Response('try later', { status: 503 });
    return Response.json({ stock: 42 });
  }
  return { upstream, state };
}

/** All of it within 2 s; three further tries; 5 failures in a row open the circuit for 30 s. */
export function inventory(upstream: (request: Request) => Promise<Response>): Fetch {
  return outbound(
    upstream,
    timeout('2s'),
    retry({ max: 3, baseDelay: '5ms' }),
    breaker({ failures: 5, openFor: '30s' }),
  );
}

/** How many of so many calls were answered well. */
export async function successes(call: (url: string) => Promise<Response>, calls = 100) {
  let good = 0;
  for (let index = 0; index < calls; index++) {
    const response = await call('http://inventory.internal/sku-1');
    if (response.ok) good += 1;
  }
  return good;
}

if (import.meta.main) {
  const { upstream, state } = flakyUpstream();
  const call = inventory(upstream);
  console.log(`bare: ${await successes((url) => upstream(new Request(url)))} of 100`);
  console.log(`governed: ${await successes(call)} of 100`);
  state.isDown = true;
  state.calls = 0;
  console.log(`down: ${await successes(call)} of 100, with ${state.calls} calls to the upstream`);
}
