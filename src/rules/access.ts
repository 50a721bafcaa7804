/**
 * Who is let in: issuers of tokens, and what routes ask for.
 *
 * @module
 */

import {
  type AllowBlock,
  type AllowWritten,
  fitsAll,
  issuerOf,
  type RouteAuthWritten,
  resolveAllow,
  resolveRouteAuth,
} from './blocks/allow.ts';
import { type AuthBlock, resolveAuth } from './blocks/auth.ts';
import type { AuthorizerBlock } from './blocks/authorizer.ts';
import type { RateLimitBlock } from './blocks/rate-limit.ts';
import type { RolesBlock } from './blocks/roles.ts';
import type { DefaultsBlock, RouteBlock } from './blocks/route.ts';
import type { ServiceTable } from './destinations.ts';
import type { AuthorizerRule, AuthRule, Route } from './model.ts';
import type { Path } from './nodes.ts';
import { either, quote } from './quote.ts';
import { type Draft, type Sound, unsound } from './read.ts';
import type { Problem } from './report.ts';
import { asList, type Named } from './shape.ts';
import { suggest } from './suggest.ts';
import { type Sourced, type Surroundings, sourced } from './surroundings.ts';

/** The part of a route that this is about. */
export type AccessRules = Pick<Route, 'auth' | 'allow' | 'deny' | 'authorizer' | 'dryRun'>;

/** Resolves these blocks and reports what is wrong with them. */
export class AccessResolver {
  readonly #auths = new Map<string, Sound<AuthBlock>>();
  readonly #used = new Set<string>();
  readonly #services: ServiceTable;
  readonly #authorizers = new Map<AuthorizerBlock, AuthorizerRule | undefined>();
  readonly #defaults: Draft<DefaultsBlock>;
  readonly #around: Surroundings;
  readonly #isUnsound: boolean;
  readonly #hasRoles: boolean;
  /** What stands under `defaults` is reported once. */
  readonly #said = new Set<string>();

  constructor(
    written: Sound<Draft<Named<AuthBlock>>> | undefined,
    defaults: Draft<DefaultsBlock>,
    services: ServiceTable,
    around: Surroundings,
    hasRoles: boolean,
  ) {
    this.#services = services;
    this.#hasRoles = hasRoles;
    this.#defaults = defaults;
    this.#around = around;
    this.#isUnsound = written === unsound;
    if (written === undefined || written === unsound) return;
    for (const [name, auth] of Object.entries(written)) {
      this.#auths.set(name, auth);
      if (auth !== unsound) this.#checkAuth(auth, ['auth', name]);
    }
  }

