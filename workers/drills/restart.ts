/** Rolling restarts of a gateway of two processes, behind a balancer that asks for readiness, under load. */

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { Agent, createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import process from 'node:process';
import { setTimeout } from 'node:timers/promises';
import { type Drill, send } from './drill.ts';
import { sumOf } from './platform.ts';

const restarts = 20;
/** How often the balancer asks for readiness, in milliseconds. */
const probeEveryMs = 50;
/** How long a gateway takes new connections once it is not ready, in seconds: time for twenty probes. */
const drainDelay = '1';
const command = new URL('../../bin/fetchmesh.mjs', import.meta.url).pathname;

/** A gateway as a process. */
interface Instance {
  readonly child: ChildProcess;
  readonly url: URL;
  readonly admin: string;
  isReady: boolean;
}

export const restart: Drill = {
  name: 'restart',
  summary: `Two gateways are restarted in turn, ${restarts} times in all, while requests come in: none of them fails.`,
  notOnWorkers:
    'nobody tells a Worker that it ends: the platform lets its isolates finish what they began',
  async run(stage) {
    const { url: shop } = await stage.service({ delayMs: 5 });
    const instances = [await start(shop), await start(shop)];
    const balancer = balance(instances);
    balancer.listen(0, '127.0.0.1');
    await once(balancer, 'listening');
    stage.onEnd(async () => {
      balancer.close();
      balancer.closeAllConnections();
      for (const { child } of instances) child.kill('SIGKILL');
    });
    const url = `http://127.0.0.1:${(balancer.address() as AddressInfo).port}/`;

    let isOver = false;
    const load = (async () => {
      const answers = [];
      while (!isOver) answers.push(...(await send(40, url, { atOnce: 8 })));
      return answers;
    })();
    let served = 0;
    const codes: (number | null)[] = [];
    for (let round = 0; round < restarts; round++) {
      const [old] = instances as [Instance];
      // The next one is there before the old one goes.
      instances.push(await start(shop));
      served += await servedBy(old);
      // Only the process is told; the balancer finds out by its probes.
      const exit = once(old.child, 'exit') as Promise<[number | null]>;
      old.child.kill('SIGTERM');
      codes.push((await exit)[0]);
      instances.shift();
    }
    isOver = true;
    const answers = await load;
    stage.expectAll(`${restarts} restarts under load`, answers, 200);
    stage.expect(
      'the instances that were ended had served',
      `${served} requests, by their own metrics`,
      served > 0,
    );
    stage.expect(
      'exit codes',
      `${codes.filter((code) => code === 0).length} of ${restarts} are 0`,
      codes.every((code) => code === 0),
    );
  },
};

async function start(upstream: string): Promise<Instance> {
  const child = spawn(
    process.execPath,
    [
      ...[command, 'serve', '--upstream', upstream, '--port', '0', '--admin-port', '0'],
      ...['--drain-delay', drainDelay],
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  while (!/readiness on/.test(said)) {
    const [ended] = await Promise.race([
      once(child.stderr, 'data').then(() => [undefined]),
      once(child, 'exit'),
    ]);
    if (ended !== undefined) throw new Error(`The gateway did not start: ${said}`);
  }
  const instance: Instance = {
    child,
    url: new URL(/gateway on (\S+)/.exec(said)?.[1] as string),
    admin: /metrics on (\S+)\/metrics/.exec(said)?.[1] as string,
    isReady: true,
  };
  void probe(instance);
  return instance;
}

/** Asks for readiness again and again, for as long as the process runs. */
async function probe(instance: Instance): Promise<void> {
  while (instance.child.exitCode === null && instance.child.signalCode === null) {
    try {
      instance.isReady = (await fetch(`${instance.admin}/readyz`)).ok;
    } catch {
      instance.isReady = false;
    }
    await setTimeout(probeEveryMs);
  }
}

async function servedBy({ admin }: Instance): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  return sumOf(text, 'http_server_duration_seconds_count', {});
}

/** Sends each request to an instance that is ready, in turn. Retries nothing: whatever fails is seen. */
function balance(instances: readonly Instance[]) {
  const agent = new Agent({ keepAlive: true });
  let turn = 0;
  return createServer((incoming, outgoing) => {
    const ready = instances.filter(({ isReady }) => isReady);
    turn += 1;
    const { url } = ready[turn % ready.length] as Instance;
    const { method, headers, url: path } = incoming;
    const asked = request({ host: url.hostname, port: url.port, path, method, headers, agent });
    asked.on('response', (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    });
    asked.on('error', () => outgoing.writeHead(502).end());
    incoming.pipe(asked);
  });
}
