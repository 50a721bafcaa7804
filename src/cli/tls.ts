/**
 * The certificates that `serve` shows and takes.
 *
 * @module
 */

import { createPrivateKey, createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Tls } from '../rules/model.ts';
import { type FileWatch, watchFile } from '../runtimes/file-watch.ts';
import type { Listener, TlsOptions } from '../runtimes/listen.ts';
import { fileProblem } from './file-problem.ts';
import { UsageError } from './usage.ts';

/** The flags, as they were given. */
export interface TlsFlags {
  readonly 'tls-cert'?: string | undefined;
  readonly 'tls-key'?: string | undefined;
  readonly 'tls-client-ca'?: string | undefined;
  readonly 'tls-client-cert'?: string | undefined;
}

/**
 * Which files there are, and what is asked of clients: flags win, one by one.
 *
 * @param directory What paths in the rules count from.
 * @throws {UsageError} where parts are missing.
 */
export function tlsFiles(
  flags: TlsFlags,
  rules: Tls | undefined,
  directory: string,
): Tls | undefined {
  const inRules = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(directory, path);
  const cert = flags['tls-cert'] ?? inRules(rules?.cert);
  const key = flags['tls-key'] ?? inRules(rules?.key);
  const clientCa = flags['tls-client-ca'] ?? inRules(rules?.clientCa);
  const clientCert = flags['tls-client-cert'] ?? rules?.clientCert ?? 'required';
  if (clientCert !== 'required' && clientCert !== 'optional') {
    throw new UsageError(`--tls-client-cert: '${clientCert}' is not 'required' or 'optional'`);
  }
  if (cert === undefined && key === undefined && clientCa === undefined) {
    if (flags['tls-client-cert'] === undefined) return undefined;
    throw new UsageError('--tls-client-cert: certificates of clients need --tls-client-ca');
  }
  if (cert === undefined || key === undefined) {
    const missing = cert === undefined ? '--tls-cert' : '--tls-key';
    throw new UsageError(`${missing} is missing: TLS needs a certificate and its key`);
  }
  return { cert, key, ...(clientCa !== undefined && { clientCa }), clientCert };
}

/**
 * Reads the files.
 *
 * @throws {UsageError} where a file cannot be read, or holds something else; never with what a file holds.
 */
export async function readTls({ cert, key, clientCa, clientCert }: Tls): Promise<TlsOptions> {
  const [certificate, privateKey, authority] = await Promise.all([
    read('certificate', cert),
    read('key', key),
    clientCa === undefined ? undefined : read('authority of clients', clientCa),
  ]);
  checkCertificate(cert, certificate);
  if (authority !== undefined) checkCertificate(clientCa as string, authority);
  const why = keyProblem(certificate, privateKey);
  if (why !== undefined) {
    throw new UsageError(`TLS: ${key} cannot be used with ${cert}: ${why}`);
  }
  return {
    certificate,
    privateKey,
    ...(authority !== undefined && {
      clients: { authority, required: clientCert !== 'optional' },
    }),
  };
}

/**
 * Shows other certificates once their files have changed; where the new ones cannot be used, says so and goes on with those
 * that it has.
 */
export function watchTls(
  files: Tls,
  known: TlsOptions,
  { renew }: Listener,
  { automatic }: { readonly automatic: boolean },
): readonly FileWatch[] {
  async function onChange(): Promise<void> {
    if (renew === undefined) {
      console.error('fetchmesh: TLS: the files have changed; this runtime takes them at a restart');
      return;
    }
    try {
      renew(await readTls(files));
      console.error('fetchmesh: TLS: new certificates are in force');
    } catch (error) {
      console.error(`fetchmesh: ${(error as Error).message}; the old ones stay in force`);
    }
  }
  const contents: readonly [file: string | undefined, content: string | undefined][] = [
    [files.cert, known.certificate],
    [files.key, known.privateKey],
    [files.clientCa, known.clients?.authority],
  ];
  return contents.flatMap(([file, content]) =>
    file === undefined || content === undefined
      ? []
      : [watchFile(file, content, onChange, { automatic })],
  );
}

async function read(what: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`TLS: cannot read the ${what} ${file}: ${fileProblem(error, 'read')}`);
  }
}

/** Said here, since runtimes word it differently, and Deno notices it at the first connection alone. */
export function keyProblem(certificate: string, pem: string): string | undefined {
  let own: KeyObject;
  try {
    own = createPublicKey(createPrivateKey(pem));
  } catch {
    return 'it holds no private key in PEM that can be read';
  }
  const { publicKey } = new X509Certificate(certificate);
  return spki(own) === spki(publicKey) ? undefined : 'it is not the key of that certificate';
}

function spki(key: KeyObject): string {
  return String(key.export({ type: 'spki', format: 'pem' }));
}

/**
 * One that is not valid now is told: whoever is shown it may have another clock, or may not care.
 *
 * @throws {UsageError} where a file holds none.
 */
export function checkCertificate(file: string, pem: string): void {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    throw new UsageError(`TLS: ${file} holds no certificate in PEM, -----BEGIN CERTIFICATE-----`);
  }
  const { validFrom, validTo } = certificate;
  const now = Date.now();
  const when =
    now > Date.parse(validTo)
      ? `until ${validTo}`
      : now < Date.parse(validFrom)
        ? `from ${validFrom} on`
        : undefined;
  if (when === undefined) return;
  console.error(`fetchmesh: TLS: ${file} is valid ${when}: whoever checks it refuses it`);
}
