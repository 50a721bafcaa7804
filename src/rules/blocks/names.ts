/**
 * Names that people give to services, versions and routes, and texts in the grammars of HTTP.
 *
 * @module
 */

import type * as z from 'zod';
import { isIpBits, keyKinds } from '../../routing/key-expression.ts';
import { Refusal, text, textLike } from '../shape.ts';
import { suggest } from '../suggest.ts';

const nameGrammar = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/;
const nameHelp = 'at most 63 letters, digits, `.`, `_` and `-`, a letter or digit first';

/**
 * The name of a service. Not a number: objects list such keys first, and the order of a split would not be that of the
 * file.
 */
export const serviceName: z.ZodType<string> = textLike(
  'a service name',
  /^(?!\d+$)[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$/,
  `${nameHelp}, not digits alone`,
);

/** The name of a version of a service. */
export const versionName: z.ZodType<string> = textLike('a version name', nameGrammar, nameHelp);

/** The name of a route. */
export const routeName: z.ZodType<string> = textLike('a route name', nameGrammar, nameHelp);

/** What a version stands for, such as `canary`. */
export const environmentName: z.ZodType<string> = textLike(
  'the name of an environment',
  nameGrammar,
  nameHelp,
);

/** The name of a binding of Workers. */
export const bindingName: z.ZodType<string> = textLike(
  'the name of a binding',
  /^[A-Za-z_$][\w$]{0,127}$/,
  'a binding is a property of `env`, such as PAYMENT',
);

/** The name of an environment variable. */
export const variableName: z.ZodType<string> = textLike(
  'the name of an environment variable',
  /^[A-Za-z_][A-Za-z0-9_]{0,127}$/,
  'letters, digits and `_`, no digit first, such as REDIS_URL',
);

/** The path of a file in PEM, counted from the directory of the rules. */
export const pemFile: z.ZodType<string> = textLike('the path of a file in PEM', /^[^\n]{1,4096}$/);

const tokenHelp = 'letters, digits and signs such as `-` and `_`, without spaces';
const token = /^[!#$%&'*+.^_`|~\w-]{1,256}$/;

/** The name of a header, in any case. */
export const headerName: z.ZodType<string> = textLike('a header name', token, tokenHelp);

/** The name of a cookie. */
export const cookieName: z.ZodType<string> = textLike('a cookie name', token, tokenHelp);

/** A key of the baggage header (W3C Baggage: a token). */
export const baggageKey: z.ZodType<string> = textLike('a baggage key', token, tokenHelp);

/** The name of a claim of a token; dots lead into objects. */
export const claimName: z.ZodType<string> = textLike(
  'the name of a claim',
  /^[^[\]\s]{1,256}$/,
  'without brackets and spaces',
);

/** The name of a query parameter: anything, as it is after decoding. */
export const parameterName: z.ZodType<string> = textLike('a parameter name', /^.{1,256}$/s);

const commonMethods: readonly string[] = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'QUERY',
];

/** An HTTP method. Methods are case-sensitive (RFC 9110 §9.1), and all that are in use are written in capitals. */
export const method: z.ZodType<string> = text({
  expected: 'an HTTP method',
  read(value) {
    if (/^[A-Z][A-Z-]{0,31}$/.test(value) && value !== 'CONNECT') {
      const meant = commonMethods.includes(value) ? undefined : suggest(value, commonMethods);
      // A method of one's own is fine; one letter off a common one is a slip.
      if (meant === undefined || meant.length !== value.length) return value;
    }
    const meant = suggest(value, commonMethods);
    return new Refusal((site) => ({
      code: 'FM017',
      message: `${site.value} is not an HTTP method`,
      ...(meant === undefined
        ? { label: methodHint(value) }
        : { label: `did you mean \`${meant}\`?`, fix: meant }),
    }));
  },
});

function methodHint(value: string): string {
  return value === 'CONNECT'
    ? 'no gateway can send this one on'
    : 'capital letters and hyphens, such as GET or PROPFIND';
}

const keyWords: readonly string[] = ['ip', 'route', 'global'];
const keySources: readonly string[] = ['header', 'cookie', 'query', 'baggage', 'jwt'];

/** What tells callers apart: `ip`, `cookie:sid`, `header:x-user-id` … */
export const keyExpression: z.ZodType<string> = text({
  expected: 'a key expression such as cookie:sid',
  read(value) {
    if (keyWords.includes(value)) return value;
    if (value.startsWith('ip/')) {
      if (isIpBits(value.slice(3))) return value;
      return new Refusal((site) => ({
        code: 'FM016',
        message: `${site.value} counts no network of IPv6`,
        label: 'from ip/32 to ip/128; ip alone is ip/64',
      }));
    }
    const [, source = '', name] = /^([^:]*):?(.*)$/s.exec(value) ?? [];
    if (keySources.includes(source) && name !== undefined && token.test(name)) {
      return value;
    }
    const meant = suggest(source, [...keyWords, ...keySources]);
    const correct = meant === undefined || keyWords.includes(meant) ? meant : `${meant}:${name}`;
    const isName = meant === correct || (name !== undefined && token.test(name));
    return new Refusal((site) => ({
      code: 'FM017',
      message: `${site.value} is not a key expression`,
      label: correct === value || !isName ? 'a name is missing' : `expected one of ${keyKinds}`,
      ...(correct !== undefined && isName && { help: `did you mean \`${correct}\`?` }),
    }));
  },
});

/** The sources of {@link keyExpression} that do not differ between callers. */
export const sameForAll: readonly string[] = ['route', 'global'];
