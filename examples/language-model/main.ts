/** A language model behind a fallback: time for the first words, none for the last, and another provider where one is down. */

import { type Fetch, outbound } from 'fetchmesh';
import { breaker } from 'fetchmesh/breaker';
import { fallback } from 'fetchmesh/fallback';
import { retry } from 'fetchmesh/retry';
import { timeout } from 'fetchmesh/timeout';

type Provider = (request: Request) => Promise<Response>;

/**
 * The limit ends with the headers, so that a stream may go on for as long as it likes. A POST is repeated, since asking a
 * model twice does no harm; `Retry-After` of a 429 is heeded.
 */
export function model(first: Provider, second: Provider): Fetch {
  const other = outbound(second, timeout('20s'));
  return outbound(
    first,
    fallback(({ request }, context) => other(request, context), {
      when: ['5xx', 429, 'connect', 'reset', 'timeout', 'circuit_breaker_open'],
      maxReplayBytes: 1_000_000,
    }),
    retry({ max: 1, baseDelay: '5ms', unsafeMethods: 'always', maxReplayBytes: 1_000_000 }),
    breaker({ failures: 3, openFor: '1m' }),
    timeout('20s'),
  );
}

/** Asks, and hands on each piece as it comes. */
export async function* words(call: Fetch, prompt: string): AsyncGenerator<string> {
  const response = await call('https://models.example/v1/chat', { method: 'POST', body: prompt });
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  while (reader !== undefined) {
    const { value, done } = await reader.read();
    if (done) return;
    yield value;
  }
}

if (import.meta.main) {
  const call = model(
    async () => new Response('overloaded', { status: 529 }),
    async (request) => new Response(`you asked: ${await request.text()}`),
  );
  for await (const word of words(call, 'why?')) console.log(word);
}
