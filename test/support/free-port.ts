import { once } from 'node:events';
import { createServer } from 'node:net';

/** Below the ports that kernels give to whoever asks for any: nobody gets one of these by chance. */
const [lowest, highest] = [20_000, 32_767];

const given = new Set<number>();

/**
 * A port of loopback that nobody has now, for a process that cannot take one itself; or for nobody, where a connection is to
 * be refused. One that the kernel had given out would be somebody else's by then, now and then.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = lowest + Math.floor(Math.random() * (highest - lowest + 1));
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
