/**
 * Whom a route lets in and keeps out, in a few words.
 *
 * @module
 */

import type { AllowRule } from '../model.ts';
import { either } from '../quote.ts';
import { isSecretKey } from '../secrets.ts';

type Source = NonNullable<AllowRule['from']>[number];
type Operation = NonNullable<AllowRule['to']>[number];
type Condition = NonNullable<AllowRule['when']>[number];

/**
 * Such as `claim scope has users.read`; entries of which one has to fit are joined by `or`, what an entry asks for by `and`.
 *
 * @param trial Entries that are only tried out.
 */
export function accessText(
  rules: readonly AllowRule[] | undefined,
  trial?: readonly AllowRule[] | undefined,
): string | undefined {
  const inForce = rules && entriesText(rules);
  const tried = trial && `only tried out: ${entriesText(trial)}`;
  return [inForce, tried].filter(Boolean).join('; ') || undefined;
}

function entriesText(rules: readonly AllowRule[]): string {
  return rules.map(entryText).join(', or ');
}

function entryText({ from = [], to = [], when = [] }: AllowRule): string {
  const parts = [...from.flatMap(sourceParts), ...to.flatMap(operationParts), ...when.map(wish)];
  return parts.join(' and ') || 'everybody';
}

function sourceParts(source: Source): string[] {
  return [
    ...pair('role', source.roles, source.notRoles),
    ...pair('principal', source.principals, source.notPrincipals),
    ...pair('namespace', source.namespaces, source.notNamespaces),
    ...pair('ip', source.ipBlocks, source.notIpBlocks),
    ...pair('client ip', source.remoteIpBlocks, source.notRemoteIpBlocks),
  ];
}

function operationParts(operation: Operation): string[] {
  return [
    ...pair('method', operation.methods, operation.notMethods),
    ...pair('port', operation.ports, operation.notPorts),
  ];
}

function pair(
  word: string,
  values: readonly (string | number)[] | undefined,
  notValues: readonly (string | number)[] | undefined,
): string[] {
  return [
    ...(values ? [`${word} ${either(values.map(String))}`] : []),
    ...(notValues ? [`${word} not ${either(notValues.map(String))}`] : []),
  ];
}

/** Claims may hold several values, of which one has to be it. */
function wish({ key, values, notValues }: Condition): string {
  const [, kind = '', name = key] = /^request\.(auth\.claims|headers)\[(.*)\]$/s.exec(key) ?? [];
  const isClaim = kind === 'auth.claims';
  const word = isClaim ? 'claim' : 'header';
  if ((values ?? notValues)?.join() === '*') {
    return `${word} ${name} ${values === undefined ? 'absent' : 'present'}`;
  }
  const wanted = isSecretKey(name) ? '***' : either(values ?? notValues ?? []);
  const verb = `${isClaim ? 'has' : 'is'}${values === undefined ? ' not' : ''}`;
  return `${word} ${name} ${verb} ${wanted}`;
}
