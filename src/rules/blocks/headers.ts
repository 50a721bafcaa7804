/**
 * Edits of headers: Istio's `Headers` message, word for word.
 *
 * @module
 */

import * as z from 'zod';
import type { HeaderEdits } from '../../core/header-edits.ts';
import { isFieldValue } from '../../core/header-field.ts';
import { type HeadersOptions, isConnectionsOwn } from '../../security/headers.ts';
import { asList, block, choice, type Named, named, oneOrMore, Refusal, text } from '../shape.ts';
import { headerName } from './names.ts';

/** Edits of one direction, as written. */
export interface HeaderEditsBlock {
  readonly set?: Named<string>;
  readonly add?: Named<string>;
  readonly remove?: string | readonly string[];
}

/** As written. */
export interface HeadersBlock {
  readonly request?: HeaderEditsBlock;
  readonly response?: HeaderEditsBlock;
}

/** What a header can hold. */
export const headerValue: z.ZodType<string> = text({
  expected: 'text',
  read: (value) =>
    isFieldValue(value)
      ? value
      : new Refusal((site) => ({
          code: 'FM017',
          message: `${site.value} cannot be the value of a header`,
          label: 'control characters, a space at an end, or letters beyond Latin-1',
        })),
});

/** The name of a header that can be set. */
const settableName: z.ZodType<string> = text({
  expected: 'a header name',
  read(value) {
    const read = headerName.safeParse(value);
    if (!read.success) {
      return new Refusal((site) => ({
        code: 'FM017',
        message: `${site.value} is not a header name`,
        label: 'letters, digits and signs such as `-` and `_`, without spaces',
      }));
    }
    if (!isConnectionsOwn(value)) return value;
    return new Refusal((site) => ({
      code: 'FM084',
      message: `${site.value} cannot be set`,
      label: 'made for each connection anew',
      ...(value.toLowerCase() === 'host' && { help: 'write `rewrite: { host: NAME }`' }),
    }));
  },
});

/** Header names and values. */
export const headerMap: z.ZodType<Named<string>> = named(settableName, headerValue);

/** Edits of one direction. */
export const headerEdits: z.ZodType<HeaderEditsBlock> = block<HeaderEditsBlock>(
  { title: 'edits of headers' },
  { set: headerMap, add: headerMap, remove: oneOrMore(headerName) },
);

const headersBlock = block<HeadersBlock>(
  { title: '`headers`' },
  { request: headerEdits, response: headerEdits },
);

/** Edits, or `off` where `defaults` has some. */
export const headers: z.ZodType<'off' | HeadersBlock> = z.union([choice(['off']), headersBlock]);

/** Brings the parts to the form that the middleware takes. */
export function resolveHeaders({ request, response }: HeadersBlock): HeadersOptions {
  return {
    ...(request !== undefined && { request: resolveHeaderEdits(request) }),
    ...(response !== undefined && { response: resolveHeaderEdits(response) }),
  };
}

export function resolveHeaderEdits({ remove, set, add }: HeaderEditsBlock): HeaderEdits {
  return {
    ...(remove !== undefined && { remove: asList(remove) }),
    ...(set !== undefined && { set }),
    ...(add !== undefined && { add }),
  };
}
