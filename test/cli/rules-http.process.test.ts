import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { folder, run } from '../support/command-line.ts';
import { rulesFrom } from '../support/rules.ts';
import { endAll, serve } from '../support/serving.ts';

let server: Server;
let url: string;
let answer: (request: IncomingMessage, response: ServerResponse) => void;
const asked: IncomingMessage[] = [];

beforeEach(async () => {
  asked.length = 0;
  server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/rules.json`;
});

afterEach(() => {
  endAll();
  server.closeAllConnections();
  server.close();
});

/** Rules that answer by themselves, with an ETag. */
function published(status: number): typeof answer {
  const text = JSON.stringify(rulesFrom(`routes: [{ path: /**, respond: { status: ${status} } }]`));
  return (request, response) => {
    const etag = `"${status}"`;
    if (request.headers['if-none-match'] === etag) response.writeHead(304).end();
    else response.writeHead(200, { etag }).end(text);
  };
}

describe('R1, R10: rules behind a URL', () => {
  test('are followed; what is no answer leaves the last good ones in force', async () => {
    const cwd = await folder();
    const cache = join(cwd, 'cache.json');
    answer = published(201);
    const gateway = await serve(['-f', url, '--rules-cache', cache]);
    const status = async () => (await fetch(gateway.url)).status;
    const look = () => gateway.process.kill('SIGHUP');
    expect(await status()).toBe(201);

    look();
    await gateway.said(/SIGHUP: the rules have not changed/);
    expect(asked.at(-1)?.headers['if-none-match']).toBe('"201"');

    answer = (_, response) => response.writeHead(302, { location: '/elsewhere' }).end();
    look();
    await gateway.said(/the answer is 302; redirects are not followed; revision 1 stays in force/);
    expect(asked.every(({ url }) => url === '/rules.json')).toBe(true);

    answer = (_, response) => response.end('{}');
    look();
    await gateway.said(/refused: /);
    expect(await status()).toBe(201);

    answer = published(202);
    look();
    await gateway.said(/revision [0-9a-f]{12} is in force/);
    expect(await status()).toBe(202);

    // A start while the server is out.
    answer = (_, response) => response.writeHead(503).end();
    const second = await serve(['-f', url, '--rules-cache', cache]);
    expect((await fetch(second.url)).status).toBe(202);
    await second.said(/of .*cache\.json is in force/);
  });

  test.each([
    [
      ['-f', 'http://ada:hunter2@127.0.0.1/'],
      'credentials belong into `headers`, not into the URL',
    ],
    [['-f', 'http://127.0.0.1/', '--env', 'prod'], '--env: name the environment where'],
  ])('C2: %j is no answer', async (args, why) => {
    const { code, stderr } = await run(['serve', ...args]);
    expect(stderr).toContain(why);
    expect(stderr).not.toContain('hunter2');
    expect(code).toBe(2);
  });
});
