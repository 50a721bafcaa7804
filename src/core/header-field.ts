/**
 * What a header can be called, and what it can hold.
 *
 * @module
 */

import { shown } from './option.ts';

/** RFC 9110 §5.1, and no longer than anybody writes. */
const nameGrammar = /^[!#$%&'*+.^_`|~\w-]{1,256}$/;

/** What a header can hold without being changed on its way (RFC 9110 §5.5), by bytes. */
const valueGrammar = /^(?:[\x21-\x7e\x80-\xff](?:[\t\x20-\x7e\x80-\xff]*[\x21-\x7e\x80-\xff])?)?$/;

/** Whether a header can have this name; `Headers` throws when asked for another. */
export function isFieldName(name: string): boolean {
  return nameGrammar.test(name);
}

/** Whether a header can have this value: no control characters, no space at either end. */
export function isFieldValue(value: string): boolean {
  return valueGrammar.test(value);
}

/**
 * Checks the name of a header that a caller gave for an option.
 *
 * @returns The name, as it is written.
 * @throws {RangeError} names the option and the value.
 */
export function fieldNameOption(option: string, name: unknown): string {
  if (typeof name === 'string' && isFieldName(name)) return name;
  throw new RangeError(`${option}: ${shown(name)} is not the name of a header`);
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
    fieldNameOption(option, name);
    if (typeof value === 'string' && isFieldValue(value)) continue;
    throw new RangeError(
      `${option}: ${shown(value)} is not a value that the header ${name} can have`,
    );
  }
}
