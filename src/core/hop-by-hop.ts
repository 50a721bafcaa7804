/**
 * What concerns one connection and not the message.
 *
 * @module
 */

/**
 * Fields that concern one connection (RFC 9110 §7.6.1), `proxy-authorization`, which is meant for the proxy that gets it,
 * and `expect`, which a server has answered already.
 */
export const hopByHop: readonly string[] = [
  'connection',
  'expect',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
];

/** Methods that no `fetch` sends (Fetch §2.2.1). */
export const unsendable: ReadonlySet<string> = new Set(['CONNECT', 'TRACE', 'TRACK']);

/** Takes these fields off. */
export function dropHopByHop(headers: Record<string, string>): void {
  for (const name of hopByHop) delete headers[name];
}

/** What proxies say of a client, to all behind them. */
const ofProxies = /^(?:x-forwarded-.+|forwarded|x-real-ip)$/;

/**
 * Takes off the fields that `connection` names: of those that came, and of no others, or a client could have taken off what
 * is said of it on this side; nor those in which a proxy says who the client is (CVE-2022-31813).
 */
export function dropNominated(headers: Record<string, string>): void {
  const nominated = headers['connection'];
  if (nominated === undefined) return;
  for (const written of nominated.split(',')) {
    const name = written.trim().toLowerCase();
    if (!ofProxies.test(name)) delete headers[name];
  }
}
