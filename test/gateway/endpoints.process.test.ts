import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts';
import { type HealthRunner, runHealthChecks } from '../../src/runtimes/health-runner.ts';
import { rulesFrom } from '../support/rules.ts';

const running = new Set<Server>();
let runner: HealthRunner | undefined;

afterEach(() => {
  runner?.stop();
  runner = undefined;
  for (const server of running) stop(server);
});

/** A server that answers its own name; on a port of its own, or on the one that it had before. */
async function start(name: string, port = 0): Promise<{ server: Server; port: number }> {
  const server = createServer((_, response) => response.end(name));
  running.add(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return { server, port: (server.address() as AddressInfo).port };
}

function stop(server: Server): void {
  running.delete(server);
  server.close();
  server.closeAllConnections();
}

/** Sends requests, four at a time, until it is enough; returns every status, and who answered last. */
async function load(gateway: Gateway, isEnough: (bodies: readonly string[]) => boolean) {
  const statuses = new Set<number>();
  let bodies: string[] = [];
  do {
    const answers = await Promise.all(
      Array.from({ length: 4 }, () => gateway.fetch(new Request('http://shop.example/'))),
    );
    bodies = await Promise.all(answers.map((answer) => answer.text()));
    for (const { status } of answers) statuses.add(status);
  } while (!isEnough(bodies));
  return { statuses: [...statuses], bodies };
}

describe('one of three endpoints dies and comes back', () => {
  test.each([
    ['health checks', 'health: { path: /, interval: 100ms, down_after: 2, up_after: 1 }'],
    [
      'outlier ejection',
      'outlier: { failures: 2, interval: 100ms, eject_for: 300ms, max_eject_for: 300ms }',
    ],
  ])('with %s every request is answered', async (_, settings) => {
    const [one, two, three] = await Promise.all([start('one'), start('two'), start('three')]);
    const urls = [one, two, three].map(({ port }) => `"http://127.0.0.1:${port}"`).join(', ');
    const gateway = createGateway(
      rulesFrom(
        `services: { a: { urls: [${urls}], balance: round_robin, ${settings} } }
routes: [{ path: /**, to: a, retries: { max: 2, base_delay: 1ms } }]`,
        { mode: 'gateway' },
      ),
    );
    runner = runHealthChecks(gateway);
    const isOut = (): boolean => {
      const [, second] = gateway.endpoints;
      return second?.isEjected === true || second?.isUp === false;
    };
    const before = await load(gateway, (bodies) => bodies.includes('two'));
    stop(two.server);
    const dying = await load(gateway, isOut);
    await start('two', two.port);
    const after = await load(gateway, (bodies) => !isOut() && bodies.includes('two'));
    expect([before.statuses, dying.statuses, after.statuses]).toEqual([[200], [200], [200]]);
  });
});
