/**
 * What a route answers by itself: always (`respond`, `redirect`), or where its upstream failed (`fallback`).
 *
 * @module
 */

import * as z from 'zod';
import type { FallbackCondition } from '../../policies/fallback.ts';
import { type RedirectStatus, redirectStatuses } from '../../routing/redirect.ts';
import { isHost } from '../../routing/rewrite.ts';
import { block, choice, list, type Named, numberLike, Refusal, scalars, text } from '../shape.ts';
import { headerMap } from './headers.ts';
import { type PathEditBlock, pathEdits } from './rewrite.ts';
import { destination } from './split.ts';

/** As written. */
export interface RespondBlock {
  readonly status?: number;
  readonly body?: string;
  readonly headers?: Named<string>;
}

/** A fixed answer. */
export const respond: z.ZodType<RespondBlock> = block<RespondBlock>(
  { title: '`respond`' },
  {
    status: numberLike('a status from 200 to 599', () => z.number().int().min(200).max(599)),
    body: text({ expected: 'text', read: (value) => value }),
    headers: headerMap,
  },
);

/** As written. */
export interface FallbackBlock {
  readonly respond?: RespondBlock;
  readonly to?: string;
  readonly when?: readonly FallbackCondition[];
}

const failures = [
  '5xx',
  'connect',
  'reset',
  'timeout',
  'deadline_exceeded',
  'circuit_breaker_open',
  'bulkhead_full',
  'throttled',
  'shed',
  'rate_limited',
  'no_healthy_upstream',
  'store_unavailable',
  'fault_injected',
] as const satisfies readonly FallbackCondition[];

const failureStatus = numberLike('a status from 400 to 599', () =>
  z.number().int().min(400).max(599),
);

const fallbackBlock = block<FallbackBlock>(
  { title: '`fallback`' },
  { respond, to: destination, when: list(z.union([choice(failures), failureStatus])) },
);

/** A destination, `off` where `defaults` has one, or the long form. */
export const fallback: z.ZodType<string | FallbackBlock> = z.union([destination, fallbackBlock]);

/** As written. */
export interface RedirectBlock extends PathEditBlock {
  readonly scheme?: 'http' | 'https';
  readonly host?: string;
  readonly port?: number;
  readonly status?: RedirectStatus;
}

/** A path, or an absolute URL; what it does not say stays. */
const redirectTarget: z.ZodType<RedirectBlock> = text({
  expected: 'a path or a URL',
  read(value): RedirectBlock | Refusal {
    if (/^\/(?!\/)[^?#]*$/.test(value)) return { path: value };
    const [, path] = /^https?:\/\/[^/?#@\\\s]+(\/[^?#]*)?$/.exec(value) ?? [undefined, ''];
    const url = URL.parse(value);
    if (url === null || path === '') {
      return new Refusal((site) => ({
        code: 'FM023',
        message: `${site.value} is neither a path nor an http or https URL`,
        label: 'without credentials, query and fragment; the query of the request is kept',
      }));
    }
    return {
      scheme: url.protocol === 'https:' ? 'https' : 'http',
      host: url.hostname,
      ...(url.port !== '' && { port: Number(url.port) }),
      ...(path !== undefined && { path }),
    };
  },
});

/** A host without a port. */
const hostOnly: z.ZodType<string> = text({
  expected: 'a host',
  read: (value) =>
    isHost(value) && URL.parse(`http://${value}/`)?.port === '' && !/:\d+$/.test(value)
      ? value
      : new Refusal((site) => ({
          code: 'FM018',
          message: `${site.value} is not a host`,
          label: 'a name without scheme, port and path; there is a `port` of its own',
        })),
});

const redirectStatus: z.ZodType<RedirectStatus> = z.literal([...redirectStatuses]);
scalars.set(redirectStatus, {
  kind: 'number',
  expected: `one of ${redirectStatuses.join(', ')}`,
  code: 'FM015',
});

const redirectBlock = block<RedirectBlock>(
  { title: '`redirect`' },
  {
    scheme: choice(['http', 'https']),
    host: hostOnly,
    port: numberLike('a port from 1 to 65535', () => z.number().int().min(1).max(65_535)),
    status: redirectStatus,
    ...pathEdits,
  },
);

/** Where callers are sent. */
export const redirect: z.ZodType<RedirectBlock> = z.union([redirectTarget, redirectBlock]);
