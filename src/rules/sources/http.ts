/**
 * Rules behind a URL.
 *
 * @module
 */

import { parseCompiledRulesGradually } from './compiled.ts';
import {
  InvalidRulesError,
  type Publication,
  type ReadCompiledRules,
  type RulesSource,
} from './source.ts';

/** Settings of {@link httpRules}. */
export interface HttpRulesOptions {
  /** Sent with each question, such as `authorization`. Default: none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** A longer answer is not read, in bytes after decompression. Default: 10000000. */
  readonly maxBytes?: number;
  /** Default: the platform's own. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
  /** Where a runtime has threads, reads on another one, say. Default: reads in slices of a few milliseconds. */
  readonly read?: ReadCompiledRules;
}

/** What was there at the last look. */
interface Known {
  readonly revision: number;
  readonly text: string;
  readonly etag: string | null;
}

/**
 * Rules behind an http or https URL: JSON as `fetchmesh build` writes it. Asks with `If-None-Match` (RFC 9110, section
 * 13.1.2), so that rules that have not changed are not sent again; where the server knows no `ETag`, the content decides.
 * A new content is a new revision; revisions count from 1 in each process.
 *
 * Redirects are not followed: rules come from where they were asked for. 404 and 410 mean that none are published.
 *
 * @throws {RangeError} for what is no http or https URL, or carries credentials.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('routes: [{ path: /**, timeout: 3s }]');
 * const source = httpRules('https://config.example/rules.json', {
 *   fetch: async () => Response.json(rules, { headers: { etag: '"1"' } }),
 * });
 * (await source.latest(AbortSignal.timeout(1_000)))?.revision; // 1
 * ```
 */
export function httpRules(url: string, options: HttpRulesOptions = {}): RulesSource {
  const {
    headers = {},
    maxBytes = 10_000_000,
    fetch: send = (...args) => fetch(...args),
    read = parseCompiledRulesGradually,
  } = options;
  const target = URL.parse(url);
  if (target === null || !/^https?:$/.test(target.protocol)) {
    throw new RangeError('httpRules: not an http or https URL');
  }
  if (target.username !== '' || target.password !== '') {
    throw new RangeError('httpRules: credentials belong into `headers`, not into the URL');
  }
  target.hash = '';
  let known: Known | undefined;

  function publication({ revision, text }: Known): Publication {
    return { revision, read: () => read(text) };
  }

  return {
    // A query may hold a secret.
    name: `${target.origin}${target.pathname}`,
    async latest(signal) {
      const before = known;
      const response = await send(target.href, {
        headers: {
          accept: 'application/json',
          ...headers,
          ...(before?.etag && { 'if-none-match': before.etag }),
        },
        redirect: 'manual',
        signal,
      });
      if (response.status !== 200) {
        await response.body?.cancel();
        if (response.status === 304 && before !== undefined) return publication(before);
        if (response.status === 404 || response.status === 410) return undefined;
        const isRedirect = response.status >= 300 && response.status < 400;
        throw new Error(
          `the answer is ${response.status}${isRedirect ? '; redirects are not followed' : ''}`,
        );
      }
      const text = await boundedText(response, maxBytes);
      const etag = response.headers.get('etag');
      // A later look may have been faster.
      if (known !== before && known !== undefined) return publication(known);
      const revision = (before?.revision ?? 0) + (before?.text === text ? 0 : 1);
      known = { revision, text, etag };
      return publication(known);
    },
  };
}

async function boundedText(response: Response, maxBytes: number): Promise<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });
  function decoded(bytes?: Uint8Array): string {
    try {
      return bytes === undefined ? decoder.decode() : decoder.decode(bytes, { stream: true });
    } catch {
      throw new InvalidRulesError('the answer is not UTF-8');
    }
  }
  const reader = response.body?.getReader();
  let length = 0;
  let text = '';
  try {
    for (;;) {
      const read = await reader?.read();
      if (read === undefined || read.done) return text + decoded();
      length += read.value.length;
      if (length > maxBytes) {
        throw new InvalidRulesError(`the answer has more than ${maxBytes} bytes`);
      }
      text += decoded(read.value);
    }
  } catch (error) {
    // Nothing of it is wanted any more.
    reader?.cancel().catch(() => {});
    throw error;
  }
}
