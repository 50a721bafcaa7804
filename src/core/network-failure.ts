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

/** Error codes of Node (libuv, undici), of `nodeTransport` and of Bun under which nothing was sent. */
const connectCode =
  /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL|(UND_)?ERR_CONNECT_TIMEOUT|ConnectionRefused|FailedToOpenSocket|DNSException)$/;

/** Error codes of Node and Bun under which the request may have arrived. */
const resetCode =
  /^(ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|UND_ERR_(SOCKET|HEADERS_TIMEOUT|BODY_TIMEOUT)|Connection(Closed|Reset)|HTTP2StreamReset)$/;

/** Error codes of Node (OpenSSL's names of what is wrong with a certificate) and Bun. */
const tlsCode =
  /^(EPROTO$|ERR_TLS_|ERR_SSL_|CERT_|CRL_|DEPTH_ZERO_|ERROR_IN_C|HOSTNAME_MISMATCH|INVALID_|SELF_SIGNED_|UNABLE_TO_)/;

/** What Deno says of a handshake that failed; it gives no code. */
const tlsMessage = /invalid peer certificate|received (corrupt message|fatal alert)/;

/** What Deno says where nothing was sent. */
const connectMessage = /tcp connect error|dns error|client error \(Connect\)/;

/**
 * The beginnings of the messages with which the runtimes report a network failure of any kind: three of Node, the first one
 * Deno's too; two of Deno; workerd's for a connection and for a name that does not resolve; two of Bun; and those of
 * Chromium, Firefox and Safari. The second and the fifth are of a body that streams.
 */
const networkMessage =
  /^(fetch failed|terminated|other side closed|error sending request|error reading a body from connection|Network connection lost|internal error; reference =|The socket connection was closed unexpectedly|Unable to connect|Failed to fetch|NetworkError when attempting to fetch resource|Load failed)/;

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
      if (connectCode.test(code)) return 'connect';
      if (resetCode.test(code)) return 'reset';
      if (tlsCode.test(code)) return 'tls';
    }
    if (typeof message === 'string') text += `${message}\n`;
    cause = (cause as { cause?: unknown }).cause;
  }
  if (!networkMessage.test(text)) return undefined;
  if (notNetwork.test(text)) return undefined;
  if (tlsMessage.test(text)) return 'tls';
  return connectMessage.test(text) ? 'connect' : 'reset';
}
