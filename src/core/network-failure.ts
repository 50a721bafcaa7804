/**
 * Telling a network failure from a bug: each runtime words its rejections differently, and all call them `TypeError`.
 *
 * @module
 */

/**
 * `connect`: no connection came about, the upstream has seen nothing of the request. `reset`: the connection broke, the
 * upstream may have acted on it. `tls`: the two sides could not agree on a secure connection, most often because of a
 * certificate; the next try would end alike.
 */
export type NetworkFailure = 'connect' | 'reset' | 'tls';

/** Error codes of Node (libuv, undici) and Bun under which nothing was sent. */
const connectCodes: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EADDRNOTAVAIL',
  'UND_ERR_CONNECT_TIMEOUT',
  'ConnectionRefused',
  'FailedToOpenSocket',
  'DNSException',
]);

/** Error codes of Node and Bun under which the request may have arrived. */
const resetCodes: ReadonlySet<string> = new Set([
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'UND_ERR_SOCKET',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ConnectionClosed',
  'ConnectionReset',
  'HTTP2StreamReset',
]);

/** Error codes of Node (OpenSSL's names of what is wrong with a certificate) and Bun. */
const tlsCode =
  /^(EPROTO$|ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_|ERROR_IN_C|HOSTNAME_MISMATCH|INVALID_|SELF_SIGNED_|UNABLE_TO_)/;

/** What Deno says of a handshake that failed; it gives no code. */
const tlsMessage = /invalid peer certificate|received (corrupt message|fatal alert)/;

/** What Deno says where nothing was sent. */
const connectMessage = /tcp connect error|dns error|client error \(Connect\)/;

/** The beginnings of the messages with which the runtimes report a network failure of any kind. */
const networkMessages: readonly string[] = [
  'fetch failed', // Node, Deno
  'terminated', // Node, while the body streams
  'other side closed', // Node
  'error sending', // Deno
  'error reading a body', // Deno, while the body streams
  'Network connection', // workerd, for refused connections too
  'internal error; reference', // workerd, for names that do not resolve
  'The socket connection was closed', // Bun
  'Unable to connect', // Bun
  'Failed to fetch', // Chromium
  'NetworkError', // Firefox
  'Load failed', // Safari
];

/**
 * What Node words as `fetch failed` too, although no network had a part in it: the request itself cannot be sent, or the
 * upstream answered with redirects that are not to be followed.
 */
const notNetwork =
  /^(bad port|unknown scheme|redirect count exceeded|unexpected redirect|URL scheme must be)/m;

/**
 * Recognises the network failures of Node, Bun, Deno, workerd and browsers.
 *
 * workerd does not say whether a connection came about, so everything is a `reset` there.
 *
 * @returns `undefined` for everything else: an unknown error is a bug in somebody's code, and no reason to try again
 * (RT-05).
 */
export function networkFailureOf(error: unknown): NetworkFailure | undefined {
  // The telling code stands on the error (Bun) or on its cause (Node), at times one level deeper.
  let text = '';
  let cause: unknown = error;
  for (let depth = 0; depth < 4 && typeof cause === 'object' && cause !== null; depth++) {
    const { code, message } = cause as { code?: unknown; message?: unknown };
    if (typeof code === 'string') {
      if (connectCodes.has(code)) return 'connect';
      if (resetCodes.has(code)) return 'reset';
      if (tlsCode.test(code)) return 'tls';
    }
    if (typeof message === 'string') text += `${message}\n`;
    cause = (cause as { cause?: unknown }).cause;
  }
  if (!networkMessages.some((beginning) => text.startsWith(beginning))) return undefined;
  if (notNetwork.test(text)) return undefined;
  if (tlsMessage.test(text)) return 'tls';
  return connectMessage.test(text) ? 'connect' : 'reset';
}
