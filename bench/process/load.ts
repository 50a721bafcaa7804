/** Requests over kept connections, as many as are answered in a time. */

import { Pool } from 'undici';

/** What was answered. */
export interface Load {
  readonly count: number;
  /** In ascending order, in milliseconds. */
  readonly latencies: readonly number[];
}

/** Asks one path again and again, one request at a time on each connection. */
export async function load(
  url: string,
  headers: Readonly<Record<string, string>>,
  { connections, forMs }: { readonly connections: number; readonly forMs: number },
): Promise<Load> {
  const pool = new Pool(new URL(url).origin, { connections });
  const { pathname: path } = new URL(url);
  const latencies: number[] = [];
  const end = performance.now() + forMs;
  async function work(): Promise<void> {
    for (let begun = performance.now(); begun < end; ) {
      const { statusCode, body } = await pool.request({ method: 'GET', path, headers });
      await body.dump();
      if (statusCode !== 200) throw new Error(`${url} answered ${statusCode}`);
      const now = performance.now();
      latencies.push(now - begun);
      begun = now;
    }
  }
  await Promise.all(Array.from({ length: connections }, work));
  await pool.close();
  return { count: latencies.length, latencies: latencies.sort((a, b) => a - b) };
}
