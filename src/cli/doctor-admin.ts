/**
 * Whether the admin port of a gateway on this machine is for this machine alone.
 *
 * @module
 */

import { networkInterfaces } from 'node:os';
import type { Finding } from './finding.ts';

/**
 * Asks the admin port on every address of this machine. Where no gateway runs here, there is nothing to say.
 *
 * @param timeoutMs How long each answer may take.
 */
export async function askAdmin(port: number, timeoutMs: number): Promise<readonly Finding[]> {
  const what = `admin port ${port}`;
  if (!(await answers('127.0.0.1', port, timeoutMs))) return [];
  const addresses = Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, address }) => !internal && !address.startsWith('fe80:'))
    .map(({ address }) => address);
  const open = await Promise.all(
    addresses.map(async (address) => ((await answers(address, port, timeoutMs)) ? [address] : [])),
  );
  const reached = open.flat();
  if (reached.length === 0) {
    return [{ what, ok: true, detail: 'answers on this machine alone' }];
  }
  return [
    {
      what,
      ok: true,
      warning: true,
      detail: `answers on ${reached.join(', ')} too: whoever gets there reads the metrics`,
      hint: 'start serve without --admin-host, or let nothing but probes and Prometheus through',
    },
  ];
}

/** Whether a gateway's admin port answers there. */
async function answers(address: string, port: number, timeoutMs: number): Promise<boolean> {
  const host = address.includes(':') ? `[${address}]` : address;
  try {
    const response = await fetch(`http://${host}:${port}/healthz`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const { status } = (await response.json()) as { readonly status?: unknown };
    return status === 'ok';
  } catch {
    return false;
  }
}
