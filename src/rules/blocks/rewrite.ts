/**
 * Changing the path and the host that an upstream sees.
 *
 * @module
 */

import type * as z from 'zod';
import type { PathEdit } from '../../routing/path-edit.ts';
import { isHost } from '../../routing/rewrite.ts';
import { checkRegularExpression } from '../regular-expression.ts';
import { block, Refusal, type Shape, text } from '../shape.ts';
import { expressionProblem, plainPath } from './path.ts';

/** What a path becomes, as written. */
export interface PathEditBlock {
  readonly path?: string;
  /** Takes the place of what the route's path fixes. */
  readonly prefix?: string;
  readonly regex?: { readonly match: string; readonly to: string };
}

/** As written. */
export interface RewriteBlock extends PathEditBlock {
  readonly host?: string;
}

const expression: z.ZodType<string> = text({
  expected: 'a regular expression',
  read(value) {
    const fault = checkRegularExpression(value);
    return fault === undefined ? value : new Refusal((site) => expressionProblem(fault, site));
  },
});

const regex = block<NonNullable<PathEditBlock['regex']>>(
  { title: '`regex`', required: ['match', 'to'] },
  { match: expression, to: text({ expected: 'text', read: (value) => value }) },
);

/** The ways to edit a path, of which one can be chosen. */
export const pathEdits: Shape<PathEditBlock> = { path: plainPath, prefix: plainPath, regex };

/** Edits of path and host. */
export const rewrite: z.ZodType<RewriteBlock> = block<RewriteBlock>(
  { title: '`rewrite`' },
  {
    ...pathEdits,
    host: text({
      expected: 'a host',
      read: (value) =>
        isHost(value)
          ? value
          : new Refusal((site) => ({
              code: 'FM018',
              message: `${site.value} is not a host`,
              label: 'a name, or a name and a port, without scheme and path',
            })),
    }),
  },
);

/** Says what a prefix takes the place of: the route's path, up to its `**`. */
export function resolvePathEdit(
  { path, prefix, regex }: PathEditBlock,
  routePath: string,
): PathEdit {
  return {
    ...(path !== undefined && { path }),
    ...(prefix !== undefined && {
      prefix: { from: routePath.replace(/\/\*\*$/, '') || '/', to: prefix },
    }),
    ...(regex !== undefined && { regex }),
  };
}
