/**
 * Edits of headers: what Istio's `Headers` message can say of one direction.
 *
 * @module
 */

import type { Context } from './context.ts';
import { knownOptions, listOption, shown } from './option.ts';
import { appendHeader, removeHeader, setHeader } from './outgoing.ts';

/** Carried out in this order: `remove`, `set`, `add`. */
export interface HeaderEdits {
  /** Names of headers to take off. */
  readonly remove?: readonly string[];
  /** Replaces a header, or puts it there. */
  readonly set?: Readonly<Record<string, string>>;
  /** Adds a value to those that a header has. */
  readonly add?: Readonly<Record<string, string>>;
}

/** What a header can be called (RFC 9110 §5.1). */
const nameGrammar = /^[!#$%&'*+.^_`|~\w-]{1,256}$/;

/** What a header can hold without being changed on its way (RFC 9110 §5.5), by bytes. */
const valueGrammar = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;

/** Whether a header can have this name. */
export function isFieldName(name: string): boolean {
  return nameGrammar.test(name);
}

/** Whether a header can have this value: no control characters, no space at either end. */
export function isFieldValue(value: string): boolean {
  return valueGrammar.test(value);
}

/**
 * Checks edits that a caller gave for an option.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 */
export function headerEditsOption(option: string, edits: HeaderEdits): HeaderEdits {
  knownOptions(option, edits, { remove: true, set: true, add: true });
  const { remove = [], set = {}, add = {} } = edits;
  listOption(`${option}.remove`, remove);
  for (const name of remove) checkName(`${option}.remove`, name);
  fieldsOption(`${option}.set`, set);
  fieldsOption(`${option}.add`, add);
  return edits;
}

/**
 * Checks headers that a caller gave for an option.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 */
export function fieldsOption(option: string, fields: Readonly<Record<string, string>>): void {
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    throw new RangeError(`${option}: ${shown(fields)} is not an object of headers`);
  }
  for (const [name, value] of Object.entries(fields)) {
    checkName(option, name);
    if (typeof value === 'string' && isFieldValue(value)) continue;
    throw new RangeError(
      `${option}: ${shown(value)} is not a value that the header ${name} can have`,
    );
  }
}

function checkName(option: string, name: unknown): void {
  if (typeof name === 'string' && isFieldName(name)) return;
  throw new RangeError(`${option}: ${shown(name)} is not the name of a header`);
}

/** Edits the headers of a response, or of a request that is being made. */
export function editHeaders(
  headers: Headers,
  { remove = [], set = {}, add = {} }: HeaderEdits,
): void {
  for (const name of remove) headers.delete(name);
  for (const [name, value] of Object.entries(set)) headers.set(name, value);
  for (const [name, value] of Object.entries(add)) headers.append(name, value);
}

/** Edits the headers of the outgoing request; see `setHeader`. */
export function editOutgoing(
  context: Context,
  { remove = [], set = {}, add = {} }: HeaderEdits,
): Context {
  let edited = context;
  for (const name of remove) edited = removeHeader(edited, name);
  for (const [name, value] of Object.entries(set)) edited = setHeader(edited, name, value);
  for (const [name, value] of Object.entries(add)) edited = appendHeader(edited, name, value);
  return edited;
}
