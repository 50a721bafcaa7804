/**
 * Where copies of the traffic go.
 *
 * @module
 */

import * as z from 'zod';
import { block, choice, list, numberLike } from '../shape.ts';
import { duration, percentage } from './duration.ts';
import { type HeaderEditsBlock, headerEdits } from './headers.ts';
import { size } from './size.ts';
import { destination } from './split.ts';

/** As written; durations in milliseconds, percentages as shares of 1. */
export interface MirrorBlock {
  readonly to: string;
  readonly percent?: number;
  readonly credentials?: 'include' | 'omit';
  readonly headers?: HeaderEditsBlock;
  readonly timeout?: number;
  readonly max_replay_bytes?: number;
  readonly max_active?: number;
}

/** As written: a destination, `off`, the long form, or several of it. */
export type MirrorWritten = string | MirrorBlock | readonly MirrorBlock[];

const mirrorBlock: z.ZodType<MirrorBlock> = block<MirrorBlock>(
  { title: '`mirror`', required: ['to'] },
  {
    to: destination,
    percent: percentage(),
    credentials: choice(['include', 'omit']),
    headers: headerEdits,
    timeout: duration({ mayBeZero: false }),
    max_replay_bytes: size(),
    max_active: numberLike('a whole number from 1 to 100000', () =>
      z.number().int().min(1).max(100_000),
    ),
  },
);

/** Copies, or `off` where `defaults` has some. */
export const mirror: z.ZodType<MirrorWritten> = z.union([
  destination,
  mirrorBlock,
  list(mirrorBlock),
]);
