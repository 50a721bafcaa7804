/**
 * Looking at the shape of data, member by member.
 *
 * @module
 */

import { InvalidRulesError } from './source.ts';

/** Accepts a value or throws; `path` is where it stands. */
export type Check = (value: unknown, path: string) => void;

function refuse(path: string, value: unknown, wanted: string): never {
  const what = value === undefined ? 'is missing' : `is ${shown(value)}, not ${wanted}`;
  throw new InvalidRulesError(`${path === '' ? 'the whole' : path.slice(1)} ${what}`);
}

/** Never the whole of it: it may be megabytes, or nested as deep as one likes. */
function shown(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'a list';
  if (typeof value === 'object' && value !== null) {
    return Object.keys(value).length === 0 ? '{}' : 'a map';
  }
  return JSON.stringify(typeof value === 'string' ? value.slice(0, 60) : value);
}

export function value(wanted: string, fits: (value: unknown) => boolean): Check {
  return (value, path) => {
    if (!fits(value)) refuse(path, value, wanted);
  };
}

export function text(value: unknown, path: string): void {
  if (typeof value !== 'string') refuse(path, value, 'a text');
}

export function url(value: unknown, path: string): void {
  const protocol = typeof value === 'string' ? URL.parse(value)?.protocol : undefined;
  if (protocol !== 'http:' && protocol !== 'https:') refuse(path, value, 'an http or https URL');
}

export function flag(value: unknown, path: string): void {
  if (typeof value !== 'boolean') refuse(path, value, 'true or false');
}

export function number(least: number, most: number): Check {
  const wanted = most === Number.MAX_VALUE ? `${least} or more` : `from ${least} to ${most}`;
  return value(
    `a number, ${wanted}`,
    (value) => typeof value === 'number' && value >= least && value <= most,
  );
}

export function oneOf(...values: readonly unknown[]): Check {
  return value(`one of ${values.join(', ')}`, (value) => values.includes(value));
}

export function list(item: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) refuse(path, value, 'a list');
    for (const [index, entry] of value.entries()) item(entry, `${path}[${index}]`);
  };
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function texts(value: unknown, path: string): void {
  if (!isMap(value)) refuse(path, value, 'a map');
  for (const [name, entry] of Object.entries(value)) text(entry, `${path}.${name}`);
}

/** A check for each member of a block, so that none is forgotten. A name that ends with `?` may be missing. */
export type Members<T> = {
  readonly [Name in keyof T & string as object extends Pick<T, Name> ? `${Name}?` : Name]-?: Check;
};

export function block<T>(members: Members<T>): Check {
  const checks = Object.entries<Check>(members).map(([name, check]) => ({
    name: name.replace('?', ''),
    isOptional: name.endsWith('?'),
    check,
  }));
  const known = new Set(checks.map(({ name }) => name));
  return (value, path) => {
    if (!isMap(value)) refuse(path, value, 'a map');
    for (const name of Object.keys(value)) {
      if (known.has(name)) continue;
      const place = `${path}.${name}`.slice(1);
      throw new InvalidRulesError(`${place} is unknown to this version of fetchmesh`);
    }
    for (const { name, isOptional, check } of checks) {
      if (!isOptional || value[name] !== undefined) check(value[name], `${path}.${name}`);
    }
  };
}
