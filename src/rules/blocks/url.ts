/**
 * URLs of upstreams and collectors.
 *
 * @module
 */

import type * as z from 'zod';
import { type Complaint, Refusal, text } from '../shape.ts';
import { hasBlockedPort } from './blocked-ports.ts';

/** A URL to send requests to: origin and optional base path, without a slash at its end. */
export const upstreamUrl: z.ZodType<string> = text({
  expected: 'a URL',
  read(value) {
    const url = httpUrl(value);
    if (url instanceof Refusal) return url;
    if (url.search !== '' || url.hash !== '') {
      return bad(url.search === '' ? 'has a fragment' : 'has a query', 'it would be lost');
    }
    return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
  },
});

/** Where traces are sent; empty for nowhere, so that `${OTEL_EXPORTER_OTLP_ENDPOINT:-}` is an optional setting. */
export const collectorUrl: z.ZodType<string> = text({
  expected: 'a URL',
  read(value) {
    if (value === '') return '';
    const url = httpUrl(value);
    return url instanceof Refusal ? url : value;
  },
});

/** Reads an http or https URL that `fetch` takes: without credentials, which logs would keep too, or a blocked port. */
export function httpUrl(value: string): URL | Refusal {
  const url = URL.parse(value);
  const withScheme = /^[\w.-]+(:\d+)?(\/|$)/.test(value) ? `http://${value}` : undefined;
  if (url === null || (!/^https?:\/\//i.test(value) && withScheme !== undefined)) {
    if (withScheme === undefined || !URL.canParse(withScheme))
      return bad('is not a URL', 'a URL is such as http://10.0.0.5:8080 or https://api.example');
    return new Refusal((site) => ({
      code: 'FM023',
      message: `${site.value} has no scheme`,
      label: 'a URL begins with http:// or https://',
      ...(!site.isSecret && { help: 'put `http://` or `https://` in front' }),
    }));
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return bad('is neither http nor https', 'only these can be asked with `fetch`');
  }
  if (url.username !== '' || url.password !== '') {
    return bad('carries credentials', '`fetch` refuses such URLs, and logs would keep them');
  }
  if (hasBlockedPort(url)) {
    return bad(`has port ${url.port}`, 'the Fetch Standard blocks it: choose another port');
  }
  return url;
}

function bad(what: string, label: string): Refusal {
  const complaint: Complaint = ({ value }) => ({
    code: 'FM023',
    message: `${value} ${what}`,
    label,
  });
  return new Refusal(complaint);
}
