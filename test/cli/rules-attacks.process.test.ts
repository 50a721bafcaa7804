/** R1, R10: whatever a URL answers with, the last good rules stay in force, a line says why, and the process lives. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { rulesFrom } from '../support/rules.ts';
import { endAll, type Serving, serve } from '../support/serving.ts';

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

let server: Server;
let gateway: Serving;
let answer: Answer;
const asked: IncomingMessage[] = [];

function rulesOf(status: number): string {
  return JSON.stringify(rulesFrom(`routes: [{ path: /**, respond: { status: ${status} } }]`));
}

/** What the gateway has said since the last look. */
let heard = 0;

/** Lets the server answer like this, has the gateway look, and waits for what it says of it. */
async function look(next: Answer, says: RegExp): Promise<string> {
  answer = next;
  heard = gateway.output().length;
  gateway.process.kill('SIGHUP');
  await gateway.said(new RegExp(`^[^]{${heard},}(?:${says.source})`, says.flags));
  return gateway.output().slice(heard);
}

const status = async (): Promise<number> => (await fetch(gateway.url)).status;

beforeAll(async () => {
  server = createServer((request, response) => {
    asked.push(request);
    answer(request, response);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  answer = (_, response) => response.setHeader('etag', '"first"').end(rulesOf(201));
  gateway = await serve(['-f', `http://127.0.0.1:${port}/rules.json`]);
  expect(await status()).toBe(201);
});

afterAll(() => {
  endAll();
  server.closeAllConnections();
  server.close();
});

// Of one and the same finding in a row the first alone is told: neighbours differ.
const megabytes = (count: number): string => ' '.repeat(count * 1_000_000);

const attacks: readonly (readonly [what: string, next: Answer, says: RegExp])[] = [
  [
    'an answer of more than 10 MB',
    (_, response) => response.end(rulesOf(500) + megabytes(11)),
    /refused: the answer has more than 10000000 bytes/,
  ],
  [
    'an answer that breaks off before its end',
    (_, response) => {
      const text = rulesOf(500);
      response.writeHead(200, { 'content-length': text.length }).write(text.slice(0, -10));
      setImmediate(() => response.destroy());
    },
    /cannot be read: .+/,
  ],
  [
    'half of an answer, whose length nobody said',
    (request) => {
      const socket = request.socket as Socket;
      socket.end(`HTTP/1.0 200 OK\r\nconnection: close\r\n\r\n${rulesOf(500).slice(0, -10)}`);
    },
    /refused: the text is not JSON/,
  ],
  [
    'an answer that is no HTTP',
    (request) => (request.socket as Socket).end('SSH-2.0-OpenSSH_9.6\r\n'),
    /cannot be read: .+/,
  ],
  ['an empty answer', (_, response) => response.end(''), /refused: the text is not JSON/],
  [
    'a small answer that unpacks to more than 10 MB',
    (_, response) =>
      response.setHeader('content-encoding', 'gzip').end(gzipSync(megabytes(50) + rulesOf(500))),
    /refused: the answer has more than 10000000 bytes/,
  ],
  [
    'the page of a proxy that wants a password',
    (_, response) => response.setHeader('content-type', 'text/html').end('<html>Sign in</html>'),
    /refused: the text is not JSON/,
  ],
  [
    'YAML that nobody has built',
    (_, response) => response.end('routes: [{ path: /** }]'),
    /refused: the text is not JSON; a rules file has to go through `fetchmesh build` first/,
  ],
  [
    'lists inside of lists',
    (_, response) => response.end(`{"routes":${'['.repeat(4_000_000)}${']'.repeat(4_000_000)}}`),
    /refused: .+/,
  ],
  [
    'a route that is megabytes of something else',
    (_, response) => {
      const rules = JSON.parse(rulesOf(500));
      response.end(JSON.stringify({ ...rules, routes: [{ a: 'a'.repeat(5_000_000) }] }));
    },
    /refused: routes\[0\]\.a is unknown to this version/,
  ],
  [
    'rules of a later version',
    (_, response) => response.end(rulesOf(500).replace('"path"', '"magic":{},"path"')),
    /refused: routes\[0\]\.magic is unknown to this version/,
  ],
  [
    'a redirect to somebody else',
    (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:9/' }).end(),
    /the answer is 307; redirects are not followed/,
  ],
  [
    'no answer but the end of the connection',
    (request) => request.socket.destroy(),
    /cannot be read: .+/,
  ],
  [
    'the answer to another question',
    (_, response) => response.writeHead(206).end(rulesOf(500)),
    /the answer is 206/,
  ],
  ['that they are gone', (_, response) => response.writeHead(410).end(), /nothing is published/],
];

describe('the last good rules outlive', () => {
  test.each(attacks)('%s', async (_, next, says) => {
    const said = await look(next, says);
    expect(said).toContain('revision 1 stays in force');
    // A line, whatever was sent; and one that it was asked, where it had looked just before by itself.
    const lines = said.trimEnd().split('\n');
    const isOfAsking = (line: string) => /SIGHUP: the rules have not changed/.test(line);
    expect(lines.filter((line) => !isOfAsking(line)).length).toBeLessThanOrEqual(2);
    expect(said.length).toBeLessThan(1_000);
    expect(await status()).toBe(201);
  });

  test('names that steer a terminal, or feign a line of the log', async () => {
    const name = '\u001b[2J\u009b31m\nfetchmesh: revision 666 is in force\u202e';
    const body = JSON.stringify({
      ...JSON.parse(rulesOf(500)),
      [name]: 1,
      [`${name}${'x'.repeat(1e6)}`]: 2,
    });
    const said = await look((_, response) => response.end(body), /refused: .+/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it is about
    expect(said).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(said).not.toMatch(/^fetchmesh: revision 666/m);
    expect(said.length).toBeLessThan(1_000);
    expect(await status()).toBe(201);
  });
});

test('a look that hangs holds up no request and no end', async () => {
  const isAsked = new Promise<void>((resolve) => {
    answer = (_, response) => {
      response.writeHead(200).write(rulesOf(500).slice(0, 10));
      resolve();
    };
  });
  gateway.process.kill('SIGHUP');
  await isAsked;
  expect(await status()).toBe(201);
  const { port } = server.address() as AddressInfo;
  answer = (_, response) => response.setHeader('etag', '"first"').end(rulesOf(201));
  const other = await serve(['-f', `http://127.0.0.1:${port}/rules.json`]);
  const hangs = new Promise<void>((resolve) => {
    answer = () => resolve();
  });
  other.process.kill('SIGHUP');
  await hangs;
  other.process.kill('SIGTERM');
  expect(await other.exited()).toBe(0);
});

describe('an ETag that lies', () => {
  test('what is sent counts, whatever ETag it bears', async () => {
    const etag = '"always"';
    const sending =
      (text: string): Answer =>
      (_, response) =>
        response.setHeader('etag', etag).end(text);
    const own = await fresh(sending(rulesOf(201)));
    await own.look(sending(rulesOf(202)), /revision [0-9a-f]{12} is in force/);
    expect(await own.status()).toBe(202);
    await own.look(sending('{}'), /refused: .*; revision 2 stays in force/);
    // The ETag of what was refused: still refused, and still said once.
    await own.look(
      (_, response) => response.writeHead(304).end(),
      /SIGHUP: the rules have not changed/,
    );
    expect(await own.status()).toBe(202);
    await own.look(sending(rulesOf(203)), /revision [0-9a-f]{12} is in force/);
    expect(await own.status()).toBe(203);
  });

  test('one that no header can carry back is no trouble', async () => {
    const own = await fresh((_, response) => {
      response.setHeader('etag', `"${'e'.repeat(10_000)}\u00ff"`).end(rulesOf(201));
    });
    await own.look(
      (_, response) => response.setHeader('etag', 'no quotes').end(rulesOf(202)),
      /revision [0-9a-f]{12} is in force/,
    );
    await own.look(
      (_, response) => response.end(rulesOf(203)),
      /revision [0-9a-f]{12} is in force/,
    );
    expect(await own.status()).toBe(203);
  });

  /** A gateway of its own, which has begun with this answer. */
  async function fresh(first: Answer) {
    answer = first;
    const { port } = server.address() as AddressInfo;
    gateway = await serve(['-f', `http://127.0.0.1:${port}/rules.json`]);
    return { look, status };
  }
});
