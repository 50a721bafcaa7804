/**
 * Requests that two servers could read differently, over sockets, at a gateway on each runtime that listens. Whatever
 * becomes of them, an upstream sees one request at most, none that was hidden in another, no field that came in by the
 * way, and the gateway goes on.
 */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fieldAttacks, smugglingAttacks } from '../security/attacks/smuggling.ts';
import { endAll, type Serving, serve } from '../support/serving.ts';

interface Seen {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

const seen: Seen[] = [];
const upstream = createServer(async (request, response) => {
  let body = '';
  try {
    for await (const chunk of request) body += chunk;
  } catch {
    // Cut off: what was hidden in it must not have come.
  }
  seen.push({ url: request.url ?? '', headers: request.headers, body });
  response.end('ok');
});

beforeAll(async () => {
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
});
afterAll(() => {
  endAll();
  upstream.close();
  upstream.closeAllConnections();
});

interface Outcome {
  readonly refused: boolean;
  readonly text: string;
}

/** How often an answer began. */
const answersIn = (said: string): number => said.match(/HTTP\/1\.1 \d{3} /g)?.length ?? 0;

/**
 * Sends it, and takes what comes back until the other side has been silent for a moment.
 *
 * @param sent How many requests the upstream has seen of it by now. A gateway that knows of them answers them all: that is
 *   waited for.
 */
async function send({ url }: Serving, text: string, sent: () => number): Promise<Outcome> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => {});
  let said = '';
  const over = new Promise<void>((resolve) => {
    socket.once('close', () => resolve());
    let silences = 0;
    socket.setTimeout(300).on('timeout', () => {
      silences += 1;
      // A machine that is busy takes longer to say the first word, or the next one.
      const isOver = said !== '' && answersIn(said) >= sent();
      if (isOver || silences === (sent() === 0 ? 4 : 100)) resolve();
      else socket.setTimeout(300);
    });
  });
  socket.setEncoding('latin1').on('data', (chunk: string) => {
    said += chunk;
  });
  socket.write(text, 'latin1');
  await over;
  socket.destroy();
  return { refused: !/^HTTP\/1\.[01] [123]/.test(said), text: said };
}

describe.each(['node', 'bun', 'deno'] as const)('a gateway on %s', (runtime) => {
  let gateway: Serving;

  beforeAll(async () => {
    const { port } = upstream.address() as AddressInfo;
    gateway = await serve(['--upstream', `http://127.0.0.1:${port}`], runtime);
  });

  // Numbered, since what a row before it sent could arrive late.
  const rows = [...smugglingAttacks, ...fieldAttacks].map(
    ({ name, input: text, expected }, row) => {
      const number = String(row).padStart(3, '0');
      // As long as before, where the length of a body counts it.
      const paths = text.replaceAll('/a', `/a${number}`).replaceAll('/smuggled', `/hid-${number}d`);
      return [name, paths, expected === 'refused', row] as const;
    },
  );

  test.each(rows)('%s', async (_, text, mustRefuse, row) => {
    seen.length = 0;
    const ofThis = () => seen.filter(({ url }) => Number(/\d+/.exec(url)?.[0] ?? row) === row);
    const { refused, text: said } = await send(gateway, text, () => ofThis().length);
    const sent = ofThis();
    // A second request on the connection is the client's own, and comes as one.
    const own = sent.filter(({ url }) => !url.startsWith('/hid-'));
    expect(own.length, 'requests at the upstream').toBeLessThanOrEqual(1);
    for (const { headers, body, url } of sent) {
      expect(headers).not.toHaveProperty('x-injected');
      expect(headers['upgrade']).toBeUndefined();
      expect(url).not.toContain('\n');
      expect([...body.matchAll(/HTTP\/1\.1/g)].length).toBeLessThanOrEqual(1);
    }
    // A request behind another one was seen as such here, and answered as such: it was not hidden.
    if (own.length < sent.length) {
      expect(answersIn(said), said.slice(0, 400)).toBeGreaterThanOrEqual(sent.length);
    }
    if (mustRefuse) expect(refused, said.slice(0, 200)).toBe(true);
  });

  test('goes on as if nothing had been', async () => {
    expect(await (await fetch(`${gateway.url}/after`)).text()).toBe('ok');
    // What rows before it sent may arrive late, and has its own name.
    expect(seen.filter(({ url }) => !/\d{3}/.test(url)).map(({ url }) => url)).toEqual(['/after']);
  });
});
