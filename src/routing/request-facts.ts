/**
 * What routing asks of a request, each part read at most once and only when asked for.
 *
 * @module
 */

import { type Baggage, baggageOf } from '../core/baggage.ts';
import type { Claims } from '../core/claims.ts';
import { type Key, key } from '../core/context.ts';
import { parseCookies } from '../core/cookies.ts';

/** Headers that this side of the chain has decided on, whatever the client wrote there. */
export interface ToldHeaders {
  /** In lower case. */
  readonly names: ReadonlySet<string>;
  read(name: string): string | undefined;
}

/** A lazy view of a request. */
export class RequestFacts {
  readonly request: Request;
  /** The path in canonical form. */
  readonly path: string;
  /** The claims of verified tokens, by the names of their issuers, where routes ask for them. */
  readonly claims: ReadonlyMap<string, Claims> | undefined;
  readonly #url: URL;
  readonly #told: ToldHeaders | undefined;
  #query: URLSearchParams | undefined;
  #cookies: ReadonlyMap<string, string> | undefined;

  /**
   * @param url The request's, parsed.
   * @param path The canonical path of that URL.
   * @param told Headers that are not the client's to write.
   */
  constructor(
    request: Request,
    url: URL,
    path: string,
    claims?: ReadonlyMap<string, Claims> | undefined,
    told?: ToldHeaders,
  ) {
    this.request = request;
    this.path = path;
    this.claims = claims;
    this.#url = url;
    this.#told = told;
  }

  get method(): string {
    return this.request.method;
  }

  /** In lower case, without the port, which routing ignores, and without the dot of a complete name. */
  get hostname(): string {
    const { hostname } = this.#url;
    return hostname.endsWith('.') ? hostname.slice(0, -1) : hostname;
  }

  get isSecure(): boolean {
    return this.#url.protocol === 'https:';
  }

  /** Repeated headers are joined with `, `, as Fetch does. The name has to be one: see `isFieldName`. */
  header(name: string): string | undefined {
    if (this.#told?.names.has(name.toLowerCase())) return this.#told.read(name.toLowerCase());
    return this.request.headers.get(name) ?? undefined;
  }

  /** The same facts but for some headers. */
  telling(told: ToldHeaders): RequestFacts {
    return new RequestFacts(this.request, this.#url, this.path, this.claims, told);
  }

  /** The first value of a repeated parameter, as in the Gateway API. */
  query(name: string): string | undefined {
    this.#query ??= this.#url.searchParams;
    return this.#query.get(name) ?? undefined;
  }

  /** The first cookie of a name: browsers send the most specific one first. */
  cookie(name: string): string | undefined {
    this.#cookies ??= parseCookies(this.header('cookie') ?? '');
    return this.#cookies.get(name);
  }

  baggage(name: string): string | undefined {
    return this.allBaggage().get(name)?.value;
  }

  allBaggage(): Baggage {
    return baggageOf(this.request);
  }
}

/** The facts of this request, where a route was chosen by them: what reads keys or conditions need not read twice. */
export const requestFacts: Key<RequestFacts | undefined> = key<RequestFacts>('request facts');
