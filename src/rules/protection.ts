/**
 * What protects the upstream of a route: breaker, throttle and bulkhead, on the route or from the defaults.
 *
 * @module
 */

import { formatDuration } from '../core/duration.ts';
import { type BreakerBlock, resolveBreaker } from './blocks/breaker.ts';
import { type BulkheadBlock, resolveBulkhead } from './blocks/bulkhead.ts';
import type { DefaultsBlock } from './blocks/route.ts';
import { resolveThrottle, type ThrottleBlock } from './blocks/throttle.ts';
import type { Route } from './model.ts';
import type { Path } from './nodes.ts';
import { quote } from './quote.ts';
import { type Draft, unsound } from './read.ts';
import type { Problem } from './report.ts';
import type { Surroundings } from './surroundings.ts';

/** The part of a route that this is about. */
export type Protection = Pick<Route, 'breaker' | 'throttle' | 'bulkhead'>;

/** The blocks of a route, each in place of that of the defaults; `off` switches the default's off. */
export function protectionOf(
  written: Draft<DefaultsBlock>,
  defaults: Draft<DefaultsBlock>,
): Protection {
  const breaker = chosen<BreakerBlock>(written.breaker, defaults.breaker);
  const throttle = chosen<ThrottleBlock>(written.throttle, defaults.throttle);
  const bulkhead = chosen<number | BulkheadBlock>(written.bulkhead, defaults.bulkhead);
  return {
    ...(breaker !== undefined && { breaker: resolveBreaker(breaker) }),
    ...(throttle !== undefined && { throttle: resolveThrottle(throttle) }),
    ...(bulkhead !== undefined && { bulkhead: resolveBulkhead(bulkhead) }),
  };
}

function chosen<T>(
  own: T | 'off' | typeof unsound | undefined,
  shared: T | 'off' | typeof unsound | undefined,
): T | undefined {
  const block = own === undefined ? shared : own;
  return block === unsound || block === 'off' ? undefined : (block as T | undefined);
}

/** What is well-formed and contradicts itself (FM090, FM091), on a route or under the defaults. */
export function checkProtection(
  written: Draft<DefaultsBlock>,
  path: Path,
  { positions, report }: Surroundings,
): void {
  const { breaker, throttle, bulkhead } = written;
  function complain(block: string, key: string, problem: Problem, related?: string): void {
    const at = (name: string): Path => [...path, block, name];
    report(positions.key(at(key)), {
      ...problem,
      ...(related !== undefined && {
        related: [{ span: positions.key(at(related)), label: 'the other one' }],
      }),
    });
  }
  if (typeof breaker === 'object') {
    for (const { key, problem, related } of breakerProblems(breaker)) {
      complain('breaker', key, problem, related);
    }
  }
  if (typeof throttle === 'object') {
    const { max_rejection: share } = throttle;
    if (share === 0 || share === 1) {
      complain('throttle', 'max_rejection', {
        code: 'FM016',
        message: '`max_rejection` must be more than 0% and less than 100%',
        label: share === 0 ? 'nothing would be held back' : 'nothing would ever find out more',
      });
    }
  }
  if (typeof bulkhead === 'object' && bulkhead.max_wait !== undefined && !bulkhead.queue) {
    complain('bulkhead', 'max_wait', {
      code: 'FM091',
      message: '`max_wait` without a queue',
      label: 'nobody waits',
      help: 'write `queue: 10` beside it',
    });
  }
}

interface Finding {
  readonly key: string;
  readonly problem: Problem;
  readonly related?: string;
}

const ofRates = [
  ...(['error_rate', 'slow_rate', 'min_requests', 'window', 'bucket', 'last_requests'] as const),
];

/** As `breaker` has it. */
const mostBuckets = 1_000;

function* breakerProblems(breaker: BreakerBlock): Generator<Finding> {
  const { failures, slow_rate, slow_after, min_requests = 20, last_requests } = breaker;
  const { window = 10_000, bucket } = breaker;
  const { error_rate, open_for = 5_000, max_open_for } = breaker;
  const beside = ofRates.find((key) => breaker[key] !== undefined);
  if (failures !== undefined && beside !== undefined) {
    yield {
      key: beside,
      problem: {
        code: 'FM090',
        message: `${quote(beside)} beside \`failures\``,
        label: 'a breaker counts failures in a row, or a rate',
        help: 'leave one of the two out',
      },
      related: 'failures',
    };
    return;
  }
  for (const [key, rate] of Object.entries({ error_rate, slow_rate })) {
    if (rate !== 0) continue;
    yield {
      key,
      problem: {
        code: 'FM016',
        message: `${quote(key)} must be more than 0%`,
        label: 'the breaker would open without a single failure',
      },
    };
  }
  if ((slow_rate === undefined) !== (slow_after === undefined)) {
    const [key, missing] =
      slow_rate === undefined ? ['slow_after', 'slow_rate'] : ['slow_rate', 'slow_after'];
    yield {
      key,
      problem: {
        code: 'FM090',
        message: `${quote(key)} without ${quote(missing)}`,
        label: 'a rate of slow calls needs to know what is slow',
        help: `write ${quote(missing)} beside it`,
      },
    };
  }
  const overTime = (['window', 'bucket'] as const).find((key) => breaker[key] !== undefined);
  if (last_requests !== undefined && overTime !== undefined) {
    yield {
      key: overTime,
      problem: {
        code: 'FM090',
        message: `${quote(overTime)} beside \`last_requests\``,
        label: 'a breaker looks back over time, or over calls',
        help: 'leave one of the two out',
      },
      related: 'last_requests',
    };
  }
  if (bucket !== undefined && last_requests === undefined) {
    const isTooLong = bucket > window;
    if (isTooLong || Math.ceil(window / bucket) > mostBuckets) {
      yield {
        key: 'bucket',
        problem: {
          code: 'FM090',
          message: isTooLong
            ? `\`bucket\` is longer than \`window\`, ${formatDuration(window)}`
            : `\`bucket\` makes more than ${mostBuckets} of the window, ${formatDuration(window)}`,
          label: 'calls are forgotten in steps of this length',
          help: `write \`bucket: ${formatDuration(Math.ceil(window / 10))}\`, or leave it out: a tenth of the window`,
        },
      };
    }
  }
  if (last_requests !== undefined && min_requests > last_requests) {
    yield {
      key: 'last_requests',
      problem: {
        code: 'FM090',
        message: `the breaker can never open: it wants ${min_requests} calls and looks at ${last_requests}`,
        label: 'so few are looked at',
        help: `write \`min_requests: ${last_requests}\`, or less`,
      },
    };
  }
  if (max_open_for !== undefined && max_open_for < open_for) {
    yield {
      key: 'max_open_for',
      problem: {
        code: 'FM090',
        message: `\`max_open_for\` is shorter than \`open_for\`, ${formatDuration(open_for)}`,
        label: 'what grows from `open_for` on cannot end below it',
        help: `write at least ${formatDuration(open_for)}`,
      },
    };
  }
}
