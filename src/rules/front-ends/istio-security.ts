/**
 * Istio's RequestAuthentication and AuthorizationPolicy as options of `jwt` and `authorize`.
 *
 * @module
 */

import {
  type AuthorizationAction,
  type AuthorizationOperation,
  type AuthorizationPolicy,
  type AuthorizationRule,
  type AuthorizationSource,
  type Authorizer,
  authorize,
} from '../../security/authorize/authorize.ts';
import type { JsonWebKeySet, JwtIssuer, JwtOptions } from '../../security/jwt/jwt.ts';

/** Whom policies are for. */
export interface Workload {
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Names that `targetRefs` may call it by, as `Gateway/edge` or `Service/users`. Default: none. */
  readonly targets?: readonly string[];
  /** The policies of this namespace are for all. Default: `'istio-system'`. */
  readonly rootNamespace?: string;
  /** By name of the provider: who is asked about policies with the action `CUSTOM`. Default: nobody; they deny. */
  readonly authorizers?: Readonly<Record<string, Authorizer>>;
}

/** Something that could not be carried over. */
export interface LeftOut {
  /** Such as `AuthorizationPolicy ns1/b`. */
  readonly object: string;
  readonly reason: string;
}

/** What the objects come to, for one workload. */
export interface IstioSecurity {
  /** Empty where there is no RequestAuthentication: then there is no token to verify. */
  readonly issuers: readonly JwtIssuer[];
  /** Requests without a token, and preflights, pass without an identity. */
  readonly jwtOptions: JwtOptions;
  readonly policies: readonly AuthorizationPolicy[];
  readonly leftOut: readonly LeftOut[];
}

type Members = Readonly<Record<string, unknown>>;

interface IstioObject {
  readonly kind: string;
  readonly name: string;
  readonly namespace: string;
  readonly annotations: Members;
  readonly spec: Members;
}

/**
 * Picks the policies for a workload and translates them. Objects of other kinds are passed over.
 *
 * An item of a rule that cannot be evaluated makes a rule that allows match nothing, and is left out of one that denies,
 * which then denies more.
 *
 * @param objects As YAML or JSON gives them.
 */
export function compileIstioSecurity(
  objects: readonly unknown[],
  workload: Workload,
): IstioSecurity {
  const leftOut: LeftOut[] = [];
  const issuers: JwtIssuer[] = [];
  const policies: AuthorizationPolicy[] = [];
  for (const object of objects.map(objectFrom)) {
    if (object === undefined || !isFor(object, workload)) continue;
    const name = `${object.namespace}/${object.name}`;
    const leave = (reason: string): void => {
      leftOut.push({ object: `${object.kind} ${name}`, reason });
    };
    if (object.kind === 'RequestAuthentication') {
      issuers.push(
        ...membersList(object.spec['jwtRules']).flatMap((rule) => issuerFrom(rule, leave)),
      );
    } else if (object.kind === 'AuthorizationPolicy') {
      policies.push(...policyFrom(object, name, workload, leave));
    }
  }
  return { issuers, jwtOptions: { optional: true, preflights: 'pass' }, policies, leftOut };
}

function objectFrom(given: unknown): IstioObject | undefined {
  const { kind, metadata, spec } = members(given);
  const { name, namespace = 'default', annotations } = members(metadata);
  if (typeof kind !== 'string' || typeof name !== 'string' || typeof namespace !== 'string') {
    return undefined;
  }
  return { kind, name, namespace, annotations: members(annotations), spec: members(spec) };
}

function isFor({ namespace, spec }: IstioObject, workload: Workload): boolean {
  const { rootNamespace = 'istio-system', labels, targets = [] } = workload;
  if (namespace !== workload.namespace && namespace !== rootNamespace) return false;
  const references = [...membersList(spec['targetRefs']), ...membersList([spec['targetRef']])];
  if (references.length > 0) {
    return references.some(({ kind, name }) => targets.includes(`${kind}/${name}`));
  }
  const wanted = members(members(spec['selector'])['matchLabels']);
  return Object.entries(wanted).every(([label, value]) => labels[label] === value);
}

function issuerFrom(rule: Members, leave: (reason: string) => void): JwtIssuer[] {
  const { issuer, jwksUri, jwks_uri: oldJwksUri, jwks, timeout } = rule;
  const url = jwksUri ?? oldJwksUri;
  const keys = typeof jwks === 'string' && jwks !== '' ? keySetIn(jwks) : undefined;
  if (keys === undefined && typeof url !== 'string') {
    leave(
      `jwtRules for ${issuer}: neither jwksUri nor a readable jwks; OIDC discovery is not carried out`,
    );
    return [];
  }
  const headers = membersList(rule['fromHeaders']).flatMap(({ name, prefix }) =>
    typeof name === 'string' ? [{ name, prefix: typeof prefix === 'string' ? prefix : '' }] : [],
  );
  const from = { headers, query: texts(rule['fromParams']), cookies: texts(rule['fromCookies']) };
  const isGiven = headers.length + from.query.length + from.cookies.length > 0;
  const audiences = texts(rule['audiences']);
  const claimHeaders = membersList(rule['outputClaimToHeaders']).map(
    ({ header, claim }) => [String(header), String(claim)] as const,
  );
  const payloadHeader = rule['outputPayloadToHeader'];
  return [
    {
      ...(typeof issuer === 'string' && issuer !== '' && { issuer }),
      ...(audiences.length > 0 && { audience: audiences }),
      ...(keys === undefined
        ? { jwks: { url: url as string, ...(typeof timeout === 'string' && { timeout }) } }
        : { keys }),
      from: isGiven
        ? from
        : { headers: [{ name: 'authorization', prefix: 'Bearer ' }], query: ['access_token'] },
      claimHeaders: Object.fromEntries(claimHeaders),
      ...(typeof payloadHeader === 'string' && payloadHeader !== '' && { payloadHeader }),
      forward: rule['forwardOriginalToken'] === true,
      spaceDelimitedClaims: texts(rule['spaceDelimitedClaims']),
      requireExpiry: false,
    },
  ];
}

