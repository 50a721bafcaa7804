/**
 * Checks of what a route does with its traffic, beyond the shape of each block.
 *
 * @module
 */

import { isBodiless } from '../core/bodiless.ts';
import type { RespondBlock } from './blocks/answers.ts';
import type { HeadersBlock } from './blocks/headers.ts';
import { retrySettings } from './blocks/retries.ts';
import type { PathEditBlock } from './blocks/rewrite.ts';
import type { RouteBlock } from './blocks/route.ts';
import type { Path } from './nodes.ts';
import type { Positions } from './positions.ts';
import { either, quote } from './quote.ts';
import { unsound } from './read.ts';
import type { Report } from './report.ts';
import type { ResolvedRoute } from './resolve.ts';
import { isSecretKey } from './secrets.ts';

/** What is of no use to a route that answers by itself. */
const towardsUpstream: readonly (keyof RouteBlock)[] = [
  'to',
  'sticky',
  'timeout',
  'deadline',
  'retries',
  'hedge',
  'fallback',
  'fault',
  'shed',
  'rate_limit',
  'mirror',
  'rewrite',
  ...(Object.keys(retrySettings) as (keyof RouteBlock)[]),
];

/** A route that answers by itself does so in one way, and does nothing else (FM082, FM083). */
export function checkEnds(
  { written, path }: ResolvedRoute,
  positions: Positions,
  report: Report,
): void {
  const { redirect, respond } = written;
  if (redirect === undefined && respond === undefined) return;
  if (redirect !== undefined && respond !== undefined) {
    report(positions.key([...path, 'respond']), {
      code: 'FM083',
      message: '`redirect` and `respond` exclude each other',
      label: 'both answer the request',
      help: 'leave one of the two out',
      related: [{ span: positions.key([...path, 'redirect']), label: 'the other one' }],
    });
  }
  const end = respond === undefined ? 'redirect' : 'respond';
  for (const key of towardsUpstream) {
    if (written[key] === undefined) continue;
    report(positions.key([...path, key]), {
      code: 'FM082',
      severity: 'warning',
      message: `${quote(key)} has no effect beside ${quote(end)}`,
      label: 'no request of this route reaches an upstream',
      help: `remove it, or ${quote(end)}`,
      related: [{ span: positions.key([...path, end]), label: 'answered here' }],
    });
  }
  if (respond !== undefined && respond !== unsound) {
    checkBody(respond, [...path, 'respond'], positions, report);
  }
}

/** A fixed answer can have the body that it has (FM016). */
export function checkBody(
  { status = 200, body = '' }: RespondBlock,
  path: Path,
  positions: Positions,
  report: Report,
): void {
  if (body === '' || !isBodiless(status)) return;
  report(positions.value([...path, 'body']), {
    code: 'FM016',
    message: `a response with status ${status} has no body`,
    help: 'leave `body` out, or write another status',
  });
}

/** A path is edited in one way, and a prefix takes the place of one (FM083, FM085). */
export function checkPathEdits(
  { written, path }: ResolvedRoute,
  positions: Positions,
  report: Report,
): void {
  for (const key of ['rewrite', 'redirect'] as const) {
    const edit: PathEditBlock | typeof unsound | undefined = written[key];
    if (edit === undefined || edit === unsound) continue;
    // The short form of a redirect has no keys.
    if (!positions.has([...path, key, Object.keys(edit)[0] ?? ''])) {
      if (Object.keys(edit).length > 0) continue;
      report(positions.key([...path, key]), {
        code: 'FM014',
        message: `${quote(key)} changes nothing`,
        help: 'write `path`, `prefix`, `regex` or `host`',
      });
      continue;
    }
    const [first, second] = (['path', 'prefix', 'regex'] as const).filter(
      (part) => edit[part] !== undefined,
    );
    if (first !== undefined && second !== undefined) {
      report(positions.key([...path, key, second]), {
        code: 'FM083',
        message: `${either([quote(first), quote(second)]).replace(' or ', ' and ')} exclude each other`,
        label: 'both say what becomes of the path',
        help: 'leave one of the two out',
        related: [{ span: positions.key([...path, key, first]), label: 'the other one' }],
      });
    }
    if (key === 'redirect' && Object.keys(edit).every((part) => part === 'status')) {
      report(positions.key([...path, key]), {
        code: 'FM014',
        message: '`redirect` leads nowhere else',
        help: 'write `scheme`, `host`, `port`, `path`, `prefix` or `regex`',
      });
    }
    if (edit.prefix !== undefined && written.path !== unsound && written.path.startsWith('~')) {
      report(positions.value([...path, key, 'prefix']), {
        code: 'FM085',
        message: 'the path of this route has no prefix to replace',
        label: 'it is a regular expression',
        help: 'write `regex: { match: …, to: … }`',
        related: [{ span: positions.value([...path, 'path']), label: 'the path' }],
      });
    }
  }
}

/** Headers that are set hold no secrets in plain text (FM072). */
export function checkHeaders(
  headers: HeadersBlock,
  path: Path,
  positions: Positions,
  report: Report,
): void {
  for (const direction of ['request', 'response'] as const) {
    for (const part of ['set', 'add'] as const) {
      for (const name of Object.keys(headers[direction]?.[part] ?? {})) {
        const at = [...path, direction, part, name];
        const written = positions.written(at) ?? '';
        if (!isSecretKey(name) || written === '' || written.includes('${')) continue;
        report(positions.value(at), {
          code: 'FM072',
          severity: 'warning',
          message: `the value of ${quote(name)} looks like a secret in plain text`,
          // biome-ignore lint/suspicious/noTemplateCurlyInString: shown as it is
          help: 'take it from the environment: ${NAME}',
        });
      }
    }
  }
}
