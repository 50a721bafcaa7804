/**
 * The certificates that `serve` shows and takes: the block `tls` of the file.
 *
 * @module
 */

import type * as z from 'zod';
import type { Tls } from '../model.ts';
import { block, choice } from '../shape.ts';
import { pemFile } from './names.ts';

/** As written. */
export interface TlsBlock {
  readonly cert: string;
  readonly key: string;
  readonly client_ca?: string;
  readonly client_cert?: 'required' | 'optional';
}

/** Files in PEM, counted from the directory of the rules. */
export const tls: z.ZodType<TlsBlock> = block<TlsBlock>(
  { title: '`tls`', required: ['cert', 'key'] },
  {
    cert: pemFile,
    key: pemFile,
    client_ca: pemFile,
    client_cert: choice(['required', 'optional']),
  },
);

/** The resolved form. */
export function resolveTls({ cert, key, client_ca, client_cert = 'required' }: TlsBlock): Tls {
  return {
    cert,
    key,
    ...(client_ca !== undefined && { clientCa: client_ca }),
    clientCert: client_cert,
  };
}
