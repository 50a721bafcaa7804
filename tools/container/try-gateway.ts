/** The image of the gateway at work: ready, under load, and ended under load. */

import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { startCollector } from '../../workers/drills/collector.ts';
import type { Limits } from './limits.ts';
import { drive } from './load.ts';
import { checkSpans, healthOf, startImage } from './start.ts';
import type { Image } from './steps.ts';

const requests = 5_000;

/** What was found. */
export interface GatewayFigures {
  readonly enforced: string;
  readonly startMs: number;
  readonly requests: number;
  readonly perSecond: number;
  readonly peakBytes: number;
}

/**
 * @param directory Gets its rules.
 * @throws {Error} where something is not as it should be.
 */
export async function tryGateway(
  image: Image,
  limits: Limits,
  directory: string,
): Promise<GatewayFigures> {
  const upstream = createServer((_request, response) => response.end('{"users":[]}'));
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  const upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
  const rules = join(directory, 'fetchmesh.yaml');
  writeFileSync(rules, `services: { users: "${upstreamUrl}" }\nroutes: [{ path: /** }]\n`);
  const collector = await startCollector();
  // The rules are elsewhere, and ports of this machine may be taken; the rest is the image's own command.
  const command = image.command.map((part) =>
    part === '/etc/fetchmesh/fetchmesh.yaml' ? rules : part,
  );
  const began = performance.now();
  const gateway = startImage(
    { ...image, command },
    {
      limits,
      args: [
        ...['--port', '0', '--host', '127.0.0.1'],
        ...['--admin-port', '0', '--admin-host', '127.0.0.1'],
      ],
      environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin },
    },
  );
  try {
    const [, admin] = await gateway.said(/readiness on (\S+)\/readyz/);
    const startMs = Math.round(performance.now() - began);
    const [, traffic] = await gateway.said(/gateway on (\S+)/);
    const health = await healthOf(image, admin as string);
    const load = await drive(traffic as string, { requests, connections: 64 });
    if (load.failed > 0) throw new Error(`${load.failed} of ${requests} requests failed`);
    const peakBytes = gateway.peak();

    // The end under load, as a balancer brings it about: it sends until the gateway is not ready, and all of that is answered.
    let isReady = true;
    const last = drive(traffic as string, { requests, connections: 16, until: () => !isReady });
    gateway.terminate();
    while (isReady) {
      await setTimeout(10);
      isReady = await fetch(health).then(
        ({ status }) => status === 200,
        () => false,
      );
    }
    const { cut } = await last;
    await gateway.ended();
    if (cut > 0) throw new Error(`${cut} requests were cut as the gateway drained`);
    checkSpans(collector);
    return { enforced: gateway.enforced, startMs, requests, perSecond: load.perSecond, peakBytes };
  } finally {
    await gateway.remove();
    await collector.close();
    upstream.close();
    upstream.closeAllConnections();
  }
}
