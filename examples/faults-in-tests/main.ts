/** A cart that has to live with slow and failing stock, and the faults that show whether it does. */

import { type Fetch, outbound } from 'fetchmesh';
import { fault } from 'fetchmesh/fault';
import { timeout } from 'fetchmesh/timeout';

/** What a cart shows where nobody knows. */
export const unknownStock = 'ask in the shop';

/** @param fetchStock What asks the inventory. */
export async function stockOf(sku: string, fetchStock: Fetch): Promise<string> {
  const response = await fetchStock(`http://inventory.internal/${sku}`);
  if (!response.ok) return unknownStock;
  return `${((await response.json()) as { stock: number }).stock} left`;
}

/** The inventory as it is, with faults on demand. */
export function inventoryWith(faults: Parameters<typeof fault>[0]): Fetch {
  return outbound(async () => Response.json({ stock: 42 }), timeout('50ms'), fault(faults));
}

if (import.meta.main) {
  console.log(await stockOf('sku-1', inventoryWith({ abort: { status: 503, percent: 0 } })));
  console.log(await stockOf('sku-1', inventoryWith({ abort: { status: 503, percent: 100 } })));
  console.log(await stockOf('sku-1', inventoryWith({ delay: { fixed: '1s', percent: 100 } })));
}
