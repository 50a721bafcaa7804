/**
 * Rules as the gateway gets them: checked, complete, frozen, and the same after a trip through JSON.
 *
 * @module
 */

import type { HeaderEdits } from '../core/header-edits.ts';
import type { Priority } from '../core/priority.ts';
import type { BackoffShape, Jitter } from '../policies/backoff.ts';
import type { BreakerMode } from '../policies/breaker/options.ts';
import type { FallbackCondition } from '../policies/fallback.ts';
import type { RetryCondition } from '../policies/retry.ts';
import type { BalancePolicy } from '../routing/balance.ts';
import type { MatchConditions } from '../routing/conditions.ts';
import type { HealthSettings } from '../routing/health.ts';
import type { OutlierSettings } from '../routing/outlier-options.ts';
import type { RedirectOptions } from '../routing/redirect.ts';
import type { RespondOptions } from '../routing/respond.ts';
import type { RewriteOptions } from '../routing/rewrite.ts';
import type { AuthorizationRule, RolesOptions } from '../security/authorize/authorize.ts';
import type { HeadersOptions } from '../security/headers.ts';
import type { TrustedProxiesOptions } from '../security/trusted-proxies.ts';
import type { MetricNames } from '../telemetry/metrics.ts';

export type { MatchConditions } from '../routing/conditions.ts';

/** A rules file, resolved. */
export interface Rules {
  readonly version: 1;
  readonly services: readonly Service[];
  /** Proxies whose word on the client is taken. Absent: nobody's, the peer of the connection is the client. */
  readonly trustedProxies?: TrustedProxiesOptions;
  /** What `serve` listens with. Absent: plain HTTP, or what the platform does by itself. */
  readonly tls?: Tls;
  /** What `serve` shares with other instances. Absent: nothing. */
  readonly state?: SharedState;
  /** What a request may take up, apart from its body. Absent: whatever it likes. */
  readonly limits?: RequestRule;
  /** Whose tokens are taken. Absent: nobody's. */
  readonly auth?: readonly AuthRule[];
  /** Where the roles of callers stand. Absent: nowhere. */
  readonly roles?: RolesOptions;
  /** The first that matches wins. */
  readonly routes: readonly Route[];
  readonly telemetry: Telemetry;
  readonly health: Health;
}

/** An issuer of tokens; the options of `jwt` in milliseconds. One of `jwks`, `publicKey` and `secret` is there. */
export interface AuthRule {
  readonly name: string;
  readonly issuer: readonly string[];
  /** Absent: tokens for anybody. */
  readonly audience?: readonly string[];
  readonly jwks?: {
    readonly url: string;
    readonly refreshMs?: number;
    readonly staleForMs?: number;
    readonly timeoutMs?: number;
    readonly coolDownMs?: number;
  };
  readonly publicKey?: { readonly pem: string; readonly algorithm: string };
  /** By name: the secret itself is never a part of rules. */
  readonly secret?: { readonly env: string };
  readonly algorithms?: readonly string[];
  readonly from?: {
    readonly headers: readonly { readonly name: string; readonly prefix: string }[];
    readonly cookies: readonly string[];
    readonly query: readonly string[];
  };
  readonly type?: string;
  readonly clockSkewMs?: number;
  readonly requireExpiry?: boolean;
  readonly claimHeaders?: Readonly<Record<string, string>>;
  readonly payloadHeader?: string;
  readonly forward?: boolean;
  readonly spaceDelimitedClaims?: readonly string[];
}

/** Whose token a route asks for. */
export interface RouteAuth {
  /** The name of an {@link AuthRule}. */
  readonly jwt: string;
  readonly optional: boolean;
  readonly preflights: 'pass' | 'verify';
}

/** Whom a route lets in or keeps out, in the words of `authorize`. */
export type AllowRule = AuthorizationRule;

/** A service that decides whether requests may go on. */
export interface AuthorizerRule {
  readonly to: Place;
  /** What is asked for there. */
  readonly path: string;
  /** Headers of the request that it is shown. Absent: those that `externalAuthorizer` shows. */
  readonly headers?: readonly string[];
  /** Headers of its answer that go on with the request. */
  readonly forward?: readonly string[];
  readonly timeoutMs?: number;
}

/** Lists as they could be. At least one of them is there. */
export interface AccessTrial {
  readonly allow?: readonly AllowRule[];
  readonly deny?: readonly AllowRule[];
}

