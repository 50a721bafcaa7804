/**
 * Where the roles of callers stand: `roles` of the file.
 *
 * @module
 */

import type * as z from 'zod';
import type { RolesOptions } from '../../security/authorize/authorize.ts';
import { asList, block, oneOrMore } from '../shape.ts';
import { plainText } from './auth.ts';
import { claimName, headerName } from './names.ts';
import { network } from './network.ts';

/** As written. */
export interface RolesBlock {
  readonly claim?: string;
  readonly header?: string;
  readonly trusted_ips?: string | readonly string[];
  readonly trusted_principals?: string | readonly string[];
}

/** A claim of the token, or a header that trusted peers write. */
export const roles: z.ZodType<RolesBlock> = block<RolesBlock>(
  { title: '`roles`' },
  {
    claim: claimName,
    header: headerName,
    trusted_ips: oneOrMore(network),
    trusted_principals: oneOrMore(plainText),
  },
);

export function resolveRoles({
  claim,
  header,
  trusted_ips: ips,
  trusted_principals: principals,
}: RolesBlock): RolesOptions {
  return {
    ...(claim !== undefined && { claim }),
    ...(header !== undefined && {
      header: header.toLowerCase(),
      trusted: {
        ...(ips !== undefined && { ipBlocks: asList(ips) }),
        ...(principals !== undefined && { principals: asList(principals) }),
      },
    }),
  };
}
