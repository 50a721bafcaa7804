/**
 * What the parts that resolve and check a file share.
 *
 * @module
 */

import type { Path } from './nodes.ts';
import type { Positions } from './positions.ts';
import { type Sound, unsound } from './read.ts';
import type { Report } from './report.ts';
import type { SourceText } from './source.ts';

/** What stands around a rules file. */
export interface Surroundings {
  readonly mode: 'library' | 'gateway';
  /** The upstream of the command line. */
  readonly upstream: string | undefined;
  readonly source: SourceText;
  readonly positions: Positions;
  readonly report: Report;
}

/** A policy of a route, and where it is written: on the route, or under `defaults`. */
export interface Sourced<T> {
  readonly value: T;
  readonly path: Path;
}

/** A value that is there and sound, with its place. */
export function sourced<T>(value: Sound<T> | undefined, path: Path): Sourced<T> | undefined {
  return value === undefined || value === unsound ? undefined : { value, path };
}