  /** To be called only where nothing was found to be wrong. */
  toRules(): readonly AuthRule[] {
    return Array.from(this.#auths, ([name, auth]) => resolveAuth(name, auth as AuthBlock));
  }

  resolve(written: Draft<RouteBlock>, path: Path): AccessRules {
    const auth = this.#inherited<RouteAuthWritten>('auth', written, path);
    const allow = this.#inherited<AllowWritten>('allow', written, path);
    const isWrong =
      written.auth === unsound || (written.auth === undefined && this.#defaults.auth === unsound);
    const issuer = auth && issuerOf(auth.value);
    if (auth !== undefined && issuer !== undefined) this.#checkReference(issuer, auth);
    const own = typeof auth?.value === 'object' ? auth.value.allow : undefined;
    const beside = allow === undefined || allow.value === 'off' ? undefined : allow.value;
    if (own !== undefined && beside !== undefined && auth !== undefined && allow !== undefined) {
      this.#complain([...auth.path, 'allow'], {
        code: 'FM083',
        message: '`allow` twice',
        label: 'one of them has to go',
        help: 'put all entries into one list',
        related: [{ span: this.#around.positions.key(allow.path), label: 'the other one' }],
      });
    }
    const entries = own ?? beside;
    const place = own === undefined ? allow?.path : [...(auth?.path ?? []), 'allow'];
    const denied = this.#inherited<AllowWritten>('deny', written, path);
    const refused =
      denied === undefined || denied.value === 'off'
        ? undefined
        : { entries: denied.value, path: denied.path };
    const allowed = entries && place && { entries, path: place };
    if (allowed !== undefined) this.#checkAllow(allowed.entries, allowed.path);
    if (refused !== undefined) this.#checkDeny(refused.entries, refused.path);
    if (issuer === undefined && !isWrong) {
      const lists = [allowed, refused].filter((each) => each !== undefined);
      this.#checkClaims(written, path, lists);
    }
    const resolved = auth && resolveRouteAuth(auth.value);
    const by = this.#inherited<'off' | AuthorizerBlock>('authorizer', written, path);
    const asked = by && by.value !== 'off' ? this.#authorizer(by.value, by.path) : undefined;
    return {
      ...(resolved !== undefined && { auth: resolved }),
      ...listsOf(allowed?.entries, refused?.entries),
      ...(asked !== undefined && { authorizer: asked }),
    };
  }

  /** What stands under `defaults` is looked up once. */
  #authorizer(written: AuthorizerBlock, path: Path): AuthorizerRule | undefined {
    if (this.#authorizers.has(written)) return this.#authorizers.get(written);
    const { to, path: asked = '/', headers, forward, timeout } = written;
    const found = this.#services.resolve(to, [...path, 'to']);
    const [place] = found === unsound ? [] : found;
    const rule = place && {
      to: { service: place.service, version: place.version },
      path: asked,
      ...(headers !== undefined && { headers: asList(headers) }),
      ...(forward !== undefined && { forward: asList(forward) }),
      ...(timeout !== undefined && { timeoutMs: timeout }),
    };
    this.#authorizers.set(written, rule);
    return rule;
  }

  /** Issuers that no route asks for (FM105). */
  reportUnused(): void {
    const isSure = [...this.#used].every((name) => this.#auths.has(name));
    for (const [name, auth] of this.#auths) {
      if (!isSure || auth === unsound || this.#used.has(name)) continue;
      this.#complain(['auth', name], {
        code: 'FM105',
        severity: 'info',
        message: `no route asks for tokens of ${quote(name)}`,
        label: 'this is not used',
        help: `write \`auth: ${name}\` on the routes that it is for, or remove it`,
      });
    }
  }

  #inherited<T>(
    key: 'auth' | 'allow' | 'deny' | 'authorizer',
    written: Draft<RouteBlock>,
    path: Path,
  ): Sourced<T> | undefined {
    const isOwn = written[key] !== undefined;
    const value = (isOwn ? written : this.#defaults)[key] as Sound<T> | undefined;
    return sourced(value, [...(isOwn ? path : ['defaults']), key]);
  }

  #complain(path: Path, problem: Problem, part: 'key' | 'value' = 'key'): void {
    const id = JSON.stringify([problem.code, path]);
    if (this.#said.has(id)) return;
    this.#said.add(id);
    this.#around.report(this.#around.positions[part](path), problem);
  }

  #checkAuth({ jwks, public_key: publicKey, secret }: AuthBlock, path: Path): void {
    const given = Object.entries({ jwks, public_key: publicKey, secret }).filter(
      ([, value]) => value !== undefined,
    );
    if (given.length !== 1) {
      this.#complain(path, {
        code: 'FM102',
        message: 'an `auth` needs one of `jwks`, `public_key` and `secret`',
        label:
          given.length === 0 ? 'nothing would verify a token' : `it has ${given.length} of them`,
      });
    }
    const text = typeof jwks === 'object' ? jwks.url : jwks;
    const url = text === undefined ? null : URL.parse(text);
    if (url?.protocol !== 'http:' || /^(?:localhost|127\.[\d.]+|\[::1\])$/.test(url.hostname))
      return;
    const at: Path = typeof jwks === 'object' ? [...path, 'jwks', 'url'] : [...path, 'jwks'];
    this.#complain(
      at,
      {
        code: 'FM104',
        severity: 'warning',
        message: 'the keys come over http',
        label: 'who can change them on the way can sign tokens',
        help: 'write https://',
      },
      'value',
    );
  }

  #checkReference(name: string, { value, path }: Sourced<RouteAuthWritten>): void {
    this.#used.add(name);
    if (this.#auths.has(name) || this.#isUnsound) return;
    const names = [...this.#auths.keys()];
    const meant = suggest(name, names);
    this.#complain(
      typeof value === 'string' ? path : [...path, 'jwt'],
      {
        code: 'FM100',
        message: `unknown auth ${quote(name)}`,
        label: names.length === 0 ? 'the file has no `auth`' : `there is ${either(names)}`,
        help: meant && `did you mean ${quote(meant)}?`,
      },
      'value',
    );
  }

  #checkAllow(written: Entries, path: Path): void {
    const entries = placed(written, path);
    this.#checkRoles(entries);
    this.#warnOfEverybody(entries, {
      code: 'FM103',
      message: 'this entry lets everybody in',
      label: 'and with it the whole list',
    });
    if (entries.some(({ entry }) => entry.dry_run !== true)) return;
    this.#complain(path, {
      code: 'FM108',
      severity: 'info',
      message: '`allow` is only tried out',
      label: 'everybody is let in',
    });
  }

  #checkDeny(written: Entries, path: Path): void {
    const entries = placed(written, path);
    this.#checkRoles(entries);
    this.#warnOfEverybody(entries, {
      code: 'FM107',
      message: 'this entry keeps everybody out',
      label: 'whatever else is said',
      help: 'name whom it is about, or write `respond: { status: 403 }`',
    });
  }

  /** Of entries that ask for nothing. */
  #warnOfEverybody(entries: readonly PlacedEntry[], problem: Problem): void {
    for (const { entry, at } of entries) {
      if (fitsAll(entry)) this.#complain(at, { ...problem, severity: 'warning' }, 'value');
    }
  }

  #checkRoles(entries: readonly PlacedEntry[]): void {
    if (this.#hasRoles) return;
    for (const { entry, at } of entries) {
      for (const [asked, place] of [
        [entry, at],
        [entry.not, [...at, 'not']],
      ] as const) {
        if (asked?.roles === undefined) continue;
        this.#complain([...place, 'roles'], {
          code: 'FM106',
          message: '`roles` of nowhere',
          label: 'nobody would have one',
          help: 'write under `roles` of the file where they stand: a claim, or a header of trusted peers',
        });
      }
    }
  }

  /** Nothing asks for claims where no token is verified (FM101). */
  #checkClaims(
    { match, sticky, rate_limit: ownLimit, bulkhead: ownBulkhead }: Draft<RouteBlock>,
    path: Path,
    lists: readonly { readonly entries: Entries; readonly path: Path }[],
  ): void {
    const missing = (at: Path, part: 'key' | 'value', what: string): void =>
      this.#complain(
        at,
        {
          code: 'FM101',
          message: `${what} without \`auth\``,
          label: 'no token would be verified',
          help: 'write `auth: NAME` on the route, and what NAME is under `auth` of the file',
        },
        part,
      );
    if (match !== undefined && match !== unsound) {
      const isList = Array.isArray(match);
      for (const [index, entry] of asList(match).entries()) {
        const at = [...path, 'match', ...(isList ? [index] : []), 'claims'];
        if (entry.claims !== undefined) missing(at, 'key', 'a condition on claims');
      }
    }
    for (const { entry, at } of lists.flatMap((each) => placed(each.entries, each.path))) {
      for (const key of ['claims', 'subjects'] as const) {
        if (entry[key] !== undefined) missing([...at, key], 'key', `\`${key}\``);
        if (entry.not?.[key] !== undefined) missing([...at, 'not', key], 'key', `\`${key}\``);
      }
    }
    const keysAt = (by: string | readonly string[] | undefined, at: Path): void => {
      const isList = Array.isArray(by);
      for (const [index, key] of asList(by ?? []).entries()) {
        if (key.startsWith('jwt:'))
          missing([...at, ...(isList ? [index] : [])], 'value', quote(key));
      }
    };
    if (sticky !== undefined && sticky !== unsound) keysAt(sticky.by, [...path, 'sticky', 'by']);
    const bulkheadPath: Path =
      ownBulkhead === undefined ? ['defaults', 'bulkhead'] : [...path, 'bulkhead'];
    const bulkhead = sourced(ownBulkhead ?? this.#defaults.bulkhead, bulkheadPath)?.value;
    if (typeof bulkhead === 'object') keysAt(bulkhead.by, [...bulkheadPath, 'by']);
    const limitPath: Path =
      ownLimit === undefined ? ['defaults', 'rate_limit'] : [...path, 'rate_limit'];
    const limits = sourced(ownLimit ?? this.#defaults.rate_limit, limitPath)?.value;
    if (limits === undefined || limits === 'off') return;
    const isList = Array.isArray(limits);
    for (const [index, limit] of asList<RateLimitBlock>(limits as RateLimitBlock).entries()) {
      keysAt(limit.by, [...limitPath, ...(isList ? [index] : []), 'by']);
    }
  }
}

