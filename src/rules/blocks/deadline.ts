/**
 * How much time the caller has left: the block `deadline`.
 *
 * @module
 */

import * as z from 'zod';
import type { DeadlineRule } from '../model.ts';
import { asList, block, choice, flag, oneOrMore } from '../shape.ts';
import { headerName } from './names.ts';
import { network } from './network.ts';

/** As written. */
export interface DeadlineBlock {
  readonly trusted_ips?: string | readonly string[];
  readonly header?: string;
  readonly forward?: boolean;
}

const deadlineBlock = block<DeadlineBlock>(
  { title: '`deadline`', hasDefaults: true },
  { trusted_ips: oneOrMore(network), header: headerName, forward: flag() },
);

/** The block, which may be empty, or `off`. */
export const deadline: z.ZodType<'off' | DeadlineBlock> = z.union([choice(['off']), deadlineBlock]);

/** Fills in the defaults. */
export function resolveDeadline(written: DeadlineBlock): DeadlineRule {
  const { trusted_ips: trusted, header = 'x-fetchmesh-timeout-ms', forward = true } = written;
  return {
    ...(trusted !== undefined && { trustedIps: asList(trusted) }),
    header: header.toLowerCase(),
    forward,
  };
}
