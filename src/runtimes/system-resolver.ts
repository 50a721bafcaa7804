/**
 * The addresses of names, as the runtime's own connections find them.
 *
 * @module
 */

import { type NameResolver, refusedAddressCode } from '../security/upstream-guard.ts';
import { agentOfNode } from './node-agent.ts';

export type { NameResolver } from '../security/upstream-guard.ts';

interface Found {
  readonly address: string;
  readonly family: number;
}

type Lookup = (
  hostname: string,
  options: object,
  done: (error: Error | null, ...found: unknown[]) => void,
) => void;

interface Process {
  getBuiltinModule?(name: string): { lookup?: Lookup } | undefined;
}

/**
 * Asks what the operating system's resolver says, its `hosts` file among it: on Node, Bun and Deno.
 *
 * On Node it also makes connections that look at the address once more, at the moment that they are made: a name that leads
 * elsewhere by then (DNS rebinding) gets nobody anywhere. They are this resolver's own, in place of those of the global
 * agent. Bun and Deno have no such place: between the question and the connection a name can change there.
 *
 * @throws {Error} where there is no such resolver, as on Workers, or where Node's `fetch` was told to go through a proxy.
 *
 * @example
 * ```ts
 * const { resolve } = systemResolver();
 * (await resolve('localhost', AbortSignal.timeout(1_000))).length > 0; // true
 * ```
 */
export function systemResolver(): NameResolver {
  const { navigator, process, Bun, Deno } = globalThis as {
    navigator?: { readonly userAgent?: string };
    process?: Process;
    Bun?: object;
    Deno?: object;
  };
  const lookup = process?.getBuiltinModule?.('node:dns')?.lookup;
  // Workers have Node's module where they are told to, and nothing in it.
  if (lookup === undefined || navigator?.userAgent === 'Cloudflare-Workers') {
    throw new Error('systemResolver: there is none here, nothing tells the addresses of names');
  }
  const found = lookup;

  function resolve(hostname: string, signal: AbortSignal): Promise<readonly string[]> {
    return new Promise((done, fail) => {
      signal.throwIfAborted();
      const onAbort = (): void => fail(signal.reason);
      signal.addEventListener('abort', onAbort, { once: true });
      found(hostname, { all: true, verbatim: true }, (error, addresses) => {
        signal.removeEventListener('abort', onAbort);
        if (error) fail(error);
        else done((addresses as readonly Found[]).map(({ address }) => address));
      });
    });
  }
  if (Bun !== undefined || Deno !== undefined) return { resolve };
  const Agent = agentOfNode();
  return {
    resolve,
    pinned(permits) {
      // Called for names alone: addresses in URLs were looked at before.
      const checked: Lookup = (hostname, options, done) =>
        found(hostname, options, (error, ...rest) => {
          if (error) return done(error);
          const [first] = rest as [string | readonly Found[]];
          const addresses =
            typeof first === 'string' ? [first] : first.map(({ address }) => address);
          if (addresses.length > 0 && addresses.every(permits)) return done(null, ...rest);
          done(Object.assign(new Error('address refused'), { code: refusedAddressCode }));
        });
      return { dispatcher: new Agent({ connect: { lookup: checked } }) } as RequestInit;
    },
  };
}
