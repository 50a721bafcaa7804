/**
 * What a service is trusted by and shown, where it is reached over https: the block `tls` of a service.
 *
 * @module
 */

import type * as z from 'zod';
import type { UpstreamTls } from '../model.ts';
import { block, textLike } from '../shape.ts';
import { pemFile } from './names.ts';

/** As written. */
export interface UpstreamTlsBlock {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly server_name?: string;
}

/** Files in PEM, counted from the directory of the rules. */
export const upstreamTls: z.ZodType<UpstreamTlsBlock> = block<UpstreamTlsBlock>(
  { title: '`tls` of a service' },
  {
    ca: pemFile,
    cert: pemFile,
    key: pemFile,
    server_name: textLike(
      'a host name',
      /^(?!-)[a-z\d-]{1,63}(?:\.[a-z\d-]{1,63})*$/i,
      'letters, digits and hyphens between dots, such as shop.internal',
    ),
  },
);

/** The resolved form. */
export function resolveUpstreamTls({ ca, cert, key, server_name }: UpstreamTlsBlock): UpstreamTls {
  return {
    ...(ca !== undefined && { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(server_name !== undefined && { serverName: server_name }),
  };
}
