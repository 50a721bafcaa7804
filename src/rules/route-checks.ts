/**
 * Checks of single routes beyond their shape.
 *
 * @module
 */

import { type MatchBlock, strayMatchSign } from './blocks/match.ts';
import { sameForAll } from './blocks/names.ts';
import type { Path } from './nodes.ts';
import type { Positions } from './positions.ts';
import { quote } from './quote.ts';
import { type Sound, unsound } from './read.ts';
import type { Report } from './report.ts';
import type { ResolvedRoute } from './resolve.ts';
import { isSecretKey } from './secrets.ts';
import { asList } from './shape.ts';

/** POST is not sent twice by accident (FM034). */
export function checkUnsafeMethods(
  routes: readonly ResolvedRoute[],
  positions: Positions,
  report: Report,
): void {
  const places: Path[] = [
    ['defaults', 'retries', 'unsafe_methods'],
    ['defaults', 'hedge', 'unsafe_methods'],
    ...routes.flatMap(({ path, written }) =>
      onlyIdempotent(written.methods)
        ? []
        : [
            [...path, 'unsafe_methods'],
            [...path, 'retries', 'unsafe_methods'],
            [...path, 'hedge', 'unsafe_methods'],
          ],
    ),
  ];
  for (const path of places) {
    if (!positions.has(path) || positions.written(path) !== 'always') continue;
    report(positions.value(path), {
      code: 'FM034',
      severity: 'warning',
      message: 'requests like POST are sent again even if the first one was carried out',
      label: 'an order may be placed twice',
      help: 'write idempotency_key to repeat only those that carry the header Idempotency-Key',
    });
  }
}

const unsafe: readonly string[] = ['POST', 'PATCH'];

function onlyIdempotent(methods: Sound<string | readonly string[]> | undefined): boolean {
  if (methods === undefined || methods === unsound) return false;
  return !asList(methods).some((method) => unsafe.includes(method));
}

/** A request is sent again for one reason only (FM080). */
export function checkHedge(
  { hedge, retries }: ResolvedRoute,
  positions: Positions,
  report: Report,
): void {
  if (hedge === undefined || retries === undefined || retries.value.max === 0) return;
  const isOwn = hedge.path[0] === 'routes';
  const [here, there] = isOwn ? [hedge, retries] : [retries, hedge];
  report(positions.key(here.path), {
    code: 'FM080',
    message: 'a route has both `hedge` and `retries`: the tries would multiply',
    label: isOwn ? 'the hedge' : 'the retries',
    help: isOwn ? 'write `retries: 0` beside it' : 'write `hedge: off` beside it',
    related: [{ span: positions.key(there.path), label: isOwn ? 'the retries' : 'the hedge' }],
  });
}

/** Stickiness changes something (FM036, FM037), and goes by what callers show (FM047). */
export function checkSticky(
  { written, path, to, traffic }: ResolvedRoute,
  positions: Positions,
  report: Report,
): void {
  const { sticky } = written;
  if (sticky === undefined || sticky === unsound || to === unsound) return;
  if (to.length <= 1) {
    report(positions.key([...path, 'sticky']), {
      code: 'FM036',
      severity: 'warning',
      message: '`sticky` has nothing to decide',
      label: 'the route has a single destination',
      help: 'remove it, or share the requests out: to: { users@v1: 90, users@v2: 10 }',
    });
  } else if (asList(sticky.by).every((key) => sameForAll.includes(key))) {
    report(positions.value([...path, 'sticky', 'by']), {
      code: 'FM037',
      severity: 'warning',
      message: 'all callers would get the same version',
      label: 'this is the same for everybody',
      help: 'name what tells callers apart, such as cookie:sid or ip',
    });
  } else if (traffic.cors?.credentials === false) {
    const cookie = asList(sticky.by).find((key) => key.startsWith('cookie:'));
    if (cookie === undefined) return;
    report(positions.value([...path, 'sticky', 'by']), {
      code: 'FM047',
      severity: 'info',
      message: `pages of other origins send no ${quote(cookie)}`,
      label: 'each of their requests would count as somebody new',
      help: 'write `credentials: true` under `cors`, or go by something else, such as ip',
    });
  }
}

/** What a route asks of a request means what it looks like (FM043, FM072). */
export function checkMatch(
  { written, path }: ResolvedRoute,
  positions: Positions,
  report: Report,
): void {
  const { match } = written;
  if (match === undefined || match === unsound) return;
  checkConditions(match, [...path, 'match'], positions, report);
}

/** Match strings mean what they look like (FM043), and are no secrets (FM072). */
export function checkConditions(
  match: MatchBlock | readonly MatchBlock[],
  path: Path,
  positions: Positions,
  report: Report,
): void {
  const isList = Array.isArray(match);
  for (const [index, entry] of asList<MatchBlock>(match).entries()) {
    for (const [source, conditions] of Object.entries(entry)) {
      for (const [name, wanted] of Object.entries(conditions as Record<string, string>)) {
        const at = [...path, ...(isList ? [index] : []), source, name];
        checkMatchString(name, wanted, at, positions, report);
      }
    }
  }
}

function checkMatchString(
  name: string,
  wanted: string,
  path: Path,
  positions: Positions,
  report: Report,
): void {
  const sign = strayMatchSign(wanted);
  if (sign !== undefined) {
    report(positions.value(path), {
      code: 'FM043',
      severity: 'warning',
      message: `\`${sign}\` stands for itself here`,
      label: 'a pattern is "v*", "*", "!*", "!v" or "~expression"',
      help: 'for anything else write a regular expression, such as "~json$"',
    });
  }
  const written = positions.written(path) ?? '';
  const isPattern = /^(?:!?\*|!?)$/.test(written) || written.startsWith('~');
  if (isSecretKey(name) && !isPattern && !written.includes('${')) {
    report(positions.value(path), {
      code: 'FM072',
      severity: 'warning',
      message: `the value of ${quote(name)} looks like a secret in plain text`,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: shown as it is
      help: 'take it from the environment: ${NAME}',
    });
  }
}
