/**
 * Rules of policies as tests.
 *
 * @module
 */

import { isFieldName } from '../../core/header-field.ts';
import { knownOptions, shown } from '../../core/option.ts';
import type { AuthorizationFacts, Values } from './facts.ts';
import {
  addressTests,
  type Doubt,
  type Lists,
  refuseUnknown,
  type Subject,
  type Test,
  textTests,
} from './lists.ts';
import {
  compileHostPattern,
  compileMethodPattern,
  compilePathPattern,
  compilePattern,
  compilePrincipalPattern,
  type Pattern,
} from './patterns.ts';
import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationRule,
  AuthorizationSource,
} from './policy.ts';

/** A rule, compiled. */
export interface CompiledRule {
  /** Without a value that fits one of the patterns no request matches. Absent: any request may. */
  readonly index: Test['index'];
  matches(facts: AuthorizationFacts): boolean;
  /** The part of the rule that does not hold, such as `when request.auth.claims[role]`. */
  failed(facts: AuthorizationFacts): string | undefined;
}

/** @throws {RangeError} names the place and what is allowed. */
export function compileRule(place: string, rule: AuthorizationRule, doubt: Doubt): CompiledRule {
  knownOptions(place, rule, { from: true, to: true, when: true });
  for (const [key, section] of Object.entries(rule)) {
    if (section !== undefined && !(Array.isArray(section) && section.length > 0)) {
      throw new RangeError(`${place}.${key}: ${shown(section)} is not a list with an entry`);
    }
  }
  const alternatives = <T>(
    key: 'from' | 'to',
    entries: readonly T[] | undefined,
    compile: (place: string, entry: T) => readonly Test[],
  ): readonly (readonly Test[])[] | undefined =>
    entries?.map((entry, index) => compile(`${place}.${key}[${index}]`, entry));
  const from = alternatives('from', rule.from, (at, entry) => testsOfSource(at, entry, doubt));
  const to = alternatives('to', rule.to, (at, entry) => testsOfOperation(at, entry, doubt));
  const when = (rule.when ?? []).flatMap((condition, index) =>
    testsOfCondition(`${place}.when[${index}]`, condition, doubt),
  );
  return {
    index: indexOf(to) ?? indexOf(from),
    matches: (facts) => {
      if (to !== undefined && !to.some((all) => allHold(all, facts))) return false;
      if (from !== undefined && !from.some((all) => allHold(all, facts))) return false;
      return allHold(when, facts);
    },
    failed: (facts) =>
      failedOf(to, facts, 'to') ??
      failedOf(from, facts, 'from') ??
      when.find((test) => !test.holds(facts))?.name,
  };
}

function allHold(tests: readonly Test[], facts: AuthorizationFacts): boolean {
  for (const test of tests) if (!test.holds(facts)) return false;
  return true;
}

function failedOf(
  alternatives: readonly (readonly Test[])[] | undefined,
  facts: AuthorizationFacts,
  name: string,
): string | undefined {
  if (alternatives === undefined || alternatives.some((all) => allHold(all, facts)))
    return undefined;
  const [only] = alternatives;
  return alternatives.length === 1 ? only?.find((test) => !test.holds(facts))?.name : name;
}

/** What all alternatives ask for a value of, so that the rule can be found by it. */
function indexOf(alternatives: readonly (readonly Test[])[] | undefined): Test['index'] {
  if (alternatives === undefined) return undefined;
  const subjects: readonly Subject[] = [
    'path',
    'host',
    'principal',
    'namespace',
    'requestPrincipal',
  ];
  for (const subject of subjects) {
    const found = alternatives.map((all) => all.find((test) => test.index?.subject === subject));
    const patterns = found.flatMap((test) => test?.index?.patterns ?? []);
    if (
      found.every((test) => test !== undefined) &&
      patterns.every(({ kind }) => kind !== 'other')
    ) {
      return { subject, patterns };
    }
  }
  return undefined;
}

