/**
 * What policies are written in: the vocabulary of Istio's AuthorizationPolicy.
 *
 * @module
 */

import type { Context } from '../../core/context.ts';

/**
 * Patterns are `exact`, `prefix*`, `*suffix` or `*` (there, and not empty). Of a list one has to match; of a list whose name
 * begins with `not`, none may. All lists that are given have to agree.
 */
export interface AuthorizationSource {
  /** Who the peer is, by its certificate: `cluster.local/ns/shop/sa/web`. `notPrincipals: ['*']`: peers without one. */
  readonly principals?: readonly string[];
  readonly notPrincipals?: readonly string[];
  /** Of the peer's SPIFFE id. */
  readonly namespaces?: readonly string[];
  readonly notNamespaces?: readonly string[];
  /** Of the peer's SPIFFE id, `namespace/account`; no patterns. */
  readonly serviceAccounts?: readonly string[];
  readonly notServiceAccounts?: readonly string[];
  /** Of the peer's SPIFFE id. */
  readonly trustDomains?: readonly string[];
  readonly notTrustDomains?: readonly string[];
  /** `issuer/subject` of the token; each half may be a pattern. */
  readonly requestPrincipals?: readonly string[];
  readonly notRequestPrincipals?: readonly string[];
  /** Where the connection comes from: addresses, or networks such as `10.0.0.0/8`. */
  readonly ipBlocks?: readonly string[];
  readonly notIpBlocks?: readonly string[];
  /** Where the client is, behind proxies that are trusted. */
  readonly remoteIpBlocks?: readonly string[];
  readonly notRemoteIpBlocks?: readonly string[];
  /** See `roles` of the options. */
  readonly roles?: readonly string[];
  readonly notRoles?: readonly string[];
}

/** As for {@link AuthorizationSource}. */
export interface AuthorizationOperation {
  /** Whatever the case. Compared with the port in it where one is given; `deny` compares without it too. */
  readonly hosts?: readonly string[];
  readonly notHosts?: readonly string[];
  /** Of the listener. */
  readonly ports?: readonly (string | number)[];
  readonly notPorts?: readonly (string | number)[];
  readonly methods?: readonly string[];
  readonly notMethods?: readonly string[];
  /**
   * Of the canonical path, without the query. Beside patterns, templates: `{*}` is one segment, `{**}` any number of them:
   * `/shops/{*}/orders/{**}`.
   */
  readonly paths?: readonly string[];
  readonly notPaths?: readonly string[];
}

/** One more thing that has to hold. */
export interface AuthorizationCondition {
  /**
   * `request.headers[NAME]`, `request.auth.claims[A][B]`, `request.auth.principal`, `.audiences`, `.presenter`, `source.ip`,
   * `remote.ip`, `source.principal`, `source.namespace`, `source.serviceAccount`, `source.trustDomain` or
   * `destination.port`.
   */
  readonly key: string;
  readonly values?: readonly string[];
  readonly notValues?: readonly string[];
}

/** Matches where one of `from`, one of `to` and all of `when` do; what is not given matches. */
export interface AuthorizationRule {
  readonly from?: readonly AuthorizationSource[];
  readonly to?: readonly AuthorizationOperation[];
  readonly when?: readonly AuthorizationCondition[];
}

/** What a policy does with the requests that it matches. */
export type AuthorizationAction = 'custom' | 'deny' | 'allow' | 'audit';

/** Lets a request on, with other headers: set to these values, or taken off where there is none. */
export interface Admission {
  readonly headers: Readonly<Record<string, string | undefined>>;
}

/** Whether a request may go on: `true`, `false`, the answer that it gets, or an {@link Admission}. */
export type AuthorizationVerdict = boolean | Response | Admission;

/** Decides on requests. What it throws denies. */
export interface Authorizer {
  (request: Request, context: Context): AuthorizationVerdict | Promise<AuthorizationVerdict>;
  /** Headers that nobody else may set: they are taken off every request, also where it is not asked. Default: none. */
  readonly sets?: readonly string[];
}

/** Rules with one action. */
export interface AuthorizationPolicy {
  /** For decision records. Default: `#1`, `#2` … */
  readonly name?: string;
  /** Default: `'allow'`. */
  readonly action?: AuthorizationAction;
  /** One has to match; none at all match nothing, and an empty one everything. */
  readonly rules?: readonly AuthorizationRule[];
  /** Asked about the requests that a `custom` policy matches. */
  readonly authorizer?: Authorizer;
  /** Whether it is only told what the policy would have denied; for `allow` and `deny`. Default: false. */
  readonly dryRun?: boolean;
}
