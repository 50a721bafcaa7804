/**
 * Edits of headers: what Istio's `Headers` message can say of one direction.
 *
 * @module
 */

import type { Context } from './context.ts';
import { fieldNameOption, fieldsOption } from './header-field.ts';
import { knownOptions, listOption } from './option.ts';
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

/**
 * Checks edits that a caller gave for an option.
 *
 * @throws {RangeError} names the option, the value and what is allowed.
 */
export function headerEditsOption(option: string, edits: HeaderEdits): HeaderEdits {
  knownOptions(option, edits, { remove: true, set: true, add: true });
  const { remove = [], set = {}, add = {} } = edits;
  listOption(`${option}.remove`, remove);
  for (const name of remove) fieldNameOption(`${option}.remove`, name);
  fieldsOption(`${option}.set`, set);
  fieldsOption(`${option}.add`, add);
  return edits;
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
