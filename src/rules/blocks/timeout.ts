/**
 * How long an exchange may take: `timeout`.
 *
 * @module
 */

import * as z from 'zod';
import { block, flag } from '../shape.ts';
import { duration } from './duration.ts';

/** As written, in milliseconds. */
export interface TimeoutBlock {
  readonly limit: number;
  readonly body?: boolean;
}

/** A duration until the headers are there, or the block. */
export const timeout: z.ZodType<number | TimeoutBlock> = z.union([
  duration(),
  block<TimeoutBlock>(
    { title: '`timeout`', required: ['limit'] },
    { limit: duration(), body: flag() },
  ),
]);

/** The limit, and whether the body has to be complete by then. */
export function resolveTimeout(written: number | TimeoutBlock): Required<TimeoutBlock> {
  return typeof written === 'number'
    ? { limit: written, body: false }
    : { body: false, ...written };
}