function testsOfSource(place: string, source: AuthorizationSource, doubt: Doubt): readonly Test[] {
  refuseUnknown(place, source, sourceKeys);
  const lists = (key: keyof AuthorizationSource, not: keyof AuthorizationSource): Lists => ({
    ...{ place: `${place}.${key}`, name: `from.${key}`, doubt },
    ...{ given: source[key], unwanted: source[not] },
  });
  const account = (written: string): Pattern | undefined =>
    /^[^/*]+\/[^/*]+$/.test(written) ? compilePattern(written) : undefined;
  return [
    ...textTests(lists('principals', 'notPrincipals'), (facts) => facts.ofPeer('principal'), {
      subject: 'principal',
    }),
    ...textTests(lists('namespaces', 'notNamespaces'), (facts) => facts.ofPeer('namespace'), {
      subject: 'namespace',
    }),
    ...textTests(lists('serviceAccounts', 'notServiceAccounts'), (facts) => facts.serviceAccount, {
      compile: account,
    }),
    ...textTests(lists('trustDomains', 'notTrustDomains'), (facts) => facts.ofPeer('trustDomain')),
    ...textTests(
      lists('requestPrincipals', 'notRequestPrincipals'),
      (facts) => facts.requestPrincipal,
      {
        compile: compilePrincipalPattern,
        subject: 'requestPrincipal',
      },
    ),
    ...textTests(lists('roles', 'notRoles'), (facts) => facts.roles),
    ...addressTests(lists('ipBlocks', 'notIpBlocks'), (facts) => facts.address),
    ...addressTests(lists('remoteIpBlocks', 'notRemoteIpBlocks'), (facts) => facts.remoteAddress),
  ];
}

function testsOfOperation(
  place: string,
  operation: AuthorizationOperation,
  doubt: Doubt,
): readonly Test[] {
  refuseUnknown(place, operation, operationKeys);
  const lists = (key: keyof AuthorizationOperation, not: keyof AuthorizationOperation): Lists => ({
    ...{ place: `${place}.${key}`, name: `to.${key}`, doubt },
    ...{ given: operation[key], unwanted: operation[not] },
  });
  // A rule that denies a host means it however it is written; one that allows it, as it is written.
  const all = (facts: AuthorizationFacts): Values => facts.hosts;
  const asked = (facts: AuthorizationFacts): Values => facts.authorities;
  const isDenying = doubt === 'matches';
  const hostLists = lists('hosts', 'notHosts');
  const methodLists = lists('methods', 'notMethods');
  const method = ({ request }: AuthorizationFacts): Values => [request.method];
  // Methods are case-sensitive, and not every upstream knows.
  const anyCase = ({ request }: AuthorizationFacts): Values => [
    request.method,
    request.method.toUpperCase(),
  ];
  return [
    ...textTests(lists('paths', 'notPaths'), ({ path }) => [path], {
      compile: compilePathPattern,
      subject: 'path',
    }),
    ...textTests({ ...hostLists, unwanted: undefined }, isDenying ? all : asked, {
      compile: isDenying ? withoutDot : compileHostPattern,
      subject: 'host',
    }),
    ...textTests({ ...hostLists, given: undefined }, isDenying ? asked : all, {
      compile: isDenying ? compileHostPattern : withoutDot,
    }),
    ...textTests({ ...methodLists, unwanted: undefined }, isDenying ? anyCase : method, {
      compile: compileMethodPattern,
    }),
    ...textTests({ ...methodLists, given: undefined }, isDenying ? method : anyCase, {
      compile: compileMethodPattern,
    }),
    ...textTests(lists('ports', 'notPorts'), ({ port }) => port),
  ];
}

/** The dot of a complete name is in none of the ways to write a host that are compared with. */
function withoutDot(written: string): Pattern | undefined {
  return compileHostPattern(written.replace(/(?<=[^*])\.(?=$|:)/, ''));
}

const sourceKeys: readonly string[] = [
  'principals',
  'namespaces',
  'serviceAccounts',
  'trustDomains',
  'requestPrincipals',
  'ipBlocks',
  'remoteIpBlocks',
  'roles',
];
const operationKeys: readonly string[] = ['hosts', 'ports', 'methods', 'paths'];

function testsOfCondition(
  place: string,
  condition: AuthorizationCondition,
  doubt: Doubt,
): readonly Test[] {
  knownOptions(place, condition, { key: true, values: true, notValues: true });
  const { key, values, notValues } = condition;
  for (const [name, list] of Object.entries({ values, notValues })) {
    if (list !== undefined && !(Array.isArray(list) && list.length > 0)) {
      throw new RangeError(`${place}.${name}: ${shown(list)} is not a list with an entry`);
    }
  }
  if (values === undefined && notValues === undefined) {
    throw new RangeError(`${place}: it has neither values nor notValues`);
  }
  const lists: Lists = { place, name: `when ${key}`, given: values, unwanted: notValues, doubt };
  if (key === 'source.ip') return addressTests(lists, (facts) => facts.address);
  if (key === 'remote.ip') return addressTests(lists, (facts) => facts.remoteAddress);
  if (key === 'request.auth.principal') {
    const compile = compilePrincipalPattern;
    return textTests(lists, (facts) => facts.requestPrincipal, { compile });
  }
  const read = attribute(key);
  if (read !== undefined) return textTests(lists, read);
  throw new RangeError(`${place}.key: ${shown(key)} is not one of ${conditionKeys}`);
}

const conditionKeys =
  'request.headers[NAME], request.auth.claims[NAME], request.auth.principal, request.auth.audiences, request.auth.presenter, source.ip, remote.ip, source.principal, source.namespace, source.serviceAccount, source.trustDomain, destination.port';

function attribute(key: string): ((facts: AuthorizationFacts) => Values) | undefined {
  switch (key) {
    case 'request.auth.audiences':
      return (facts) => facts.claim(['aud']);
    case 'request.auth.presenter':
      return (facts) => facts.claim(['azp']);
    case 'source.principal':
      return (facts) => facts.ofPeer('principal');
    case 'source.namespace':
      return (facts) => facts.ofPeer('namespace');
    case 'source.serviceAccount':
      return (facts) => facts.serviceAccount;
    case 'source.trustDomain':
      return (facts) => facts.ofPeer('trustDomain');
    case 'destination.port':
      return (facts) => facts.port;
  }
  const [, header] = /^request\.headers\[([^\]]+)\]$/.exec(key) ?? [];
  if (header !== undefined && isFieldName(header)) {
    const name = header.toLowerCase();
    return (facts) => {
      const value = facts.header(name);
      return value === undefined ? [] : [value];
    };
  }
  const [, path] = /^request\.auth\.claims((?:\[[^[\]]+\])+)$/.exec(key) ?? [];
  if (path === undefined) return undefined;
  const names = path.slice(1, -1).split('][');
  return (facts) => facts.claim(names);
}
