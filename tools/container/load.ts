/**
 * Requests in bounded number over a fixed count of kept connections.
 */

import { Agent, request } from 'node:http';

/** How much to ask. */
export interface LoadOptions {
  readonly requests: number;
  readonly connections: number;
  /** Whether nothing more is to be asked. Default: never. */
  readonly until?: () => boolean;
}

/** What became of it. */
export interface Load {
  readonly perSecond: number;
  /** Answered with anything but 2xx, or not at all. */
  readonly failed: number;
  /** Of these, those that had been taken and were not answered; a refused connection was not taken. */
  readonly cut: number;
}

/** Asks one path again and again. */
export async function drive(
  url: string,
  { requests, connections, until = () => false }: LoadOptions,
): Promise<Load> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  let left = requests;
  let failed = 0;
  let cut = 0;
  const began = performance.now();
  async function work(): Promise<void> {
    while (left > 0 && !until()) {
      left -= 1;
      const { status, code, reused } = await once(url, agent);
      if (status >= 200 && status < 300) continue;
      failed += 1;
      // A kept connection may be closed as the request sets out: it was not taken, and clients ask again (RFC 9110 §9.2.2).
      if (status === 0 && code !== 'ECONNREFUSED' && !reused) cut += 1;
    }
  }
  await Promise.all(Array.from({ length: connections }, work));
  agent.destroy();
  const seconds = (performance.now() - began) / 1_000;
  return { perSecond: Math.round(requests / seconds), failed, cut };
}

interface Answer {
  readonly status: number;
  readonly code: string;
  readonly reused: boolean;
}

function once(url: string, agent: Agent): Promise<Answer> {
  return new Promise((resolve) => {
    const asked = request(url, { agent }, (response) => {
      const status = response.statusCode ?? 0;
      response.resume();
      response.on('end', () => resolve({ status, code: '', reused: asked.reusedSocket }));
      response.on('error', () => resolve({ status: 0, code: 'cut', reused: false }));
    });
    asked.on('error', ({ code = '' }: NodeJS.ErrnoException) =>
      resolve({ status: 0, code, reused: asked.reusedSocket }),
    );
    asked.end();
  });
}
