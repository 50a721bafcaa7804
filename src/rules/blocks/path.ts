/**
 * Paths of routes.
 *
 * @module
 */

import type * as z from 'zod';
import { canonicalPath } from '../../core/canonical-path.ts';
import { PathPatternError, parsePathPattern } from '../../routing/path-pattern.ts';
import { printable } from '../quote.ts';
import { checkRegularExpression, type RegularExpressionFault } from '../regular-expression.ts';
import type { Problem } from '../report.ts';
import { Refusal, type Site, text } from '../shape.ts';

/** A path pattern; literal segments are brought to the form that request paths have. */
export const pathPattern: z.ZodType<string> = text({
  expected: 'a path',
  read(value) {
    if (value.startsWith('~')) {
      const fault = checkRegularExpression(value.slice(1));
      return fault === undefined ? value : new Refusal((site) => expressionProblem(fault, site));
    }
    if (!value.startsWith('/')) {
      const meant = /^[\w*:{]/.test(value) ? `"/${value}"` : undefined;
      return malformed('a path begins with `/`, a regular expression with `~`', meant);
    }
    try {
      parsePathPattern(value);
    } catch (error) {
      if (error instanceof PathPatternError) return malformed(error.message);
      throw error;
    }
    return canonicalPattern(value);
  },
});

/** A path of our own, on which something is served: without parameters. */
export const plainPath: z.ZodType<string> = text({
  expected: 'a path',
  read(value) {
    if (!value.startsWith('/')) return malformed('a path begins with `/`', `"/${value}"`);
    if (/[*?#{}]|\/:/.test(value)) return malformed('this is one path, not a pattern');
    return canonicalPattern(value);
  },
});

/** What is wrong with a regular expression, in words. */
export function expressionProblem({ kind, reason }: RegularExpressionFault, site: Site): Problem {
  return kind === 'syntax'
    ? {
        code: 'FM041',
        message: `the regular expression ${site.value} does not compile`,
        label: reason,
        help: 'it is one of JavaScript with the flag u; a backslash in double quotes is written twice',
      }
    : {
        code: 'FM042',
        message: `the regular expression ${site.value} may take very long`,
        label: reason,
        help: 'let each text fit in one way alone: ^/a+$ rather than ^/(a+)+$; or write several routes',
      };
}

/** Requests are matched by their canonical path: a pattern that is not in that form could never match. */
function canonicalPattern(pattern: string): string | Refusal {
  if (/\\|\/\/|\/(?:\.|%2e){1,2}(?:\/|$)/i.test(pattern)) {
    return malformed(
      'no request has such a path: `//`, `\\`, `/./` and `/../` are resolved before',
    );
  }
  const segments = pattern.split('/').map((segment) => {
    if (segment === '' || /^(?:\*{1,2}|:\w+|\{\w+\})$/.test(segment)) return segment;
    const encoded = URL.parse(`http://host/${segment}`)?.pathname;
    return encoded === undefined ? undefined : canonicalPath(encoded)?.slice(1);
  });
  if (segments.includes(undefined)) {
    return malformed(
      // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
      /[\u0000-\u001f\u007f]/.test(pattern)
        ? 'a control character stands in it, which no request can have there'
        : 'an escape is `%` and two hexadecimal digits',
    );
  }
  return segments.join('/');
}

function malformed(label: string, meant?: string): Refusal {
  return new Refusal(({ value }) => ({
    code: 'FM019',
    message: `${value} is not a path`,
    label: printable(label),
    ...(meant !== undefined && { help: `write ${meant}`, fix: meant }),
  }));
}
