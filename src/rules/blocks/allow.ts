/**
 * What a route asks of its callers: `auth` and `allow` of a route.
 *
 * @module
 */

import * as z from 'zod';
import type { AllowRule, RouteAuth } from '../model.ts';
import { asList, block, choice, flag, list, type Named, named, oneOrMore } from '../shape.ts';
import { authName, plainText } from './auth.ts';
import { headerValue } from './headers.ts';
import { claimName, headerName, method } from './names.ts';
import { network } from './network.ts';

/** Whom a route lets in, as written: all that is named has to fit. */
export interface AllowBlock {
  readonly claims?: Named<string | readonly string[]>;
  readonly subjects?: string | readonly string[];
  readonly roles?: string | readonly string[];
  readonly principals?: string | readonly string[];
  readonly namespaces?: string | readonly string[];
  readonly ips?: string | readonly string[];
  readonly client_ips?: string | readonly string[];
  readonly methods?: string | readonly string[];
  readonly headers?: Named<string | readonly string[]>;
}

/** What a route asks for, as written. */
export interface RouteAuthBlock {
  readonly jwt: string;
  readonly optional?: boolean;
  readonly preflights?: 'pass' | 'verify';
  readonly allow?: AllowBlock | readonly AllowBlock[];
}

/** The name of an issuer, or what a route asks for. */
export type RouteAuthWritten = string | RouteAuthBlock;

/** Who is let in, or everybody where the defaults have a list. */
export type AllowWritten = 'off' | AllowBlock | readonly AllowBlock[];

const allowBlock: z.ZodType<AllowBlock> = block<AllowBlock>(
  { title: '`allow`' },
  {
    claims: named(claimName, oneOrMore(plainText)),
    subjects: oneOrMore(plainText),
    roles: oneOrMore(plainText),
    principals: oneOrMore(plainText),
    namespaces: oneOrMore(plainText),
    ips: oneOrMore(network),
    client_ips: oneOrMore(network),
    methods: oneOrMore(method),
    headers: named(headerName, oneOrMore(headerValue)),
  },
);

const allowList = [allowBlock, list(allowBlock)] as const;

/** One entry, or several of which one has to fit; `off` where the defaults have some. */
export const allow: z.ZodType<AllowWritten> = z.union([choice(['off']), ...allowList]);

const routeAuthBlock: z.ZodType<RouteAuthBlock> = block<RouteAuthBlock>(
  { title: '`auth`', required: ['jwt'] },
  {
    jwt: authName,
    optional: flag(),
    preflights: choice(['pass', 'verify']),
    allow: z.union(allowList),
  },
);

/** The name of an issuer, a block, or `off` where the defaults have one. */
export const routeAuth: z.ZodType<RouteAuthWritten> = z.union([authName, routeAuthBlock]);

/** Which issuer a route asks for, and where that is said; `undefined` for `off`. */
export function issuerOf(written: RouteAuthWritten): string | undefined {
  const name = typeof written === 'string' ? written : written.jwt;
  return name === 'off' ? undefined : name;
}

export function resolveRouteAuth(written: RouteAuthWritten): RouteAuth | undefined {
  if (typeof written === 'string') {
    return written === 'off' ? undefined : { jwt: written, optional: false, preflights: 'verify' };
  }
  const { jwt, optional = false, preflights = 'verify' } = written;
  return { jwt, optional, preflights };
}

export function resolveAllow(written: AllowBlock | readonly AllowBlock[]): readonly AllowRule[] {
  return asList<AllowBlock>(written).map((entry) => {
    const { claims = {}, subjects, principals, namespaces, ips, client_ips: clientIps } = entry;
    const { methods, headers = {} } = entry;
    const source = {
      ...(entry.roles !== undefined && { roles: asList(entry.roles) }),
      ...(principals !== undefined && { principals: asList(principals) }),
      ...(namespaces !== undefined && { namespaces: asList(namespaces) }),
      ...(ips !== undefined && { ipBlocks: asList(ips) }),
      ...(clientIps !== undefined && { remoteIpBlocks: asList(clientIps) }),
    };
    const when = [
      ...(subjects === undefined
        ? []
        : [{ key: 'request.auth.claims[sub]', values: asList(subjects) }]),
      ...Object.entries(claims).map(([name, values]) => ({
        key: `request.auth.claims[${name}]`,
        values: asList(values),
      })),
      ...Object.entries(headers).map(([name, values]) => ({
        key: `request.headers[${name.toLowerCase()}]`,
        values: asList(values),
      })),
    ];
    return {
      ...(Object.keys(source).length > 0 && { from: [source] }),
      ...(methods !== undefined && { to: [{ methods: asList(methods) }] }),
      ...(when.length > 0 && { when }),
    };
  });
}