/** Something that requests are sent to. */
export interface Service {
  readonly name: string;
  /** A service without versions has a single one whose name is empty. */
  readonly versions: readonly ServiceVersion[];
  /** Absent: what `service` does by default. */
  readonly balance?: Balance;
  /** Absent: no endpoint is left out for what it answered. */
  readonly outlier?: OutlierSettings;
  /** Absent: endpoints are not asked how they are. */
  readonly health?: HealthSettings;
  /** Absent: what the runtime trusts is trusted, and no certificate is shown. */
  readonly tls?: UpstreamTls;
}

/** How an https upstream is recognised, and what it is shown: files in PEM. At least one of them is there. */
export interface UpstreamTls {
  /** The authorities that are trusted. */
  readonly ca?: string;
  /** The certificate that is shown, and those between it and the root. Together with its key. */
  readonly cert?: string;
  readonly key?: string;
  /** The name that the upstream's certificate has to bear. Absent: the host of the URL. */
  readonly serverName?: string;
}

/** How load is spread over the endpoints of a version. */
export interface Balance {
  readonly policy?: BalancePolicy;
  readonly bias?: number;
  /** From 0 to 1. */
  readonly panic?: number;
}

/** One version of a service. */
export interface ServiceVersion {
  readonly name: string;
  /** Origins with optional base path, no slash at the end; empty only where there is a binding. */
  readonly urls: readonly string[];
  /** One for each URL, 0 for never; absent: all get the same. */
  readonly weights?: readonly number[];
  /** A service binding of Workers; wins over the URLs where it is present. */
  readonly binding?: string;
  /** What it stands for in metrics, such as `canary`: the label `env`. */
  readonly environment: string;
}

/** What is done with the requests that fit. */
export interface Route {
  /** As given, or the path; where several unnamed routes share a path, `#2`, `#3` … is added. Unique. */
  readonly name: string;
  /** Where it stands in the file, counted from 1. */
  readonly line: number;
  /** The file of that line, where the rules are of several files. */
  readonly file?: string;
  /** A path pattern in canonical form; see `parsePathPattern`. */
  readonly path: string;
  readonly trailingSlash: 'strict' | 'ignore';
  /** Absent: all. */
  readonly methods?: readonly string[];
  /** Absent: all. */
  readonly hosts?: readonly string[];
  /** Entries of which one has to hold; empty: no condition. Match strings as written, header names in lower case. */
  readonly match: readonly MatchConditions[];
  /** In the order of the file; weights add up to exactly 100. Empty: wherever the request goes by itself. */
  readonly to: readonly Destination[];
  readonly sticky?: Sticky;
  /** Limit of the whole exchange, all tries together; 0 switches it off. */
  readonly timeoutMs?: number;
  /** Whether the body has to be complete within `timeoutMs`. Absent: the headers alone. */
  readonly timeoutBody?: true;
  readonly retries?: Retries;
  readonly hedge?: Hedge;
  /** All of them have to agree; empty: no limit. */
  readonly rateLimits?: readonly RateLimitRule[];
  readonly shed?: Shed;
  readonly auth?: RouteAuth;
  /** Of which one has to fit. Absent: everybody. */
  readonly allow?: readonly AllowRule[];
  /** Of which none may fit, whatever `allow` says. Absent: nobody is kept out. */
  readonly deny?: readonly AllowRule[];
  /** Who else is asked, before `deny` and `allow`. Absent: nobody. */
  readonly authorizer?: AuthorizerRule;
  /** What is only tried out: whom it would keep out is told. */
  readonly dryRun?: AccessTrial;
  /** Absent: bodies may be of any size. */
  readonly limits?: BodyRule;
  readonly cors?: Cors;
  readonly headers?: HeadersOptions;
  readonly fallback?: Fallback;
  readonly fault?: Fault;
  readonly deadline?: DeadlineRule;
  /** Where copies of the requests go; absent: nowhere. */
  readonly mirror?: readonly Mirror[];
  readonly rewrite?: RewriteOptions;
  /** Ends the route: where there is one, `to` is empty. */
  readonly redirect?: RedirectOptions;
  /** Ends the route: where there is one, `to` is empty. */
  readonly respond?: RespondOptions;
  /** Absent: none. */
  readonly breaker?: BreakerRule;
  readonly throttle?: ThrottleRule;
  readonly bulkhead?: BulkheadRule;
}

/** A version of a service, and its share. */
export interface Destination {
  readonly service: string;
  readonly version: string;
  /** In percent, with at most one decimal. */
  readonly weight: number;
}

/** A version of a service that is meant as a whole. */
export type Place = Pick<Destination, 'service' | 'version'>;

/** What answers where the upstream failed: one of `respond` and `to`. */
export interface Fallback {
  readonly respond?: RespondOptions;
  readonly to?: Place;
  /** Absent: what `fallback` takes for a failure. */
  readonly when?: readonly FallbackCondition[];
}

