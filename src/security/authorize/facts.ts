/**
 * What policies ask of a request, each read at most once and only when asked for.
 *
 * @module
 */

import {
  clientAddress,
  listenerPort,
  listenerPortOf,
  type ParsedAddress,
  parseAddress,
  peerAddress,
} from '../../core/address.ts';
import {
  type Claims,
  claimAt,
  claimNamed,
  claims,
  claimTexts,
  spaceDelimitedClaims,
} from '../../core/claims.ts';
import type { Context } from '../../core/context.ts';
import { outgoingHeader } from '../../core/outgoing.ts';
import { type PeerIdentity, peerIdentity } from '../../core/peer-identity.ts';
import { urlOf } from '../../core/url.ts';

/** The values of an attribute: several, none, or `undefined` where nobody could tell. */
export type Values = readonly string[] | undefined;

/** A lazy view of a request. */
export class AuthorizationFacts {
  readonly request: Request;
  readonly context: Context;
  /** In canonical form. */
  readonly path: string;
  readonly #rolesOf: (facts: AuthorizationFacts) => Values;
  #hosts: readonly string[] | undefined;
  #peerAddress: ParsedAddress | null | undefined;
  #clientAddress: ParsedAddress | null | undefined;
  #principal: Values;

  constructor(
    request: Request,
    context: Context,
    path: string,
    rolesOf: (facts: AuthorizationFacts) => Values,
  ) {
    this.request = request;
    this.context = context;
    this.path = path;
    this.#rolesOf = rolesOf;
  }

  /** The authority as it was asked for, in lower case; with the default port too, which URLs leave out. */
  get authorities(): readonly string[] {
    const { host, port, protocol } = urlOf(this.request);
    return port === '' ? [host, host + (protocol === 'https:' ? ':443' : ':80')] : [host];
  }

  /** The authority, with and without its port, and without the dot of a complete name: all ways to write one host. */
  get hosts(): readonly string[] {
    if (this.#hosts === undefined) {
      const { hostname } = urlOf(this.request);
      const ways = [...this.authorities, hostname];
      this.#hosts = [...new Set(ways.flatMap((way) => [way, way.replace(/\.(?=$|:)/, '')]))];
    }
    return this.#hosts;
  }

  /** As it goes on: what a token or an authorizer has set is not what the client wrote. */
  header(name: string): string | undefined {
    return outgoingHeader(this.request, this.context, name);
  }

  get port(): Values {
    const { request, context } = this;
    const port = context.get(listenerPort) ?? listenerPortOf(request, context.platform);
    return port === undefined ? undefined : [String(port)];
  }

  get peer(): PeerIdentity | undefined {
    return this.context.get(peerIdentity);
  }

  /** One member of the peer's identity. */
  ofPeer(member: keyof PeerIdentity): Values {
    const { peer } = this;
    return peer === undefined ? undefined : valuesOf(peer[member]);
  }

  get serviceAccount(): Values {
    const { peer } = this;
    if (peer === undefined) return undefined;
    const { namespace, serviceAccount } = peer;
    return valuesOf(namespace && serviceAccount && `${namespace}/${serviceAccount}`);
  }

  get address(): ParsedAddress | undefined {
    this.#peerAddress ??= parsed(this.context.get(peerAddress));
    return this.#peerAddress ?? undefined;
  }

  get remoteAddress(): ParsedAddress | undefined {
    this.#clientAddress ??= parsed(
      this.context.get(clientAddress) ?? this.context.get(peerAddress),
    );
    return this.#clientAddress ?? undefined;
  }

  get claims(): Claims | undefined {
    return this.context.get(claims);
  }

  /** `issuer/subject` of the verified token. */
  get requestPrincipal(): readonly string[] {
    if (this.#principal === undefined) {
      const { iss, sub } = this.claims ?? {};
      const isWhole =
        typeof iss === 'string' && typeof sub === 'string' && iss !== '' && sub !== '';
      this.#principal = isWhole ? [`${iss}/${sub}`] : [];
    }
    return this.#principal;
  }

  /** The texts of a claim. */
  claim(path: readonly string[]): readonly string[] {
    const all = this.claims;
    if (all === undefined) return [];
    const isWords =
      path.length === 1 && this.context.get(spaceDelimitedClaims).includes(path[0] as string);
    const [name] = path;
    const value = path.length === 1 ? claimNamed(all, name as string) : claimAt(all, path);
    return claimTexts(value, isWords);
  }

  get roles(): Values {
    return this.#rolesOf(this);
  }
}

function parsed(text: string | undefined): ParsedAddress | null {
  return text === undefined ? null : (parseAddress(text) ?? null);
}

function valuesOf(value: string | undefined): readonly string[] {
  return value === undefined ? [] : [value];
}
