/**
 * What a route asks of its callers: `auth` and `allow` of a route.
 *
 * @module
 */

import * as z from 'zod';
import type { AuthorizationCondition } from '../../security/authorize/authorize.ts';
import type { AllowRule, RouteAuth } from '../model.ts';
import {
  asList,
  block,
  choice,
  flag,
  list,
  type Named,
  named,
  numberLike,
  oneOrMore,
  type Shape,
} from '../shape.ts';
import { authName, plainText } from './auth.ts';
import { headerValue } from './headers.ts';
import { claimName, headerName, method } from './names.ts';
import { network } from './network.ts';

/** What an entry can ask for, as written. */
export interface AllowConditions {
  readonly claims?: Named<string | readonly string[]>;
  readonly subjects?: string | readonly string[];
  readonly roles?: string | readonly string[];
  readonly principals?: string | readonly string[];
  readonly namespaces?: string | readonly string[];
  readonly ips?: string | readonly string[];
  readonly client_ips?: string | readonly string[];
  readonly ports?: number | readonly number[];
  readonly methods?: string | readonly string[];
  readonly headers?: Named<string | readonly string[]>;
}

/** Whom a route lets in or keeps out, as written: all that is named has to fit. */
export interface AllowBlock extends AllowConditions {
  /** What may not fit. */
  readonly not?: AllowConditions;
  /** Whether it is only told what the entry would have done. */
  readonly dry_run?: boolean;
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

/** Who is let in or kept out, or nobody in particular where the defaults have a list. */
export type AllowWritten = 'off' | AllowBlock | readonly AllowBlock[];

const conditions: Shape<AllowConditions> = {
  claims: named(claimName, oneOrMore(plainText)),
  subjects: oneOrMore(plainText),
  roles: oneOrMore(plainText),
  principals: oneOrMore(plainText),
  namespaces: oneOrMore(plainText),
  ips: oneOrMore(network),
  client_ips: oneOrMore(network),
  ports: oneOrMore(numberLike('a port from 1 to 65535', () => z.number().int().min(1).max(65_535))),
  methods: oneOrMore(method),
  headers: named(headerName, oneOrMore(headerValue)),
};

const not: z.ZodType<AllowConditions> = block<AllowConditions>({ title: '`not`' }, conditions);

/** Entries of a list of this name. */
function entryOf(title: string): z.ZodType<AllowBlock> {
  return block<AllowBlock>({ title }, { ...conditions, not, dry_run: flag() });
}

function entriesOf(
  title: string,
): readonly [z.ZodType<AllowBlock>, z.ZodType<readonly AllowBlock[]>] {
  const entry = entryOf(title);
  return [entry, list(entry)];
}

const allowList = entriesOf('`allow`');

/** One entry, or several of which one has to fit; `off` where the defaults have some. */
export const allow: z.ZodType<AllowWritten> = z.union([choice(['off']), ...allowList]);

/** One entry, or several of which none may fit; `off` where the defaults have some. */
export const deny: z.ZodType<AllowWritten> = z.union([choice(['off']), ...entriesOf('`deny`')]);

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

/** Whether an entry names nothing, so that it fits whatever comes. */
export function fitsAll({ dry_run: _dryRun, not = {}, ...conditions }: AllowBlock): boolean {
  return Object.keys(conditions).length + Object.keys(not).length === 0;
}

/** Those that are in force, or those that are only tried out; `undefined` where there are none. */
export function resolveAllow(
  written: AllowBlock | readonly AllowBlock[],
  isDryRun: boolean,
): readonly AllowRule[] | undefined {
  const entries = asList<AllowBlock>(written).filter(
    ({ dry_run: dryRun = false }) => dryRun === isDryRun,
  );
  return entries.length === 0 ? undefined : entries.map(resolveEntry);
}

function resolveEntry({ not = {}, ...wanted }: AllowBlock): AllowRule {
  const source = {
    ...listed({
      roles: wanted.roles,
      principals: wanted.principals,
      namespaces: wanted.namespaces,
      ipBlocks: wanted.ips,
      remoteIpBlocks: wanted.client_ips,
    }),
    ...listed({
      notRoles: not.roles,
      notPrincipals: not.principals,
      notNamespaces: not.namespaces,
      notIpBlocks: not.ips,
      notRemoteIpBlocks: not.client_ips,
    }),
  };
  const operation = {
    ...listed({ methods: wanted.methods, notMethods: not.methods }),
    ...listed({ ports: wanted.ports, notPorts: not.ports }),
  };
  const when = [...conditionsOf(wanted, 'values'), ...conditionsOf(not, 'notValues')];
  return {
    ...(Object.keys(source).length > 0 && { from: [source] }),
    ...(Object.keys(operation).length > 0 && { to: [operation] }),
    ...(when.length > 0 && { when }),
  };
}

/** Those that are given, as lists. */
function listed<K extends string, T>(
  members: Readonly<Record<K, T | readonly T[] | undefined>>,
): { readonly [Name in K]?: readonly T[] } {
  const given = Object.entries<T | readonly T[] | undefined>(members).flatMap(([name, values]) =>
    values === undefined ? [] : [[name, asList(values)] as const],
  );
  return Object.fromEntries(given) as { readonly [Name in K]?: readonly T[] };
}

function conditionsOf(
  { subjects, claims = {}, headers = {} }: AllowConditions,
  member: 'values' | 'notValues',
): readonly AuthorizationCondition[] {
  const keys: readonly (readonly [key: string, values: string | readonly string[]])[] = [
    ...(subjects === undefined ? [] : [['request.auth.claims[sub]', subjects] as const]),
    ...Object.entries(claims).map(
      ([name, values]) => [`request.auth.claims[${name}]`, values] as const,
    ),
    ...Object.entries(headers).map(
      ([name, values]) => [`request.headers[${name.toLowerCase()}]`, values] as const,
    ),
  ];
  return keys.map(([key, values]) => ({ key, [member]: asList(values) }));
}