/** Faults to inject; shares in percent. */
export interface Fault {
  readonly delay?: { readonly ms: number; readonly percent: number };
  readonly abort?: { readonly status: number; readonly percent: number };
  /** The most that callers can ask for by header, where the part has no share. */
  readonly percent?: number;
  /** Entries of which one has to hold; empty: no condition. */
  readonly onlyIf: readonly MatchConditions[];
  /** See `parseInstant`. Absent: no end. */
  readonly until?: string;
  readonly maxActive?: number;
  readonly headerTrigger: boolean;
  readonly counted: boolean;
}

/** Certificates of a server; paths of files in PEM. */
export interface Tls {
  readonly cert: string;
  readonly key: string;
  /** Absent: no certificates are asked of clients. */
  readonly clientCa?: string;
  readonly clientCert: 'required' | 'optional';
}

/** Where limits count, and whose breakers hear of each other. */
export interface SharedState {
  /** A URL, or the variable that holds it. Absent: the memory of each instance. */
  readonly store?: string | { readonly env: string };
  readonly mode: 'leased' | 'exact';
  readonly breakers: 'quorum' | 'any' | 'alone';
  /** How many run with these rules. */
  readonly instances: number;
}

/** Limits of a request; absent ones are those of `limits`. */
export interface RequestRule {
  readonly urlBytes?: number;
  readonly headerBytes?: number;
  readonly headerCount?: number;
  readonly concurrent?: number;
}

/** Limits of a body; the options of `limits` in milliseconds. */
export interface BodyRule {
  readonly bodyBytes?: number;
  readonly bodyRate?: number;
  readonly graceMs?: number;
}

/** Which pages of other origins may read the answers; the options of `cors` in milliseconds. */
export interface Cors {
  readonly origins: readonly string[];
  readonly methods?: readonly string[];
  readonly headers?: readonly string[];
  readonly expose?: readonly string[];
  readonly credentials: boolean;
  readonly maxAgeMs?: number;
}

/** Copies of the requests. */
export interface Mirror {
  readonly to: Place;
  /** From 0 to 100. */
  readonly percent: number;
  readonly credentials: 'include' | 'omit';
  readonly headers?: HeaderEdits;
  readonly timeoutMs: number;
  /** Absent: as `mirror` has it. */
  readonly maxReplayBytes?: number;
  /** Absent: as `mirror` has it. */
  readonly maxActive?: number;
}

/** Taking over how much time a caller has left; the options of `deadline`. */
export interface DeadlineRule {
  /** Whose word counts. Absent: everybody's, which can only shorten. */
  readonly trustedIps?: readonly string[];
  readonly header: string;
  /** Whether upstreams are told what is left. */
  readonly forward: boolean;
}

/** Keeping a caller with one version. */
export interface Sticky {
  /** Key expressions, joined. */
  readonly by: readonly string[];
  /** How long the cookie lasts that stands in for a missing key. */
  readonly ttlMs: number;
}

/** Trying again; the options of `retry` in milliseconds. */
export interface Retries {
  /** Tries after the first one; 0 switches retries off. */
  readonly max: number;
  readonly backoff: BackoffShape;
  readonly baseDelayMs: number;
  readonly maxDelayMs: number;
  readonly jitter: Jitter;
  /** Limit of a single try. Absent: none but the route's. */
  readonly perTryMs?: number;
  /** Absent: what `retry` takes for retryable. */
  readonly retryOn?: readonly RetryCondition[];
  /** Response headers with which any answer is worth another try. */
  readonly retriableHeaders?: readonly string[];
  /** How many retries there may be beside the first tries to the service, all routes together. Absent: any number. */
  readonly budget?: BudgetRule;
  readonly unsafeMethods: 'never' | 'always' | 'idempotency_key';
  /** Absent: as `retry` has it. */
  readonly maxReplayBytes?: number;
}

/** How many further tries there may be; the options of `retryBudget` in milliseconds. */
export interface BudgetRule {
  /** For each first try. */
  readonly ratio: number;
  readonly ttlMs: number;
  /** Beyond that, for each second of the ttl. */
  readonly minPerSecond: number;
  /** Whether what is beyond that is there once for all instances. */
  readonly shared: boolean;
}

/** A further try while the first is still under way; the options of `hedge`. */
export interface Hedge {
  /** Tries beside the first one. */
  readonly max: number;
  /** A duration, or a percentile such as `p95`. */
  readonly delay: string;
  /** With a percentile: how many requests are watched before the first hedge. Absent: as `hedge` has it. */
  readonly minSamples?: number;
  /** As for {@link Retries}. */
  readonly budget?: BudgetRule;
  readonly unsafeMethods: 'never' | 'always' | 'idempotency_key';
  /** Absent: as `hedge` has it. */
  readonly maxReplayBytes?: number;
}

