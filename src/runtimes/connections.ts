/**
 * What a server's connections are doing while it ends.
 *
 * @module
 */

import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Server as SrvxServer } from 'srvx';

/** The connections of a server. */
export interface Connections {
  /** Requests whose answer has not gone out whole; `undefined` where the runtime does not tell. */
  readonly unfinished: number | undefined;
  /**
   * Closes connections without a request, again and again until the returned function is called: at once those that had
   * one, and after {@link headGraceMs} those that have sent nothing yet, or half a head.
   */
  letGo(): () => void;
  /**
   * Resolves when the server has taken the connections that clients made before this call and that wait in the kernel's
   * queue: whatever stands there when the listener closes is reset. Deno does not tell, so there a drain needs its delay.
   */
  queueTaken(): Promise<void>;
}

/** As many connections as Node lets the kernel queue, in turns of its loop: it takes one in each. */
const longestQueue = 511;

/** How often connections are looked at, in milliseconds. */
const lookEveryMs = 50;

/** How long a connection that was just made has for its request once a server ends, in milliseconds: it may be on its way. */
export const headGraceMs = 500;

/** Watches the connections of a server that listens. */
export function watchConnections(server: SrvxServer): Connections {
  if (server.node?.server !== undefined) return ofNode(server.node.server as Server);
  if (server.bun?.server !== undefined) return ofBun(server.bun.server);
  // Deno's lets go by itself.
  return { unfinished: undefined, letGo: () => () => {}, queueTaken: async () => {} };
}

/** Node's has no end while a connection is open, and counts one that has sent nothing as busy. */
function ofNode(server: Server): Connections {
  const last = new Map<Socket, ServerResponse | undefined>();
  const isBusy = (response: ServerResponse | undefined) => response?.closed === false;
  let taken = 0;
  server.on('connection', () => {
    taken += 1;
  });
  server.on('setSecureContext' in server ? 'secureConnection' : 'connection', (socket: Socket) => {
    last.set(socket, undefined);
    socket.once('close', () => last.delete(socket));
  });
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    if (last.has(socket)) last.set(socket, response);
  });
  return {
    get unfinished() {
      return [...last.values()].filter(isBusy).length;
    },
    letGo: () =>
      lookAgain((late) => {
        server.closeIdleConnections();
        if (!late) return;
        for (const [socket, response] of last) if (!isBusy(response)) socket.destroy();
      }),
    async queueTaken() {
      for (let turn = 0; turn < longestQueue; turn++) {
        const before = taken;
        // The first one ends the turn that this was called in.
        for (let end = 0; end < 2; end++) await new Promise((resolve) => setImmediate(resolve));
        if (taken === before) return;
      }
    },
  };
}

/** Bun's waits for connections that have sent nothing, and cannot close single ones. */
function ofBun(server: NonNullable<NonNullable<SrvxServer['bun']>['server']>): Connections {
  return {
    get unfinished() {
      return server.pendingRequests;
    },
    letGo: () =>
      lookAgain((late) => {
        if (late && server.pendingRequests === 0) server.stop(true);
      }),
    // It takes all that is there in one turn, before it hears of a signal.
    queueTaken: async () => {},
  };
}

function lookAgain(look: (late: boolean) => void): () => void {
  let looks = 0;
  const timer = setInterval(() => {
    looks += 1;
    look(looks * lookEveryMs >= headGraceMs);
  }, lookEveryMs);
  return () => clearInterval(timer);
}
