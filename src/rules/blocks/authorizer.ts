/**
 * Who else is asked whether a request may go on: the block `authorizer`.
 *
 * @module
 */

import * as z from 'zod';
import { block, choice, oneOrMore } from '../shape.ts';
import { duration } from './duration.ts';
import { headerName } from './names.ts';
import { plainPath } from './path.ts';
import { destination } from './split.ts';

/** As written; durations in milliseconds. */
export interface AuthorizerBlock {
  readonly to: string;
  readonly path?: string;
  readonly headers?: string | readonly string[];
  readonly forward?: string | readonly string[];
  readonly timeout?: number;
}

const authorizerBlock: z.ZodType<AuthorizerBlock> = block<AuthorizerBlock>(
  { title: '`authorizer`', required: ['to'] },
  {
    to: destination,
    path: plainPath,
    headers: oneOrMore(headerName),
    forward: oneOrMore(headerName),
    timeout: duration({ mayBeZero: false }),
  },
);

/** A service that decides, or `off` where `defaults` has one. */
export const authorizer: z.ZodType<'off' | AuthorizerBlock> = z.union([
  choice(['off']),
  authorizerBlock,
]);