/** A limit; the options of `rateLimit` in milliseconds. */
export interface RateLimitRule {
  /** Absent: as `rateLimit` calls it. */
  readonly name?: string;
  readonly limit: number;
  readonly perMs: number;
  readonly burst: number;
  /** Key expressions, joined. */
  readonly by: readonly string[];
  readonly anonymous: 'shared' | 'skip';
  /** 0: nobody waits. */
  readonly maxWaitMs: number;
  readonly enforce: boolean;
  readonly onStoreError: 'local' | 'open' | 'closed';
  /** What each request takes of it. Absent: 1. */
  readonly cost?: number;
  /** Absent: as the store does. */
  readonly mode?: LimitMode;
  /** Where the fields `RateLimit` go; the same for all limits of a route. Absent: as `rateLimit` has it. */
  readonly fields?: 'always' | 'rejections' | 'never';
  /** Older fields beside them; the same for all limits of a route. */
  readonly legacy?: 'draft-6';
}

/** How instances keep a limit together. */
export type LimitMode = 'local' | 'exact' | 'leased' | 'platform';

/** Giving up what matters least; the options of `shed`. */
export interface Shed {
  /** So many requests under way in this process, over all routes of the same `from` and `full`. */
  readonly from: number;
  readonly full: number;
  readonly priority: Priority;
  readonly retryAfterMs: number;
  /** Addresses and networks of peers whose word on the priority counts. Absent: nobody's. */
  readonly trustedIps?: readonly string[];
}

/** Leaving an upstream alone that fails; the options of `breaker` in milliseconds. One circuit for each version. */
export interface BreakerRule {
  /** In a row; the members about rates are then absent. */
  readonly failures?: number;
  /** Shares from 0 to 1. */
  readonly errorRate?: number;
  readonly slowRate?: number;
  readonly slowAfterMs?: number;
  readonly minRequests?: number;
  /** Either this or the number of calls to look at. */
  readonly windowMs?: number;
  /** In what steps calls are forgotten. Absent: a tenth of the window. */
  readonly bucketMs?: number;
  readonly lastRequests?: number;
  readonly openForMs: number;
  readonly maxOpenForMs: number;
  readonly retryAfter: boolean;
  readonly halfOpen: HalfOpenRule;
  readonly mode: BreakerMode;
}

/** How an open circuit tries the upstream. */
export interface HalfOpenRule {
  readonly probes: number;
  readonly successes: number;
  readonly toleratedFailures: number;
  readonly timeoutMs: number;
}

/** Asking less of an upstream, the less of it succeeds; the options of `throttle` in milliseconds. */
export interface ThrottleRule {
  readonly multiplier: number;
  readonly windowMs: number;
  readonly minRequests: number;
  /** A share from 0 to 1. */
  readonly maxRejection: number;
}

/** A limit on concurrent calls; the options of `bulkhead` in milliseconds. */
export interface BulkheadRule {
  readonly limit: number;
  readonly queue: number;
  readonly maxWaitMs?: number;
  readonly release: 'headers' | 'body';
  /** Key expressions, joined: calls of different keys do not get in each other's way. Absent: all share the limit. */
  readonly by?: readonly string[];
}

/** Formats in which traces are carried on. */
export type Propagation = 'w3c' | 'b3' | 'b3multi';

/** What is told of the traffic. */
export interface Telemetry {
  /** What this gateway is called. */
  readonly service: string;
  readonly metrics: {
    /** On the traffic port. Absent: on the admin port only. */
    readonly path?: string;
    readonly names: MetricNames;
  };
  readonly traces: {
    /** Absent: wherever the command line or the environment says. */
    readonly otlp?: string;
    /** Share of the traces to record, from 0 to 1. Absent: all, unless the caller decided otherwise. */
    readonly sample?: number;
    readonly propagation: readonly Propagation[];
  };
  /** Absent: requests are not logged. */
  readonly logs?: AccessLogRule;
  /** Baggage keys that become labels and attributes. */
  readonly baggage: readonly string[];
  /** Whether responses name the revision of the rules that they were made under. */
  readonly revisionHeader: boolean;
}

/** What the access log holds; the options of `accessLog`. */
export interface AccessLogRule {
  /** Share of the requests that went well, from 0 to 1. */
  readonly sample: number;
  readonly query: boolean;
  readonly headers: readonly string[];
  readonly redact: readonly string[];
}

/** Paths on the traffic port. */
export interface Health {
  readonly path?: string;
  readonly readyPath?: string;
}

/** Freezes a value and all that is in it. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
  return value;
}
