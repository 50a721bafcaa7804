/**
 * Paths on which the gateway says how it is.
 *
 * @module
 */

import type * as z from 'zod';
import type { Health } from '../model.ts';
import { block } from '../shape.ts';
import { plainPath } from './path.ts';

/** As written. */
export interface HealthBlock {
  readonly path: string;
  readonly ready_path?: string;
}

/** Liveness, and readiness if it has a path of its own. */
export const health: z.ZodType<HealthBlock> = block<HealthBlock>(
  { title: '`health`', required: ['path'] },
  { path: plainPath, ready_path: plainPath },
);

/** The resolved form. */
export function resolveHealth({ path, ready_path: readyPath }: HealthBlock): Health {
  return { path, ...(readyPath !== undefined && { readyPath }) };
}
