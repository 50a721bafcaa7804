/**
 * The services of a rules file, as places to send requests to.
 *
 * @module
 */

import { layer, type Middleware } from '../core/chain.ts';
import type { Context } from '../core/context.ts';
import { type Endpoint, endpoint } from '../core/endpoint.ts';
import { reject } from '../core/rejection.ts';
import type { Service, ServiceVersion } from '../rules/model.ts';

/** One version of a service. */
export interface Upstream {
  readonly service: string;
  /** Empty where the service has no versions. */
  readonly version: string;
  readonly environment: string;
  /** Picks an endpoint for each try, in turn, and puts it into the context. */
  readonly balance: Middleware;
}

/** All versions of all services. */
export interface Upstreams {
  /** @throws {RangeError} where there is no such version. */
  find(destination: { readonly service: string; readonly version: string }): Upstream;
}

/** Prepares the services of a rules file. */
export function compileUpstreams(services: readonly Service[]): Upstreams {
  const upstreams = new Map<string, Upstream>();
  for (const { name, versions } of services) {
    for (const version of versions) {
      upstreams.set(`${name}@${version.name}`, compileUpstream(name, version));
    }
  }
  return {
    find({ service, version }) {
      const upstream = upstreams.get(`${service}@${version}`);
      if (upstream === undefined) {
        throw new RangeError(`to: there is no version '${version}' of a service '${service}'`);
      }
      return upstream;
    },
  };
}

function compileUpstream(
  service: string,
  { name, urls, binding, environment }: ServiceVersion,
): Upstream {
  const endpoints = urls.map((url): Endpoint => ({ url, service, version: name }));
  let turn = 0;
  const balance = layer(
    `endpoint of ${name === '' ? service : `${service}@${name}`}`,
    (next) =>
      function balance(request, context) {
        const bound = binding === undefined ? undefined : boundEndpoint(binding, context);
        const chosen = bound ?? endpoints[turn++ % endpoints.length];
        if (chosen === undefined) {
          return Promise.resolve(
            reject('no_healthy_upstream', { detail: 'The service has no endpoint.' }),
          );
        }
        return next(request, context.with(endpoint, chosen));
      },
  );

  /** A service binding of Workers, where this platform has one of that name. */
  function boundEndpoint(bindingName: string, context: Context): Endpoint | undefined {
    const environmentOfWorker = context.platform[0] as Record<string, Binding> | undefined;
    const found = environmentOfWorker?.[bindingName];
    if (typeof found?.fetch !== 'function') return undefined;
    const url = urls[0] ?? `http://${service}`;
    // Called as a method: Workers refuse a detached one.
    return { url, service, version: name, send: (target, init) => found.fetch(target, init) };
  }
  return { service, version: name, environment, balance };
}

interface Binding {
  fetch(url: string, init: RequestInit): Promise<Response>;
}
