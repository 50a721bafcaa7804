/** Requests that take up too much, as they are written to a socket, against limits of 100 bytes of URL and 100 KB of body. */

import { type Attack, attacks } from './attack.ts';

/** What is written. */
export interface Oversized {
  readonly line: string;
  /** What comes below the first line and `Host`, with the beginning of the body. */
  readonly rest: string;
  /** What is written again and again, for as long as the other side takes it. Default: nothing. */
  readonly endless?: string;
}

/** The beginning of the answer, and how many bytes of the body the upstream may see. */
export interface OversizedOutcome {
  readonly answer: RegExp;
  readonly reached: number;
}

const chunk = `400\r\n${'x'.repeat(1_024)}\r\n`;

export const oversizedOnSockets: readonly Attack<Oversized, OversizedOutcome>[] = attacks<
  Oversized,
  OversizedOutcome
>('oversized', [
  [
    'a URL, over a socket',
    { line: `GET /${'a'.repeat(100)} HTTP/1.1`, rest: 'connection: close\r\n\r\n' },
    { answer: /^HTTP\/1.1 414 /, reached: 0 },
  ],
  [
    'a body that says so, over a socket',
    { line: 'POST / HTTP/1.1', rest: 'content-length: 100000000\r\n\r\nxxx' },
    { answer: /^HTTP\/1.1 413 [\s\S]*"reason":"body_too_large"/, reached: 0 },
  ],
  [
    'a body that does not end, over a socket',
    { line: 'POST / HTTP/1.1', rest: 'transfer-encoding: chunked\r\n\r\n', endless: chunk },
    // A server that closes while more comes in can lose its own answer on the way (RFC 9112 §9.6).
    { answer: /^(HTTP\/1.1 413 |$)/, reached: 100_000 },
  ],
  [
    'a body that does not come, over a socket',
    { line: 'POST / HTTP/1.1', rest: 'content-length: 1000\r\n\r\nx' },
    { answer: /^HTTP\/1.1 408 /, reached: 1 },
  ],
]);
