import { once } from 'node:events';
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createClient } from 'redis';

/** A Redis server over HTTP, as Upstash has it: for clients without sockets. */
export interface RedisOverHttp {
  readonly url: string;
  stop(): Promise<void>;
}

/** Passes commands on to a real server: one as a list, several as a list of lists to `/pipeline`. */
export async function startRedisOverHttp(redisUrl: string): Promise<RedisOverHttp> {
  const client = createClient({ url: redisUrl });
  await client.connect();
  async function answer(command: readonly unknown[], isEncoded: boolean): Promise<object> {
    try {
      const result = await client.sendCommand(command.map(String));
      return { result: isEncoded ? encoded(result) : result };
    } catch (error) {
      return { error: (error as Error).message };
    }
  }
  const server = createServer(async (request, response) => {
    const asked = (await jsonOf(request)) as unknown[];
    const isEncoded = request.headers['upstash-encoding'] === 'base64';
    const said =
      request.url === '/pipeline'
        ? await Promise.all((asked as unknown[][]).map((each) => answer(each, isEncoded)))
        : await answer(asked, isEncoded);
    response.writeHead('error' in said ? 400 : 200, { 'content-type': 'application/json' });
    response.end(JSON.stringify(said));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async stop() {
      server.closeAllConnections();
      server.close();
      client.destroy();
    },
  };
}

/** As its clients ask for it by themselves. */
function encoded(result: unknown): unknown {
  if (Array.isArray(result)) return result.map(encoded);
  if (typeof result !== 'string' || result === 'OK') return result;
  return Buffer.from(result).toString('base64');
}

async function jsonOf(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return JSON.parse(Buffer.concat(parts).toString());
}
