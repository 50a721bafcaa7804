/** A server of rules on a thread of its own, where it keeps nobody from asking: serves the last text that it was given, and tells its port. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parentPort } from 'node:worker_threads';

let published = Buffer.alloc(0);
parentPort?.on('message', (text: string) => {
  published = Buffer.from(text);
  parentPort?.postMessage('published');
});

const server = createServer((_, response) => response.end(published)).listen(0, '127.0.0.1');
await once(server, 'listening');
parentPort?.postMessage((server.address() as AddressInfo).port);
