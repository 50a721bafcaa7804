/**
 * Rules of policies as tests.
 *
 * @module
 */

import { addressBlock, type ParsedAddress } from '../../core/address.ts';
import { isFieldName } from '../../core/header-edits.ts';
import type { AuthorizationFacts, Values } from './facts.ts';
import {
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

/** Something that an index can look rules up by. */
export type Subject = 'path' | 'host' | 'principal' | 'namespace' | 'requestPrincipal';

/** One list of a rule. */
interface Test {
  /** Such as `from.principals`, for decision records. */
  readonly name: string;
  /** Present where only requests with a fitting value can pass. */
  readonly index?: { readonly subject: Subject; readonly patterns: readonly Pattern[] };
  holds(facts: AuthorizationFacts): boolean;
}

/** A rule, compiled. */
export interface CompiledRule {
  /** Without a value that fits one of the patterns no request matches. Absent: any request may. */
  readonly index: Test['index'];
  matches(facts: AuthorizationFacts): boolean;
  /** The part of the rule that does not hold, such as `when request.auth.claims[role]`. */
  failed(facts: AuthorizationFacts): string | undefined;
}

/**
 * How rules judge what nobody could tell (the peer's identity without TLS, an address): against the request. So it does not
 * match a rule that allows, and does match one that denies.
 */
export type Doubt = 'matches' | 'does not match';

/** @throws {RangeError} names the place and what is allowed. */
export function compileRule(place: string, rule: AuthorizationRule, doubt: Doubt): CompiledRule {
  for (const [key, section] of Object.entries(rule)) {
    if (!['from', 'to', 'when'].includes(key)) {
      throw new RangeError(`${place}.${key}: a rule has from, to and when`);
    }
    if (section !== undefined && !(Array.isArray(section) && section.length > 0)) {
      throw new RangeError(
        `${place}.${key}: ${JSON.stringify(section)} is not a list with an entry`,
      );
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

/** One list, and the one that begins with `not`. */
interface Lists {
  readonly place: string;
  readonly name: string;
  readonly given: readonly unknown[] | undefined;
  readonly unwanted: readonly unknown[] | undefined;
  readonly doubt: Doubt;
}

function textTests(
  { place, name, given, unwanted, doubt }: Lists,
  read: (facts: AuthorizationFacts) => Values,
  settings: { compile?: (written: string) => Pattern | undefined; subject?: Subject } = {},
): readonly Test[] {
  const { compile = compilePattern, subject } = settings;
  const patternsOf = (list: readonly unknown[]): readonly Pattern[] =>
    list.map((written) => {
      const text = typeof written === 'number' ? String(written) : written;
      const pattern = typeof text === 'string' && text !== '' ? compile(text) : undefined;
      if (pattern !== undefined) return pattern;
      throw new RangeError(`${place}: ${JSON.stringify(written)} is nothing to compare with`);
    });
  const inDoubt = doubt === 'matches';
  const tests: Test[] = [];
  if (given !== undefined) {
    const patterns = patternsOf(given);
    tests.push({
      name,
      ...(subject !== undefined && { index: { subject, patterns } }),
      holds: (facts) => {
        const values = read(facts);
        return values === undefined ? inDoubt : someFit(patterns, values);
      },
    });
  }
  if (unwanted !== undefined) {
    const patterns = patternsOf(unwanted);
    tests.push({
      name: `${name}, not`,
      holds: (facts) => {
        const values = read(facts);
        return values === undefined ? inDoubt : !someFit(patterns, values);
      },
    });
  }
  return tests;
}

function someFit(patterns: readonly Pattern[], values: readonly string[]): boolean {
  for (const value of values) {
    for (const pattern of patterns) if (pattern.fits(value)) return true;
  }
  return false;
}

function addressTests(
  { place, name, given, unwanted, doubt }: Lists,
  read: (facts: AuthorizationFacts) => ParsedAddress | undefined,
): readonly Test[] {
  const test = (list: readonly unknown[], isWanted: boolean): Test => {
    const blocks = list.map((written) => {
      const block = typeof written === 'string' ? addressBlock(written) : undefined;
      if (block !== undefined) return block;
      throw new RangeError(
        `${place}: ${JSON.stringify(written)} is neither an address nor a network`,
      );
    });
    return {
      name: isWanted ? name : `${name}, not`,
      holds: (facts) => {
        const address = read(facts);
        if (address === undefined) return doubt === 'matches';
        return blocks.some((block) => block.holds(address)) === isWanted;
      },
    };
  };
  return [
    ...(given === undefined ? [] : [test(given, true)]),
    ...(unwanted === undefined ? [] : [test(unwanted, false)]),
  ];
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
  const host = (written: string): Pattern => compilePattern(written.toLowerCase());
  // A rule that denies a host means it however it is written; one that allows it, as it is written.
  const all = (facts: AuthorizationFacts): Values => facts.hosts;
  const asked = (facts: AuthorizationFacts): Values => [facts.authority];
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
      compile: host,
      subject: 'host',
    }),
    ...textTests({ ...hostLists, given: undefined }, isDenying ? asked : all, {
      compile: host,
    }),
    ...textTests({ ...methodLists, unwanted: undefined }, isDenying ? anyCase : method),
    ...textTests({ ...methodLists, given: undefined }, isDenying ? method : anyCase),
    ...textTests(lists('ports', 'notPorts'), ({ port }) => port),
  ];
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

/** A list of another name would be passed over, and with it what it was meant to keep out. */
function refuseUnknown(place: string, given: object, known: readonly string[]): void {
  for (const [key, list] of Object.entries(given)) {
    const wanted = /^not[A-Z]/.test(key) ? `${key[3]?.toLowerCase()}${key.slice(4)}` : key;
    if (!known.includes(wanted)) {
      throw new RangeError(
        `${place}.${key}: there is no such list; there are ${known.join(', ')}, each with not in front too`,
      );
    }
    if (list !== undefined && !(Array.isArray(list) && list.length > 0)) {
      throw new RangeError(`${place}.${key}: ${JSON.stringify(list)} is not a list with an entry`);
    }
  }
}

function testsOfCondition(
  place: string,
  { key, values, notValues }: AuthorizationCondition,
  doubt: Doubt,
): readonly Test[] {
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
  throw new RangeError(`${place}.key: ${JSON.stringify(key)} is not one of ${conditionKeys}`);
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
    return ({ request }) => {
      const value = request.headers.get(header);
      return value === null ? [] : [value];
    };
  }
  const [, path] = /^request\.auth\.claims((?:\[[^[\]]+\])+)$/.exec(key) ?? [];
  if (path === undefined) return undefined;
  const names = path.slice(1, -1).split('][');
  return (facts) => facts.claim(names);
}