function keySetIn(text: string): JsonWebKeySet | undefined {
  try {
    const document: unknown = JSON.parse(text);
    return Array.isArray(members(document)['keys']) ? (document as JsonWebKeySet) : undefined;
  } catch {
    return undefined;
  }
}

const actions: Readonly<Record<string, AuthorizationAction>> = {
  ALLOW: 'allow',
  DENY: 'deny',
  AUDIT: 'audit',
  CUSTOM: 'custom',
};

function policyFrom(
  { spec, annotations, namespace }: IstioObject,
  name: string,
  { authorizers = {} }: Workload,
  leave: (reason: string) => void,
): readonly AuthorizationPolicy[] {
  const written = typeof spec['action'] === 'string' ? spec['action'] : 'ALLOW';
  // One that nobody knows denies what it matches.
  const action = Object.hasOwn(actions, written)
    ? (actions[written] as AuthorizationAction)
    : 'deny';
  if (!Object.hasOwn(actions, written)) leave(`action ${written} is unknown: taken for DENY`);
  const dryRun = annotations['istio.io/dry-run'] === 'true';
  if (dryRun && action !== 'allow' && action !== 'deny') {
    leave(`dry run is for ALLOW and DENY, not for ${written}: the policy does nothing`);
    return [];
  }
  const provider = members(spec['provider'])['name'];
  let authorizer: Authorizer | undefined;
  if (action === 'custom') {
    const known = typeof provider === 'string' && Object.hasOwn(authorizers, provider);
    authorizer = known ? authorizers[provider] : () => false;
    if (!known) leave(`provider ${String(provider)} is unknown: what the policy matches is denied`);
  }
  const rules = membersList(spec['rules']).flatMap((rule) =>
    ruleFrom(rule, action, namespace, leave),
  );
  return [{ name, action, ...(authorizer !== undefined && { authorizer }), rules, dryRun }];
}

function ruleFrom(
  rule: Members,
  action: AuthorizationAction,
  namespace: string,
  leave: (reason: string) => void,
): readonly AuthorizationRule[] {
  let isWhole = true;
  /** Keeps the lists that can be evaluated. */
  const sound = (section: 'from' | 'to', entry: Members): Members => {
    const kept = Object.entries(entry).filter(([key, list]) => {
      const problem = problemOf({ [section]: [{ [key]: list }] } as AuthorizationRule);
      if (problem === undefined) return true;
      leave(problem);
      isWhole = false;
      return false;
    });
    return Object.fromEntries(kept);
  };
  const from = membersList(rule['from']).map(({ source }) =>
    sound('from', withAccountsOf(namespace, members(source))),
  );
  const to = membersList(rule['to']).map(({ operation }) => sound('to', members(operation)));
  const when = membersList(rule['when']).flatMap(({ key, values, notValues }) => {
    const condition = {
      key: String(key),
      ...(values !== undefined && { values: texts(values) }),
      ...(notValues !== undefined && { notValues: texts(notValues) }),
    };
    const problem = problemOf({ when: [condition] });
    if (problem === undefined) return [condition];
    leave(problem);
    isWhole = false;
    return [];
  });
  if (!isWhole && action === 'allow') return [];
  return [
    {
      ...(from.length > 0 && { from: from as AuthorizationSource[] }),
      ...(to.length > 0 && { to: to as AuthorizationOperation[] }),
      ...(when.length > 0 && { when }),
    },
  ];
}

/** An account without a namespace is one of the policy's. */
function withAccountsOf(namespace: string, source: Members): Members {
  const whole = (list: unknown): unknown =>
    Array.isArray(list)
      ? list.map((each) => (String(each).includes('/') ? each : `${namespace}/${String(each)}`))
      : list;
  const { serviceAccounts, notServiceAccounts, ...others } = source;
  return {
    ...others,
    ...(serviceAccounts !== undefined && { serviceAccounts: whole(serviceAccounts) }),
    ...(notServiceAccounts !== undefined && { notServiceAccounts: whole(notServiceAccounts) }),
  };
}

/** What `authorize` has against a rule. */
function problemOf(rule: AuthorizationRule): string | undefined {
  try {
    authorize([{ rules: [rule] }]);
    return undefined;
  } catch (error) {
    return (error as Error).message.replace(/^authorize\[0\]\./, '');
  }
}

function members(value: unknown): Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Members)
    : {};
}

function membersList(value: unknown): readonly Members[] {
  return Array.isArray(value) ? value.filter((each) => each !== undefined).map(members) : [];
}

function texts(value: unknown): readonly string[] {
  return Array.isArray(value) ? value.map(String) : [];
}
