/**
 * The certificates that `serve` shows to upstreams, and the authorities that it knows them by.
 *
 * @module
 */

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Transport } from '../core/transport.ts';
import type { Service, UpstreamTls } from '../rules/model.ts';
import { type FileWatch, watchContent } from '../runtimes/file-watch.ts';
import { type ClientTls, securedClient } from '../runtimes/upstream-client.ts';
import { fileProblem } from './file-problem.ts';
import { checkCertificate, keyProblem } from './tls.ts';
import { UsageError } from './usage.ts';

/** TLS of all services. */
export interface UpstreamCertificates {
  /**
   * What sends to a service with certificates of its own; `undefined` for the others. The same one, as long as the rules
   * say the same.
   *
   * @throws {UsageError} where a file cannot be read, or holds something else; never with what a file holds.
   */
  transportOf(service: Service): Transport | undefined;
  /** Forgets those that none of these services asks for. */
  retain(services: readonly Service[]): void;
  /** Takes on other files once they have changed and can be used; until then those in force stay. */
  watch(options: { readonly automatic: boolean }): FileWatch;
}

/** What one `tls` block has come to. */
interface Client {
  readonly service: string;
  readonly files: UpstreamTls;
  readonly send: Transport;
  tls: ClientTls;
  transport: Transport;
}

/** @param directory What paths in the rules count from. */
export function upstreamCertificates(directory: string): UpstreamCertificates {
  const clients = new Map<string, Client>();

  function read({ name, tls: files }: Pick<Service, 'name'> & { tls: UpstreamTls }): ClientTls {
    const at = `services.${name}.tls`;
    const [authority, certificate, privateKey] = (['ca', 'cert', 'key'] as const).map((part) => {
      const file = files[part];
      return file === undefined ? undefined : readPem(`${at}.${part}`, resolve(directory, file));
    });
    for (const [file, pem] of [
      [files.ca, authority],
      [files.cert, certificate],
    ]) {
      if (file !== undefined && pem !== undefined) named(at, () => checkCertificate(file, pem));
    }
    if (certificate !== undefined && privateKey !== undefined) {
      const why = keyProblem(certificate, privateKey);
      if (why !== undefined) {
        throw new UsageError(`${at}: ${files.key} cannot be used with ${files.cert}: ${why}`);
      }
    }
    return { authority, certificate, privateKey, serverName: files.serverName };
  }

  function transportFor(service: string, tls: ClientTls): Transport {
    return named(`services.${service}.tls`, () => securedClient(tls));
  }

  function renew(client: Client): void {
    const { service, files } = client;
    try {
      const tls = read({ name: service, tls: files });
      if (JSON.stringify(tls) === JSON.stringify(client.tls)) return;
      // Requests under way end on the connections of the one before.
      client.transport = transportFor(service, tls);
      client.tls = tls;
      console.error(`fetchmesh: services.${service}.tls: new certificates are in force`);
    } catch (error) {
      console.error(`fetchmesh: ${(error as Error).message}; the old ones stay in force`);
    }
  }

  const idOf = ({ name, tls }: Service): string => JSON.stringify([name, tls]);
  const paths = (): readonly string[] =>
    Array.from(clients.values(), ({ files: { ca, cert, key } }) => [ca, cert, key])
      .flat()
      .flatMap((file) => (file === undefined ? [] : [resolve(directory, file)]));

  return {
    transportOf(service) {
      const { name, tls: files } = service;
      if (files === undefined) return undefined;
      const known = clients.get(idOf(service));
      if (known !== undefined) return known.send;
      const tls = read({ name, tls: files });
      const client: Client = {
        service: name,
        files,
        tls,
        transport: transportFor(name, tls),
        send: (url, init) => client.transport(url, init),
      };
      clients.set(idOf(service), client);
      return client.send;
    },
    retain(services) {
      const ids = new Set(services.map(idOf));
      for (const id of clients.keys()) if (!ids.has(id)) clients.delete(id);
    },
    watch(options) {
      return watchContent(
        {
          places: Array.from(new Set(paths().map(dirname)), (place) => ({ directory: place })),
          known: paths().map((file) => contentOf(file)),
          // One that is gone is no reason to overlook the others.
          read: () => Promise.all(paths().map((file) => readFile(file, 'utf8').catch(() => ''))),
          isSame: (a, b) => JSON.stringify(a) === JSON.stringify(b),
        },
        () => {
          for (const client of clients.values()) renew(client);
        },
        options,
      );
    },
  };
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function readPem(place: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`${place}: cannot read ${file}: ${fileProblem(error, 'read')}`);
  }
}

/** Says where what is wrong stands. */
function named<T>(place: string, run: () => T): T {
  try {
    return run();
  } catch (error) {
    throw new UsageError(`${place}: ${(error as Error).message}`);
  }
}
