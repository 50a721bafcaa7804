/** Copies of real requests go to the next version, and what it answers is compared. Callers notice nothing. */

import { type Fetch, outbound } from 'fetchmesh';
import { mirror } from 'fetchmesh/mirror';

/** An answer that was not the same. */
export interface Difference {
  readonly path: string;
  readonly stable: string;
  readonly next: string;
}

type Upstream = (request: Request) => Promise<Response>;

/** @param onDifference Told of each path that the two answer differently. */
export function comparing(
  stable: Upstream,
  next: Upstream,
  onDifference: (difference: Difference) => void,
): Fetch {
  const answers = new Map<string, string>();

  async function remembered(request: Request): Promise<Response> {
    const response = await stable(request);
    answers.set(request.url, await response.clone().text());
    return response;
  }
  async function compared(request: Request): Promise<Response> {
    const response = await next(request);
    const text = await response.clone().text();
    const before = answers.get(request.url);
    answers.delete(request.url);
    if (before !== undefined && before !== text) {
      onDifference({ path: new URL(request.url).pathname, stable: before, next: text });
    }
    return response;
  }
  return outbound(remembered, mirror({ send: compared, percent: 100 }));
}

if (import.meta.main) {
  const call = comparing(
    async () => Response.json({ price: 10 }),
    async ({ url }) => Response.json({ price: url.endsWith('/2') ? 12 : 10 }),
    ({ path, stable, next }) => console.log(`${path}: ${stable} is ${next} in the next version`),
  );
  for (const sku of [1, 2, 3]) await call(`http://prices.internal/${sku}`);
}
