/**
 * Whether the tries of a route and the waits between them fit into its timeout.
 *
 * @module
 */

import { formatDuration } from '../core/duration.ts';
import { backoffDelay } from '../policies/backoff.ts';
import type { Retries } from './model.ts';
import type { Path } from './nodes.ts';
import type { Positions } from './positions.ts';
import type { Problem, Report } from './report.ts';
import type { ResolvedRoute } from './resolve.ts';
import type { Sourced } from './surroundings.ts';

/** Checks the times of all routes. What comes from the defaults alone is said once. */
export function checkRetryTimes(
  routes: readonly ResolvedRoute[],
  positions: Positions,
  report: Report,
): void {
  const said = new Set<string>();
  for (const { timeout, retries } of routes) {
    if (retries === undefined) continue;
    for (const { problem, path } of problemsOf(retries, timeout, positions)) {
      const place = `${problem.code} ${path.join('.')}`;
      if (said.has(place)) continue;
      said.add(place);
      report(positions.value(path), problem);
    }
  }
}

interface Finding {
  readonly path: Path;
  readonly problem: Problem;
}

function problemsOf(
  retries: Sourced<Retries>,
  timeout: Sourced<number> | undefined,
  positions: Positions,
): readonly Finding[] {
  const { max, baseDelayMs, maxDelayMs, perTryMs } = retries.value;
  if (max === 0) return [];
  const at = (key: string): Path => settingPath(retries.path, key, positions);
  const findings: Finding[] = [];
  if (baseDelayMs > maxDelayMs) {
    findings.push({ path: at('max_delay'), problem: baseAboveMax(baseDelayMs, maxDelayMs) });
  }
  if (timeout === undefined || timeout.value === 0) return findings;

  // Where one of the two comes from the defaults, it is the route's own value that does not fit.
  const isOwn = retries.path[0] === 'routes' || timeout.path[0] === 'defaults';
  const place = (key: string): Path => (isOwn ? at(key) : timeout.path);
  const related = (key: string): Problem['related'] => [
    isOwn
      ? { span: positions.value(timeout.path), label: 'the timeout' }
      : { span: positions.value(at(key)), label: 'the retries' },
  ];
  const limit = formatDuration(timeout.value);
  const waitsMs = longestWaits(retries.value);
  if (perTryMs !== undefined && perTryMs >= timeout.value) {
    findings.push({
      path: place('per_try'),
      problem: {
        code: 'FM032',
        severity: 'warning',
        message: `a single try may take ${formatDuration(perTryMs)}, all of them together ${limit}`,
        label: 'no time is left for another try',
        help: 'shorten `per_try`, or lengthen `timeout`, which covers all tries',
        related: related('per_try'),
      },
    });
  } else if (waitsMs >= timeout.value) {
    findings.push({
      path: place('max'),
      problem: {
        code: 'FM033',
        severity: 'warning',
        message: `the waits between ${max + 1} tries can add up to ${formatDuration(waitsMs)}, the timeout is ${limit}`,
        label: 'some retries may never happen',
        help: 'shorten `base_delay` or `max_delay`, or lengthen `timeout`, which covers tries and waits',
        related: related('max'),
      },
    });
  } else if (perTryMs !== undefined && (max + 1) * perTryMs + waitsMs > timeout.value) {
    const total = formatDuration((max + 1) * perTryMs + waitsMs);
    findings.push({
      path: place('max'),
      problem: {
        code: 'FM033',
        severity: 'info',
        message: `${max + 1} tries of ${formatDuration(perTryMs)} and the waits between them can take ${total}, the timeout is ${limit}`,
        label: 'the last try is cut short in the worst case',
        help: `fine if that is meant; else write \`timeout: ${total}\`, or less of the others`,
        related: related('max'),
      },
    });
  }
  return findings;
}

function baseAboveMax(baseDelayMs: number, maxDelayMs: number): Problem {
  return {
    code: 'FM035',
    severity: 'warning',
    message: `\`base_delay\` is ${formatDuration(baseDelayMs)}, longer than \`max_delay\``,
    label: `every wait is cut to ${formatDuration(maxDelayMs)}`,
    help: 'lengthen `max_delay`, or shorten `base_delay`',
  };
}

/** Upper bound of all waits of one call, in milliseconds: jitter only shortens them. */
function longestWaits({ max, backoff, baseDelayMs, maxDelayMs }: Retries): number {
  const options = { shape: backoff, baseDelayMs, maxDelayMs, jitter: 'none' } as const;
  let sum = 0;
  for (let retry = 1; retry <= max; retry++) sum += backoffDelay(retry, options, () => 0);
  return sum;
}

/** Where a setting is written: in the block, beside the number, or else the retries as a whole. */
function settingPath(retries: Path, key: string, positions: Positions): Path {
  const inBlock = [...retries, key];
  if (positions.has(inBlock)) return inBlock;
  const beside = [...retries.slice(0, -1), key];
  return positions.has(beside) ? beside : retries;
}
