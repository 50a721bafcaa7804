/** Rolling restarts of a gateway of two processes, behind a balancer that asks for readiness, under load. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startBalancer } from './balancer.ts';
import { type Answer, type Drill, send } from './drill.ts';
import { type GatewayProcess, startGatewayProcess } from './gateway-process.ts';
import type { SeenSpan } from './platform.ts';

/** Time for sixty probes of the balancer: a machine that is busy may keep it from asking for a second or two. */
const drainDelaySeconds = 3;

/** @param restarts How many gateways end, each after another one has come. */
export function restart(restarts: number): Drill {
  return {
    name: 'restart',
    summary: `Two gateways are restarted in turn, ${restarts} times in all, while requests come in: none of them fails.`,
    notOnWorkers:
      'nobody tells a Worker that it ends: the platform lets its isolates finish what they began',
    async run(stage) {
      const { url: upstream } = await stage.service({ delayMs: 5 });
      const otlpEndpoint = await stage.collector();
      const balancer = await startBalancer();
      stage.onEnd(balancer.close);
      const compileCache = await mkdtemp(join(tmpdir(), 'fetchmesh-restart-'));
      stage.onEnd(() => rm(compileCache, { recursive: true, force: true }));
      let started = 0;
      async function start(): Promise<GatewayProcess> {
        started += 1;
        const id = `gateway-${started}`;
        const gateway = await startGatewayProcess({
          ...{ id, upstream, otlpEndpoint, drainDelaySeconds, compileCache },
        });
        stage.onEnd(async () => gateway.kill());
        balancer.add(gateway);
        return gateway;
      }
      const gateways = [await start(), await start()];

      const before = await send(100, balancer.url);
      stage.expectAll('before', before, 200);

      const answers: Answer[] = [];
      let isOver = false;
      const load = (async () => {
        while (!isOver) answers.push(...(await send(40, balancer.url, { atOnce: 8 })));
      })();
      // Only the process is told; the balancer finds out by its probes.
      const ending = [];
      for (let round = 0; round < restarts; round++) {
        // The next one is there before the old one goes, which takes its time.
        gateways.push(await start());
        ending.push((gateways.shift() as GatewayProcess).end());
      }
      await Promise.all(ending);
      isOver = true;
      await load;
      // What the last ones have not sent yet, they send now.
      const ends = await Promise.all([...ending, ...gateways.map((gateway) => gateway.end())]);

      stage.expectAll(`${restarts} restarts under load`, answers, 200);
      const told = sum(ends.map(({ answeredBefore }) => answeredBefore));
      const last = sum(ends.map(({ answeredAtLast }) => answeredAtLast));
      stage.expect(
        'http_server_duration_seconds_count of the gateways, at SIGTERM and after the drain',
        `${told} → ${last}`,
        last > told,
      );
      const all = before.length + answers.length;
      const spans = await stage.spansOnce((ended) => ended.filter(isOfServer).length >= all);
      const flushed = spans.filter(isOfServer).length;
      stage.expect(
        'server spans that the gateways sent before they were gone',
        `${flushed} of ${all}`,
        flushed === all,
      );
      const toldAtMs = new Map(ends.map((end) => [end.id, end.toldAtMs]));
      await stage.trace(
        'one that was answered after SIGTERM',
        ({ resource, endedAtMs }) =>
          endedAtMs >
          (toldAtMs.get(String(resource['service.instance.id'])) ?? Number.POSITIVE_INFINITY),
      );
      const clean = ends.filter(({ exitCode }) => exitCode === 0).length;
      stage.expect('exit codes', `${clean} of ${ends.length} are 0`, clean === ends.length);
    },
  };
}

/** Client spans have no path of their own. */
function isOfServer({ attributes }: SeenSpan): boolean {
  return 'url.path' in attributes;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
