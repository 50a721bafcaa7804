import { breakerDefects } from './breakers.ts';
import type { Checkable } from './defect.ts';
import { triesDefects } from './tries.ts';

/** All defects of peers that have a check. */
export const defects: readonly Checkable[] = [...triesDefects, ...breakerDefects];
