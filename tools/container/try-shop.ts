/** The image of the shop's services at work: healthy, asked, and ended. */

import { startCollector } from '../../workers/drills/collector.ts';
import type { Limits } from './limits.ts';
import { drive } from './load.ts';
import { checkSpans, healthOf, startImage } from './start.ts';
import type { Image } from './steps.ts';

const requests = 200;

/**
 * Resolves to the most memory that the inventory took, in bytes.
 *
 * @throws {Error} where something is not as it should be.
 */
export async function tryShop(image: Image, limits: Limits): Promise<number> {
  const collector = await startCollector();
  const inventory = startImage(image, {
    limits,
    args: ['--port', '0', '--host', '127.0.0.1'],
    environment: { OTEL_EXPORTER_OTLP_ENDPOINT: collector.origin },
  });
  try {
    const [, url] = await inventory.said(/^inventory-stable on (\S+)/m);
    await healthOf(image, url as string);
    const { failed } = await drive(`${url}/inventory/SKU-001`, { requests, connections: 16 });
    if (failed > 0) throw new Error(`${failed} of ${requests} requests failed`);
    const peakBytes = inventory.peak();
    inventory.terminate();
    await inventory.ended();
    checkSpans(collector);
    return peakBytes;
  } finally {
    await inventory.remove();
    await collector.close();
  }
}