type Entries = AllowBlock | readonly AllowBlock[];

interface PlacedEntry {
  readonly entry: AllowBlock;
  readonly at: Path;
}

function placed(written: Entries, path: Path): readonly PlacedEntry[] {
  const isList = Array.isArray(written);
  return asList<AllowBlock>(written).map((entry, index) => ({
    entry,
    at: isList ? [...path, index] : path,
  }));
}

/** What is in force, and what is only tried out. */
function listsOf(
  allowed: Entries | undefined,
  refused: Entries | undefined,
): Pick<Route, 'allow' | 'deny' | 'dryRun'> {
  const lists = (isDryRun: boolean): Pick<Route, 'allow' | 'deny'> => {
    const allow = allowed && resolveAllow(allowed, isDryRun);
    const deny = refused && resolveAllow(refused, isDryRun);
    return { ...(allow && { allow }), ...(deny && { deny }) };
  };
  const dryRun = lists(true);
  return { ...lists(false), ...(Object.keys(dryRun).length > 0 && { dryRun }) };
}

/** Roles stand somewhere, and not in a header that anyone can write (FM106). */
export function checkRoles(
  { claim, header, trusted_ips: ips, trusted_principals: principals }: RolesBlock,
  { positions, report }: Surroundings,
): void {
  if (claim === undefined && header === undefined) {
    report(positions.key(['roles']), {
      code: 'FM106',
      message: '`roles` needs `claim` or `header`',
      label: 'they stand nowhere',
    });
  } else if (header !== undefined && ips === undefined && principals === undefined) {
    report(positions.key(['roles', 'header']), {
      code: 'FM106',
      message: 'a header with roles needs peers that are trusted',
      label: 'whoever can send requests could write it',
      help: 'write `trusted_ips` or `trusted_principals` beside it',
    });
  }
}
