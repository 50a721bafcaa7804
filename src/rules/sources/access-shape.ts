/**
 * The shape of what says who is let in.
 *
 * @module
 */

import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationSource,
  RolesOptions,
} from '../../security/authorize/authorize.ts';
import type { AccessRules } from '../access.ts';
import type {
  AccessTrial,
  AllowRule,
  AuthorizerRule,
  AuthRule,
  Place,
  Route,
  RouteAuth,
} from '../model.ts';
import {
  block,
  type Check,
  flag,
  list,
  type Members,
  number,
  oneOf,
  text,
  texts,
  url,
  value,
} from './checks.ts';

/** Issuers of tokens. */
export function authRules(): Check {
  const span = number(0, Number.MAX_VALUE);
  return list(
    block<AuthRule>({
      name: text,
      issuer: list(text),
      'audience?': list(text),
      'jwks?': block<NonNullable<AuthRule['jwks']>>({
        url,
        'refreshMs?': span,
        'staleForMs?': span,
        'timeoutMs?': span,
        'coolDownMs?': span,
      }),
      'publicKey?': block<NonNullable<AuthRule['publicKey']>>({ pem: text, algorithm: text }),
      'secret?': block<NonNullable<AuthRule['secret']>>({ env: text }),
      'algorithms?': list(text),
      'from?': block<NonNullable<AuthRule['from']>>({
        headers: list(block<{ name: string; prefix: string }>({ name: text, prefix: text })),
        cookies: list(text),
        query: list(text),
      }),
      'type?': text,
      'clockSkewMs?': span,
      'requireExpiry?': flag,
      'claimHeaders?': texts,
      'payloadHeader?': text,
      'forward?': flag,
      'spaceDelimitedClaims?': list(text),
    }),
  );
}

/** Where roles stand. */
export function rolesShape(): Check {
  return block<RolesOptions>({
    'claim?': text,
    'header?': text,
    'trusted?': block<NonNullable<RolesOptions['trusted']>>({
      'ipBlocks?': list(text),
      'principals?': list(text),
    }),
  });
}

/** Checks for these members of a route. */
export function accessMembers(): Members<Pick<Route, keyof AccessRules>> {
  const entries = entriesOf();
  return {
    'auth?': block<RouteAuth>({ jwt: text, optional: flag, preflights: oneOf('pass', 'verify') }),
    'allow?': entries,
    'deny?': entries,
    'authorizer?': block<AuthorizerRule>({
      to: block<Place>({ service: text, version: text }),
      path: text,
      'headers?': list(text),
      'forward?': list(text),
      'timeoutMs?': number(1, Number.MAX_VALUE),
    }),
    'dryRun?': block<AccessTrial>({ 'allow?': entries, 'deny?': entries }),
  };
}

/** Checks for lists of entries. */
function entriesOf(): Check {
  const some = list(text);
  const ports = list(
    value('a port', (port) => typeof port === 'string' || typeof port === 'number'),
  );
  return list(
    block<AllowRule>({
      'from?': list(
        block<AuthorizationSource>({
          ...{ 'principals?': some, 'notPrincipals?': some },
          ...{ 'namespaces?': some, 'notNamespaces?': some },
          ...{ 'serviceAccounts?': some, 'notServiceAccounts?': some },
          ...{ 'trustDomains?': some, 'notTrustDomains?': some },
          ...{ 'requestPrincipals?': some, 'notRequestPrincipals?': some },
          ...{ 'ipBlocks?': some, 'notIpBlocks?': some },
          ...{ 'remoteIpBlocks?': some, 'notRemoteIpBlocks?': some },
          ...{ 'roles?': some, 'notRoles?': some },
        }),
      ),
      'to?': list(
        block<AuthorizationOperation>({
          ...{ 'hosts?': some, 'notHosts?': some },
          ...{ 'ports?': ports, 'notPorts?': ports },
          ...{ 'methods?': some, 'notMethods?': some },
          ...{ 'paths?': some, 'notPaths?': some },
        }),
      ),
      'when?': list(
        block<AuthorizationCondition>({ key: text, 'values?': some, 'notValues?': some }),
      ),
    }),
  );
}
