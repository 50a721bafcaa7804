import { breaker } from '../../src/policies/breaker/breaker.ts';
import { breakerFleet } from '../../src/policies/breaker/fleet/fleet.ts';
import { bulkhead } from '../../src/policies/bulkhead.ts';
import { deadline, forwardDeadline } from '../../src/policies/deadline.ts';
import { fallback } from '../../src/policies/fallback.ts';
import { fault } from '../../src/policies/fault.ts';
import { hedge } from '../../src/policies/hedge.ts';
import { limits } from '../../src/policies/limits.ts';
import { mirror } from '../../src/policies/mirror.ts';
import { rateLimit } from '../../src/policies/rate-limit.ts';
import { retry } from '../../src/policies/retry.ts';
import { retryBudget } from '../../src/policies/retry-budget.ts';
import { sharedRetryBudget } from '../../src/policies/shared-retry-budget.ts';
import { pressure, shed } from '../../src/policies/shed.ts';
import { throttle } from '../../src/policies/throttle.ts';
import { timeout } from '../../src/policies/timeout.ts';
import { redirect } from '../../src/routing/redirect.ts';
import { respond } from '../../src/routing/respond.ts';
import { rewrite } from '../../src/routing/rewrite.ts';
import { service } from '../../src/routing/service.ts';
import { authorize, externalAuthorizer } from '../../src/security/authorize/authorize.ts';
import { cors } from '../../src/security/cors.ts';
import { headers } from '../../src/security/headers.ts';
import { jwt } from '../../src/security/jwt/jwt.ts';
import { peerCertificate } from '../../src/security/peer-certificate.ts';
import { trustedProxies } from '../../src/security/trusted-proxies.ts';
import { upstreamGuard } from '../../src/security/upstream-guard.ts';
import { memoryStore } from '../../src/stores/memory.ts';

/** Arguments that a caller in plain JavaScript may well give, and all that the error says. */
export type Refusal = readonly [given: readonly unknown[], message: string];

/** A factory, and what it refuses at once. */
export interface Factory {
  /** The sentence that says so. */
  readonly sentence?: string;
  readonly make: (...given: never[]) => unknown;
  readonly refused: readonly Refusal[];
  /** Arguments right at the edge of what is refused. */
  readonly taken?: readonly (readonly unknown[])[];
}

const eventualStore = {
  name: 'kv',
  capabilities: { consistency: 'eventual', staleMs: 60_000, minWriteMs: 1_000, minTtlMs: 60_000 },
  get: () => null,
  set: () => '1',
};
const perSecond = { limit: 1, per: '1s' };
const endpoints = ['http://a.test', 'http://b.test'];
const send = () => Promise.resolve(new Response());
const jwks = 'https://id.test/jwks';
const rule = (section: object) => [{ rules: [section] }];

/** By the name under which the module exports it. */
export const wrongOptions: Readonly<Record<string, Factory>> = {
  timeout: {
    sentence: 'TO-13',
    make: timeout,
    refused: [
      [[Number.NaN], 'timeout: NaN is not a duration (a number and a unit: ms, s, m, h or d)'],
      [
        [3_000],
        "timeout: 3000 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '3000ms' or '3000s'",
      ],
      [
        [Number.POSITIVE_INFINITY],
        'timeout: Infinity is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [['-1s'], 'timeout: "-1s" is not a duration (a number and a unit: ms, s, m, h or d)'],
      [[''], 'timeout: "" is not a duration (a number and a unit: ms, s, m, h or d)'],
      [[true], 'timeout: true is not a duration (a number and a unit: ms, s, m, h or d)'],
      [
        ['2147483648ms'],
        "timeout: '2147483648ms' is longer than timers can wait, 2147483647ms (24.8d)",
      ],
      [['25d'], "timeout: '25d' is longer than timers can wait, 2147483647ms (24.8d)"],
      [['1e3s'], 'timeout: "1e3s" is not a duration (a number and a unit: ms, s, m, h or d)'],
      [['3s', { body: 'yes' }], 'timeout.body: "yes" is not true or false'],
      [['3s', { bodies: true }], "timeout: there is no option 'bodies', only body, clock"],
      [
        ['3s', { clock: Date }],
        'timeout.clock: function is not a clock (now, monotonic, schedule)',
      ],
      [['3s', '5s'], 'timeout: "5s" is not an object with options'],
    ],
  },
  deadline: {
    make: deadline,
    refused: [
      [
        [{}],
        'deadline.trust: undefined is neither true nor a function that says which requests to trust',
      ],
      [
        [{ trust: false }],
        'deadline.trust: false is neither true nor a function that says which requests to trust',
      ],
      [
        [{ trust: 'all' }],
        'deadline.trust: "all" is neither true nor a function that says which requests to trust',
      ],
      [[{ trust: true, header: 'x y' }], 'deadline.header: "x y" is not the name of a header'],
      [[{ trust: true, header: '' }], 'deadline.header: "" is not the name of a header'],
      [
        [{ trust: true, headers: 'x-left' }],
        "deadline: there is no option 'headers', only trust, header, clock",
      ],
    ],
  },
  forwardDeadline: {
    make: forwardDeadline,
    refused: [
      [[{ header: 5 }], 'forwardDeadline.header: 5 is not the name of a header'],
      [[{ trust: true }], "forwardDeadline: there is no option 'trust', only header, clock"],
      [[null], 'forwardDeadline: null is not an object with options'],
    ],
  },
  retry: {
    make: retry,
    refused: [
      [[{ max: -1 }], 'retry.max: -1 is not a whole number from 0 to 100'],
      [[{ max: 1.5 }], 'retry.max: 1.5 is not a whole number from 0 to 100'],
      [[{ max: Number.NaN }], 'retry.max: NaN is not a whole number from 0 to 100'],
      [
        [{ max: Number.POSITIVE_INFINITY }],
        'retry.max: Infinity is not a whole number from 0 to 100',
      ],
      [[{ max: '2' }], 'retry.max: "2" is not a whole number from 0 to 100'],
      [[{ max: 101 }], 'retry.max: 101 is not a whole number from 0 to 100'],
      [
        [{ attempts: 3 }],
        "retry: there is no option 'attempts', only max, backoff, baseDelay, maxDelay, jitter, perTry, retryOn, retriableHeaders, shouldRetry, onRetry, unsafeMethods, budget, maxReplayBytes, clock, random",
      ],
      [[{ maxReplayBytes: -1 }], 'retry.maxReplayBytes: -1 is not a whole number of 0 or more'],
      [
        [{ baseDelay: 'soon' }],
        'retry.baseDelay: "soon" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ baseDelay: 100 }],
        "retry.baseDelay: 100 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '100ms' or '100s'",
      ],
      [
        [{ maxDelay: 'soon' }],
        'retry.maxDelay: "soon" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ perTry: 'soon' }],
        'retry.perTry: "soon" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ perTry: '30d' }],
        "retry.perTry: '30d' is longer than timers can wait, 2147483647ms (24.8d)",
      ],
      [
        [{ backoff: 'expo' }],
        'retry.backoff: "expo" is not one of exponential, linear, constant or a function',
      ],
      [
        [{ jitter: 'half' }],
        'retry.jitter: "half" is not one of full, equal, decorrelated, none or a function',
      ],
      [
        [{ jitter: 'decorrelated', backoff: 'linear' }],
        "retry.jitter: 'decorrelated' grows by itself; it goes with the backoff 'exponential' only",
      ],
      [[{ retryOn: '5xx' }], 'retry.retryOn: "5xx" is not a list'],
      [
        [{ retryOn: [501] }],
        'retry.retryOn: 501 is never retried, the upstream would answer the same again',
      ],
      [
        [{ retryOn: [505] }],
        'retry.retryOn: 505 is never retried, the upstream would answer the same again',
      ],
      [
        [{ retryOn: ['503'] }],
        'retry.retryOn: "503" is not one of 5xx, connect, reset, timeout, retriable-4xx, envoy-ratelimited or a status from 400 to 599',
      ],
      [
        [{ retryOn: ['5xx', 'a status'] }],
        'retry.retryOn: "a status" is not one of 5xx, connect, reset, timeout, retriable-4xx, envoy-ratelimited or a status from 400 to 599',
      ],
      [
        [{ retryOn: [5_030] }],
        'retry.retryOn: 5030 is not one of 5xx, connect, reset, timeout, retriable-4xx, envoy-ratelimited or a status from 400 to 599',
      ],
      [
        [{ retryOn: [Number.NaN] }],
        'retry.retryOn: NaN is not one of 5xx, connect, reset, timeout, retriable-4xx, envoy-ratelimited or a status from 400 to 599',
      ],
      [[{ retriableHeaders: 'x-retry' }], 'retry.retriableHeaders: "x-retry" is not a list'],
      [
        [{ retriableHeaders: ['x-a: b'] }],
        'retry.retriableHeaders: "x-a: b" is not the name of a header',
      ],
      [[{ shouldRetry: true }], 'retry.shouldRetry: true is not a function'],
      [[{ onRetry: 'log' }], 'retry.onRetry: "log" is not a function'],
      [
        [{ unsafeMethods: true }],
        'retry.unsafeMethods: true is not one of never, always, idempotency_key',
      ],
      [[{ budget: 0.2 }], 'retry.budget: 0.2 is not a budget, as retryBudget makes one'],
      [[{ budget: null }], 'retry.budget: null is not a budget, as retryBudget makes one'],
      [[{ random: 0.5 }], 'retry.random: 0.5 is not a function'],
      [[{ clock: {} }], 'retry.clock: {} is not a clock (now, monotonic, schedule)'],
    ],
  },
  retryBudget: {
    make: retryBudget,
    taken: [[{ ratio: 0 }], [{ ratio: 1_000 }], [{ ttl: '1s' }], [{ ttl: '60s' }]],
    refused: [
      [
        [{ ratio: -0.1 }],
        'retryBudget.ratio: -0.1 is not a number from 0 to 1000, where 0.2 is 20 %',
      ],
      [
        [{ ratio: Number.NaN }],
        'retryBudget.ratio: NaN is not a number from 0 to 1000, where 0.2 is 20 %',
      ],
      [
        [{ ratio: 1_001 }],
        'retryBudget.ratio: 1001 is not a number from 0 to 1000, where 0.2 is 20 %',
      ],
      [
        [{ ratio: '20%' }],
        'retryBudget.ratio: "20%" is not a number from 0 to 1000, where 0.2 is 20 %',
      ],
      [[{ ttl: '999ms' }], "retryBudget.ttl: '999ms' is not from 1s to 60s"],
      [[{ ttl: '60001ms' }], "retryBudget.ttl: '60001ms' is not from 1s to 60s"],
      [
        [{ ttl: 10 }],
        "retryBudget.ttl: 10 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '10ms' or '10s'",
      ],
      [[{ minPerSecond: -1 }], 'retryBudget.minPerSecond: -1 is not a number of 0 or more'],
      [
        [{ minPerSecond: Number.NaN }],
        'retryBudget.minPerSecond: NaN is not a number of 0 or more',
      ],
      [
        [{ minPerSecond: Number.POSITIVE_INFINITY }],
        'retryBudget.minPerSecond: Infinity is not a number of 0 or more',
      ],
      [
        [{ percent: 20 }],
        "retryBudget: there is no option 'percent', only ratio, ttl, minPerSecond, clock",
      ],
    ],
  },
  sharedRetryBudget: {
    make: sharedRetryBudget,
    refused: [
      [
        [{ store: memoryStore() }],
        'sharedRetryBudget.name: undefined is not a name, which says what the budget is for',
      ],
      [
        [{ store: memoryStore(), name: '' }],
        'sharedRetryBudget.name: "" is not a name, which says what the budget is for',
      ],
      [
        [{ store: memoryStore(), name: 'users', percent: 20 }],
        "sharedRetryBudget: there is no option 'percent', only store, name, ratio, ttl, minPerSecond, clock, random",
      ],
      [
        [{ store: memoryStore(), name: 'users', clock: {} }],
        'sharedRetryBudget.clock: {} is not a clock (now, monotonic, schedule)',
      ],
    ],
  },
  hedge: {
    make: hedge,
    refused: [
      [[{ max: 0 }], 'hedge.max: 0 is not a whole number from 1 to 4'],
      [[{ max: 5 }], 'hedge.max: 5 is not a whole number from 1 to 4'],
      [[{ max: 1.5 }], 'hedge.max: 1.5 is not a whole number from 1 to 4'],
      [[{ max: Number.NaN }], 'hedge.max: NaN is not a whole number from 1 to 4'],
      [[{ minSamples: -1 }], 'hedge.minSamples: -1 is not a whole number of 0 or more'],
      [[{ maxReplayBytes: 0.5 }], 'hedge.maxReplayBytes: 0.5 is not a whole number of 0 or more'],
      [[{ delay: 'p0' }], "hedge.delay: 'p0' is not a percentile above p0 and below p100"],
      [
        [{ delay: 'p100' }],
        'hedge.delay: "p100" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ delay: '-1s' }],
        'hedge.delay: "-1s" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ delay: 100 }],
        "hedge.delay: 100 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '100ms' or '100s'",
      ],
      [
        [{ delay: '25d' }],
        "hedge.delay: '25d' is longer than timers can wait, 2147483647ms (24.8d)",
      ],
      [
        [{ unsafeMethods: 'post' }],
        'hedge.unsafeMethods: "post" is not one of never, always, idempotency_key',
      ],
      [[{ budget: true }], 'hedge.budget: true is not a budget, as retryBudget makes one'],
      [
        [{ after: '1s' }],
        "hedge: there is no option 'after', only max, delay, minSamples, unsafeMethods, budget, maxReplayBytes, clock",
      ],
    ],
  },
  breaker: {
    sentence: 'CB-04',
    make: breaker,
    refused: [
      [[{ failures: 0 }], 'breaker.failures: 0 is not a whole number above 0'],
      [[{ failures: 1.5 }], 'breaker.failures: 1.5 is not a whole number above 0'],
      [[{ failures: Number.NaN }], 'breaker.failures: NaN is not a whole number above 0'],
      [[{ failures: '5' }], 'breaker.failures: "5" is not a whole number above 0'],
      [
        [{ failures: 5, errorRate: 0.5 }],
        'breaker.errorRate: does not go with breaker.failures; give one of the two',
      ],
      [
        [{ failures: 5, window: '10s' }],
        'breaker.window: does not go with breaker.failures; give one of the two',
      ],
      [
        [{ errorRate: 0 }],
        'breaker.errorRate: 0 is not a number above 0 up to 1, where 0.5 is 50 %',
      ],
      [
        [{ errorRate: -1 }],
        'breaker.errorRate: -1 is not a number above 0 up to 1, where 0.5 is 50 %',
      ],
      [
        [{ errorRate: 50 }],
        'breaker.errorRate: 50 is not a number above 0 up to 1, where 0.5 is 50 %',
      ],
      [
        [{ errorRate: '50%' }],
        'breaker.errorRate: "50%" is not a number above 0 up to 1, where 0.5 is 50 %',
      ],
      [
        [{ errorRate: Number.NaN }],
        'breaker.errorRate: NaN is not a number above 0 up to 1, where 0.5 is 50 %',
      ],
      [
        [{ slowRate: 2, slowAfter: '1s' }],
        'breaker.slowRate: 2 is not a number above 0 up to 1, where 0.5 is 50 %',
      ],
      [
        [{ slowRate: 0.5 }],
        'breaker.slowRate and breaker.slowAfter: one makes no sense without the other',
      ],
      [
        [{ slowAfter: '1s' }],
        'breaker.slowRate and breaker.slowAfter: one makes no sense without the other',
      ],
      [
        [{ slowRate: 0.5, slowAfter: 3 }],
        "breaker.slowAfter: 3 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '3ms' or '3s'",
      ],
      [[{ minRequests: 0 }], 'breaker.minRequests: 0 is not a whole number above 0'],
      [[{ window: '0s' }], "breaker.window: '0s' is not longer than nothing"],
      [[{ bucket: '0ms' }], "breaker.bucket: '0ms' is not longer than nothing"],
      [[{ bucket: '11s' }], "breaker.bucket: '11s' is longer than the window, 10s"],
      [[{ bucket: '1ms' }], "breaker.bucket: '1ms' makes 10000 of the window, more than 1000"],
      [[{ lastRequests: 0 }], 'breaker.lastRequests: 0 is not a whole number from 1 to 100000'],
      [
        [{ lastRequests: 1e9 }],
        'breaker.lastRequests: 1000000000 is not a whole number from 1 to 100000',
      ],
      [
        [{ lastRequests: 30, window: '10s' }],
        'breaker.window: does not go with breaker.lastRequests; give one of the two',
      ],
      [
        [{ lastRequests: 10, minRequests: 11 }],
        'breaker.minRequests: 11 is more than lastRequests, 10; the circuit could never open',
      ],
      [[{ trip: true }], 'breaker.trip: true is not a function'],
      [
        [{ trip: () => true, errorRate: 0.5 }],
        'breaker.errorRate: does not go with breaker.trip; give one of the two',
      ],
      [[{ openFor: '0s' }], "breaker.openFor: '0s' is not longer than nothing"],
      [
        [{ openFor: '1m', maxOpenFor: '30s' }],
        "breaker.maxOpenFor: '30s' is shorter than openFor, 1m",
      ],
      [[{ retryAfter: 'yes' }], 'breaker.retryAfter: "yes" is not true or false'],
      [[{ halfOpen: 0 }], 'breaker.halfOpen: 0 is not a whole number from 1 to 1000'],
      [[{ halfOpen: null }], 'breaker.halfOpen: null is not a whole number from 1 to 1000'],
      [
        [{ halfOpen: { probes: -1 } }],
        'breaker.halfOpen.probes: -1 is not a whole number from 1 to 1000',
      ],
      [
        [{ halfOpen: { successes: 0 } }],
        'breaker.halfOpen.successes: 0 is not a whole number above 0',
      ],
      [
        [{ halfOpen: { toleratedFailures: -1 } }],
        'breaker.halfOpen.toleratedFailures: -1 is not a whole number of 0 or more',
      ],
      [
        [{ halfOpen: { timeout: '0s' } }],
        "breaker.halfOpen.timeout: '0s' is not longer than nothing",
      ],
      [
        [{ halfOpen: { calls: 1 } }],
        "breaker.halfOpen: there is no option 'calls', only probes, successes, toleratedFailures, timeout",
      ],
      [
        [{ key: 'host' }],
        'breaker.key: "host" is not one of origin, endpoint, route, all or a function',
      ],
      [[{ maxKeys: 0 }], 'breaker.maxKeys: 0 is not a whole number above 0'],
      [
        [{ mode: 'off' }],
        'breaker.mode: "off" is not one of on, metrics_only, forced_open, disabled',
      ],
      [[{ isIgnored: 404 }], 'breaker.isIgnored: 404 is not a function'],
      [[{ isSuccess: [200] }], 'breaker.isSuccess: [200] is not a function'],
      [[{ onTransition: [] }], 'breaker.onTransition: [] is not a function'],
      [[{ fleet: {}, name: 'pay' }], 'breaker.fleet: {} is not a fleet, as breakerFleet makes one'],
      [
        [{ fleet: breakerFleet({ store: memoryStore() }) }],
        'breaker.name: undefined is not a name, by which a fleet tells its breakers apart',
      ],
      [
        [{ resetTimeout: '5s' }],
        "breaker: there is no option 'resetTimeout', only failures, errorRate, slowRate, slowAfter, trip, minRequests, window, bucket, lastRequests, openFor, maxOpenFor, retryAfter, halfOpen, isIgnored, isSuccess, key, maxKeys, mode, fleet, name, onTransition, clock",
      ],
    ],
  },
  breakerFleet: {
    make: breakerFleet,
    refused: [
      [[{}], 'breakerFleet.store: undefined is not a store'],
      [
        [{ store: memoryStore(), name: 'a b' }],
        "breakerFleet.name: \"a b\" is not 1 to 64 letters, digits, '.', '_' and '-'",
      ],
      [
        [{ store: memoryStore(), adopt: 'all' }],
        'breakerFleet.adopt: "all" is not one of off, quorum, any',
      ],
      [
        [{ store: eventualStore, adopt: 'quorum' }],
        "breakerFleet.adopt: 'quorum' does not go with an eventual store, where nobody knows who lives; 'any' or 'off'",
      ],
      [
        [{ store: memoryStore(), quorum: 0 }],
        'breakerFleet.quorum: 0 is not a number above 0 up to 1',
      ],
      [
        [{ store: memoryStore(), quorum: 1.5 }],
        'breakerFleet.quorum: 1.5 is not a number above 0 up to 1',
      ],
      [
        [{ store: memoryStore(), quorum: Number.NaN }],
        'breakerFleet.quorum: NaN is not a number above 0 up to 1',
      ],
      [[{ store: memoryStore(), poll: '0s' }], "breakerFleet.poll: '0s' is shorter than 1 ms"],
      [
        [{ store: memoryStore(), ramp: 'soon' }],
        'breakerFleet.ramp: "soon" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [[{ store: memoryStore(), onError: 'log' }], 'breakerFleet.onError: "log" is not a function'],
      [
        [{ store: memoryStore(), votes: 2 }],
        "breakerFleet: there is no option 'votes', only store, name, adopt, quorum, instance, poll, ramp, onError, clock, random",
      ],
    ],
  },
  throttle: {
    make: throttle,
    taken: [[{ multiplier: 1 }], [{ window: '1ms' }]],
    refused: [
      [[{ multiplier: 0.9 }], 'throttle.multiplier: 0.9 is not a number of 1 or more'],
      [[{ multiplier: Number.NaN }], 'throttle.multiplier: NaN is not a number of 1 or more'],
      [[{ multiplier: '2' }], 'throttle.multiplier: "2" is not a number of 1 or more'],
      [[{ window: '0s' }], "throttle.window: '0s' is not longer than nothing"],
      [
        [{ window: 30 }],
        "throttle.window: 30 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '30ms' or '30s'",
      ],
      [[{ minRequests: 0 }], 'throttle.minRequests: 0 is not a whole number above 0'],
      [[{ minRequests: 1.5 }], 'throttle.minRequests: 1.5 is not a whole number above 0'],
      [
        [{ maxRejection: 1 }],
        'throttle.maxRejection: 1 is not a number above 0 and below 1; with 1 nothing would ever find out that the upstream is well again',
      ],
      [
        [{ maxRejection: 0 }],
        'throttle.maxRejection: 0 is not a number above 0 and below 1; with 1 nothing would ever find out that the upstream is well again',
      ],
      [
        [{ maxRejection: '0.5' }],
        'throttle.maxRejection: "0.5" is not a number above 0 and below 1; with 1 nothing would ever find out that the upstream is well again',
      ],
      [
        [{ maxRejection: Number.NaN }],
        'throttle.maxRejection: NaN is not a number above 0 and below 1; with 1 nothing would ever find out that the upstream is well again',
      ],
      [
        [{ k: 2 }],
        "throttle: there is no option 'k', only multiplier, window, minRequests, maxRejection, clock, random",
      ],
    ],
  },
  bulkhead: {
    make: bulkhead,
    refused: [
      [[undefined], 'bulkhead: undefined is not an object with options'],
      [[{}], 'bulkhead.limit: undefined is not a whole number above 0'],
      [[{ limit: 0 }], 'bulkhead.limit: 0 is not a whole number above 0'],
      [[{ limit: 2.5 }], 'bulkhead.limit: 2.5 is not a whole number above 0'],
      [[{ limit: Number.NaN }], 'bulkhead.limit: NaN is not a whole number above 0'],
      [[{ limit: 1, queue: -1 }], 'bulkhead.queue: -1 is not a whole number of 0 or more'],
      [[{ limit: 1, queue: Number.NaN }], 'bulkhead.queue: NaN is not a whole number of 0 or more'],
      [
        [{ limit: 1, maxWait: '1s' }],
        'bulkhead.maxWait: nobody waits in a queue of 0; give bulkhead.queue too',
      ],
      [
        [{ limit: 1, queue: 1, maxWait: '0s' }],
        "bulkhead.maxWait: '0s' is not longer than nothing",
      ],
      [[{ limit: 1, release: 'end' }], 'bulkhead.release: "end" is not one of headers, body'],
      [[{ limit: 1, key: 'origin' }], 'bulkhead.key: "origin" is not a function'],
      [
        [{ concurrent: 1 }],
        "bulkhead: there is no option 'concurrent', only limit, queue, maxWait, release, key, clock",
      ],
    ],
  },
  rateLimit: {
    make: rateLimit,
    refused: [
      [[[]], 'rateLimit: an empty list limits nothing'],
      [[{ ...perSecond, limit: 0 }], 'rateLimit.limit: 0 is not a whole number above 0'],
      [[{ ...perSecond, limit: -1 }], 'rateLimit.limit: -1 is not a whole number above 0'],
      [[{ ...perSecond, limit: 1.5 }], 'rateLimit.limit: 1.5 is not a whole number above 0'],
      [[{ ...perSecond, limit: Number.NaN }], 'rateLimit.limit: NaN is not a whole number above 0'],
      [
        [{ ...perSecond, limit: Number.POSITIVE_INFINITY }],
        'rateLimit.limit: Infinity is not a whole number above 0',
      ],
      [[{ ...perSecond, limit: '5' }], 'rateLimit.limit: "5" is not a whole number above 0'],
      [[{ per: '1s' }], 'rateLimit.limit: undefined is not a whole number above 0'],
      [
        [{ limit: 1 }],
        'rateLimit.per: undefined is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ ...perSecond, per: 60 }],
        "rateLimit.per: 60 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '60ms' or '60s'",
      ],
      [[{ ...perSecond, per: '0s' }], "rateLimit.per: '0s' has to be longer than 0"],
      [
        [{ ...perSecond, per: 'minute' }],
        'rateLimit.per: "minute" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [[{ ...perSecond, burst: 0 }], 'rateLimit.burst: 0 is not a whole number above 0'],
      [[{ ...perSecond, burst: 0.5 }], 'rateLimit.burst: 0.5 is not a whole number above 0'],
      [[{ ...perSecond, burst: Number.NaN }], 'rateLimit.burst: NaN is not a whole number above 0'],
      [[{ ...perSecond, cost: -1 }], 'rateLimit.cost: -1 is not a whole number of 0 or more'],
      [
        [{ ...perSecond, cost: Number.NaN }],
        'rateLimit.cost: NaN is not a whole number of 0 or more',
      ],
      [[{ ...perSecond, cost: 2 }], 'rateLimit.cost: 2 is more than ever comes at once, 1'],
      [
        [{ ...perSecond, maxWait: 5 }],
        "rateLimit.maxWait: 5 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '5ms' or '5s'",
      ],
      [
        [{ ...perSecond, maxWait: '30d' }],
        "rateLimit.maxWait: '30d' is longer than timers can wait, 2147483647ms (24.8d)",
      ],
      [
        [{ ...perSecond, anonymous: 'open' }],
        'rateLimit.anonymous: "open" is not one of shared, skip',
      ],
      [
        [{ ...perSecond, onStoreError: 'deny' }],
        'rateLimit.onStoreError: "deny" is not one of local, open, closed',
      ],
      [
        [{ ...perSecond, name: '' }],
        'rateLimit.name: "" is not 1 to 64 printable characters of ASCII',
      ],
      [
        [{ ...perSecond, name: 'täglich' }],
        'rateLimit.name: "täglich" is not 1 to 64 printable characters of ASCII',
      ],
      [
        [{ ...perSecond, by: 'ip' }],
        'rateLimit.by: "ip" is not a function (request, context) => key; for expressions such as \'cookie:sid\' there is keyBy',
      ],
      [[{ ...perSecond, enforce: 'no' }], 'rateLimit.enforce: "no" is not true or false'],
      [
        [{ ...perSecond, window: '1s' }],
        "rateLimit: there is no option 'window', only name, limit, per, burst, by, anonymous, cost, maxWait, enforce, onStoreError, store, platform",
      ],
      [
        [[perSecond, perSecond]],
        "rateLimit: two limits are called '1 per 1s'; give one another name",
      ],
      [
        [perSecond, { fields: 'all' }],
        'rateLimit.fields: "all" is not one of always, rejections, never',
      ],
      [[perSecond, { legacy: 'draft-7' }], 'rateLimit.legacy: "draft-7" is not one of draft-6'],
      [
        [perSecond, { store: eventualStore }],
        "rateLimit.store: the store 'kv' is eventual and cannot count; use one with `take` (Redis, a Durable Object, Deno KV), limits of the platform on Workers, or none: each of the `instances` then counts its share",
      ],
      [
        [perSecond, { store: memoryStore(), storeDeadline: '0ms' }],
        "rateLimit.storeDeadline: '0ms' has to be longer than 0",
      ],
      [[perSecond, { instances: 0 }], 'rateLimit.instances: 0 is not a whole number above 0'],
      [[perSecond, { instances: 1.5 }], 'rateLimit.instances: 1.5 is not a whole number above 0'],
      [
        [perSecond, { instances: Number.NaN }],
        'rateLimit.instances: NaN is not a whole number above 0',
      ],
      [[perSecond, { instances: '3' }], 'rateLimit.instances: "3" is not a whole number above 0'],
      [[perSecond, { scope: 5 }], 'rateLimit.scope: 5 is not text'],
      [
        [perSecond, { prefix: 'shop' }],
        "rateLimit: there is no option 'prefix', only store, scope, instances, storeDeadline, fields, legacy, clock, random",
      ],
    ],
  },
  shed: {
    make: shed,
    refused: [
      [[{}], 'shed.from: undefined is not a number of 0 or more'],
      [[{ from: -1, full: 1 }], 'shed.from: -1 is not a number of 0 or more'],
      [[{ from: Number.NaN, full: 1 }], 'shed.from: NaN is not a number of 0 or more'],
      [[{ from: 1 }], 'shed.full: undefined is not a number above from, 1'],
      [[{ from: 1, full: 1 }], 'shed.full: 1 is not a number above from, 1'],
      [
        [{ from: 1, full: Number.POSITIVE_INFINITY }],
        'shed.full: Infinity is not a number above from, 1',
      ],
      [[{ from: 1, full: 2, load: 5 }], 'shed.load: 5 is not a function'],
      [
        [{ from: 1, full: 2, priority: 'urgent' }],
        'shed.priority: "urgent" is not one of background, low, normal, high, critical',
      ],
      [[{ from: 1, full: 2, trust: true }], 'shed.trust: true is not a function'],
      [
        [{ from: 1, full: 2, retryAfter: 1 }],
        "shed.retryAfter: 1 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '1ms' or '1s'",
      ],
      [
        [{ from: 1, pressure: pressure({ from: 1, full: 2 }) }],
        'shed.pressure: it stands in place of from, full and load, not beside',
      ],
      [
        [{ pressure: pressure({ from: 1, full: 2 }), full: 1 }],
        'shed.pressure: it stands in place of from, full and load, not beside',
      ],
      [
        [{ pressure: pressure({ from: 1, full: 2 }), load: Number }],
        'shed.pressure: it stands in place of from, full and load, not beside',
      ],
      [[{ pressure: 5 }], 'shed.pressure: 5 is not a pressure, as pressure() makes one'],
      [[{ pressure: null }], 'shed.pressure: null is not a pressure, as pressure() makes one'],
      [
        [{ from: 1, to: 2 }],
        "shed: there is no option 'to', only from, full, load, pressure, priority, trust, retryAfter, random",
      ],
    ],
  },
  pressure: {
    make: pressure,
    refused: [
      [[{ from: -1, full: 1 }], 'shed.from: -1 is not a number of 0 or more'],
      [[{ from: 2, full: 1 }], 'shed.full: 1 is not a number above from, 2'],
      [
        [{ from: 1, full: 2, priority: 'low' }],
        "pressure: there is no option 'priority', only from, full, load",
      ],
    ],
  },
  limits: {
    make: limits,
    refused: [
      [[{ urlBytes: 0 }], 'limits.urlBytes: 0 is not a whole number above 0'],
      [[{ headerCount: 1.5 }], 'limits.headerCount: 1.5 is not a whole number above 0'],
      [[{ headerBytes: -1 }], 'limits.headerBytes: -1 is not a whole number above 0'],
      [[{ bodyBytes: -1 }], 'limits.bodyBytes: -1 is not a whole number of 0 or more'],
      [[{ bodyBytes: '1MB' }], 'limits.bodyBytes: "1MB" is not a whole number of 0 or more'],
      [[{ bodyBytes: Number.NaN }], 'limits.bodyBytes: NaN is not a whole number of 0 or more'],
      [[{ bodyRate: -1 }], 'limits.bodyRate: -1 is not a number of 0 or more'],
      [
        [{ bodyRate: Number.POSITIVE_INFINITY }],
        'limits.bodyRate: Infinity is not a number of 0 or more',
      ],
      [
        [{ bodyGrace: 'soon' }],
        'limits.bodyGrace: "soon" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [[{ concurrent: 0 }], 'limits.concurrent: 0 is not a whole number above 0'],
      [
        [{ body: 5 }],
        "limits: there is no option 'body', only urlBytes, headerCount, headerBytes, bodyBytes, bodyRate, bodyGrace, concurrent, clock",
      ],
    ],
  },
  fault: {
    make: fault,
    taken: [
      [{ headerTrigger: true, percent: 5 }],
      [{ delay: '2147483647ms', percent: 5 }],
      [{ abort: 503, percent: 0, maxActive: 1 }],
    ],
    refused: [
      [[{}], 'fault: there is neither a delay nor an abort to inject'],
      [[{ percent: 5 }], 'fault: there is neither a delay nor an abort to inject'],
      [
        [{ abort: 503 }],
        'fault.percent: say how many requests, a number from 0 to 100, in percent',
      ],
      [
        [{ abort: 503, percent: -1 }],
        'fault.percent: -1 is not a number from 0 to 100, in percent',
      ],
      [
        [{ abort: 503, percent: 100.5 }],
        'fault.percent: 100.5 is not a number from 0 to 100, in percent',
      ],
      [
        [{ abort: 503, percent: Number.NaN }],
        'fault.percent: NaN is not a number from 0 to 100, in percent',
      ],
      [
        [{ abort: 503, percent: '5%' }],
        'fault.percent: "5%" is not a number from 0 to 100, in percent',
      ],
      [
        [{ abort: { percent: 101 } }],
        'fault.abort.percent: 101 is not a number from 0 to 100, in percent',
      ],
      [
        [{ delay: { fixed: '1s', percent: -5 } }],
        'fault.delay.percent: -5 is not a number from 0 to 100, in percent',
      ],
      [
        [{ delay: { fixed: '1s', percentage: 5 } }],
        "fault.delay: there is no option 'percentage', only fixed, percent",
      ],
      [
        [{ abort: { code: 503, percent: 5 } }],
        "fault.abort: there is no option 'code', only status, percent",
      ],
      [
        [{ delay: 5, percent: 5 }],
        "fault.delay: 5 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '5ms' or '5s'",
      ],
      [
        [{ delay: null, percent: 5 }],
        'fault.delay: null is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ abort: '503', percent: 5 }],
        'fault.abort: "503" is not a status from 200 to 599 with a body',
      ],
      [
        [{ abort: 199, percent: 5 }],
        'fault.abort: 199 is not a status from 200 to 599 with a body',
      ],
      [
        [{ abort: 600, percent: 5 }],
        'fault.abort: 600 is not a status from 200 to 599 with a body',
      ],
      [
        [{ abort: 204, percent: 5 }],
        'fault.abort: 204 is not a status from 200 to 599 with a body',
      ],
      [
        [{ abort: 503.5, percent: 5 }],
        'fault.abort: 503.5 is not a status from 200 to 599 with a body',
      ],
      [
        [{ abort: { status: '503' }, percent: 5 }],
        'fault.abort: "503" is not a status from 200 to 599 with a body',
      ],
      [
        [{ delay: 'soon', percent: 5 }],
        'fault.delay: "soon" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ delay: '-1s', percent: 5 }],
        'fault.delay: "-1s" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ delay: '25d', percent: 5 }],
        "fault.delay: '25d' is longer than timers can wait, 2147483647ms (24.8d)",
      ],
      [
        [{ abort: 503, percent: 5, until: 'tomorrow' }],
        'fault.until: "tomorrow" is not a moment such as 2026-01-31T18:00:00Z',
      ],
      [
        [{ abort: 503, percent: 5, until: '2026-01-31T18:00' }],
        'fault.until: "2026-01-31T18:00" is not a moment such as 2026-01-31T18:00:00Z',
      ],
      [
        [{ abort: 503, percent: 5, maxActive: 0 }],
        'fault.maxActive: 0 is not a whole number above 0',
      ],
      [
        [{ abort: 503, percent: 5, maxActive: 1.5 }],
        'fault.maxActive: 1.5 is not a whole number above 0',
      ],
      [
        [{ abort: 503, percent: 5, onlyIf: 'x-chaos' }],
        'fault.onlyIf: "x-chaos" is not a function of a request',
      ],
      [
        [{ abort: 503, percent: 5, headerTrigger: 'x-chaos' }],
        'fault.headerTrigger: "x-chaos" is not true or false',
      ],
      [[{ abort: 503, percent: 5, counted: 0 }], 'fault.counted: 0 is not true or false'],
      [
        [{ abort: 503, percentage: 5 }],
        "fault: there is no option 'percentage', only delay, abort, percent, onlyIf, until, maxActive, headerTrigger, counted, clock, random",
      ],
    ],
  },
  mirror: {
    make: mirror,
    taken: [[{ send, timeout: '1ms' }], [{ send, timeout: '2147483647ms' }]],
    refused: [
      [[{}], 'mirror: say where the copies go, either by to or by send'],
      [[{ to: 'http://a', send }], 'mirror: say where the copies go, either by to or by send'],
      [
        [{ send: 'http://a' }],
        'mirror.send: "http://a" is not a function (request, context) => Promise<Response>',
      ],
      [
        [{ to: 'v2' }],
        'mirror.to: "v2" is not an http or https URL without credentials, query and fragment',
      ],
      [
        [{ to: 'ftp://v2' }],
        'mirror.to: "ftp://v2" is not an http or https URL without credentials, query and fragment',
      ],
      [
        [{ to: 'web+http://v2' }],
        'mirror.to: "web+http://v2" is not an http or https URL without credentials, query and fragment',
      ],
      [
        [{ to: 'http://u:p@v2' }],
        'mirror.to: "http://…@v2" is not an http or https URL without credentials, query and fragment',
      ],
      [
        [{ to: 'http://v2?a=1' }],
        'mirror.to: "http://v2?…" is not an http or https URL without credentials, query and fragment',
      ],
      [
        [{ to: new URL('http://u:p@v2') }],
        'mirror.to: "http://…@v2/" is not an http or https URL without credentials, query and fragment',
      ],
      [
        [{ to: 5 }],
        'mirror.to: 5 is not an http or https URL without credentials, query and fragment',
      ],
      [[{ send, percent: -1 }], 'mirror.percent: -1 is not a number from 0 to 100, in percent'],
      [
        [{ send, percent: 100.1 }],
        'mirror.percent: 100.1 is not a number from 0 to 100, in percent',
      ],
      [
        [{ send, percent: Number.NaN }],
        'mirror.percent: NaN is not a number from 0 to 100, in percent',
      ],
      [[{ send, percent: '5%' }], 'mirror.percent: "5%" is not a number from 0 to 100, in percent'],
      [[{ send, timeout: '0s' }], "mirror.timeout: '0s' is not from 1ms to 2147483647ms (24.8d)"],
      [[{ send, timeout: '30d' }], "mirror.timeout: '30d' is not from 1ms to 2147483647ms (24.8d)"],
      [
        [{ send, timeout: 5 }],
        "mirror.timeout: 5 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '5ms' or '5s'",
      ],
      [[{ send, maxActive: 0 }], 'mirror.maxActive: 0 is not a whole number above 0'],
      [
        [{ send, maxReplayBytes: -1 }],
        'mirror.maxReplayBytes: -1 is not a whole number of 0 or more',
      ],
      [
        [{ send, credentials: 'keep' }],
        'mirror.credentials: "keep" is not one of include, omit, same-origin',
      ],
      [
        [{ send, headers: { set: { 'a b': 'c' } } }],
        'mirror.headers.set: "a b" is not the name of a header',
      ],
      [
        [{ send, headers: { add: { a: 'b\r\nc: d' } } }],
        'mirror.headers.add: "b\\r\\nc: d" is not a value that the header a can have',
      ],
      [
        [{ send, headers: { remove: [''] } }],
        'mirror.headers.remove: "" is not the name of a header',
      ],
      [[{ send, headers: { remove: 'cookie' } }], 'mirror.headers.remove: "cookie" is not a list'],
      [
        [{ send, headers: { delete: ['cookie'] } }],
        "mirror.headers: there is no option 'delete', only remove, set, add",
      ],
      [
        [{ send, host: 'v2' }],
        "mirror: there is no option 'host', only to, send, percent, credentials, headers, timeout, maxReplayBytes, maxActive, clock, random",
      ],
    ],
  },
  fallback: {
    make: fallback,
    taken: [
      [{ status: 200 }],
      [{ status: 204 }],
      [{ status: 599 }],
      [{}, { when: [400, 599, 'connect', 'reset'] }],
    ],
    refused: [
      [[{ status: 199 }], 'fallback.status: 199 is not a status from 200 to 599'],
      [[{ status: 600 }], 'fallback.status: 600 is not a status from 200 to 599'],
      [[{ status: Number.NaN }], 'fallback.status: NaN is not a status from 200 to 599'],
      [[{ body: 5 }], 'fallback.body: 5 is not text'],
      [[{ status: 204, body: 'x' }], 'fallback.body: a response with status 204 has no body'],
      [[{ headers: { 'a b': 'c' } }], 'fallback.headers: "a b" is not the name of a header'],
      [
        [{ headers: { a: 'b\n' } }],
        'fallback.headers: "b\\n" is not a value that the header a can have',
      ],
      [[{ headers: [] }], 'fallback.headers: [] is not an object of headers'],
      [[{ json: {} }], "fallback: there is no option 'json', only status, body, headers"],
      [['sorry'], 'fallback: "sorry" is not an object with options'],
      [[{}, { when: [] }], 'fallback.when: [] names no failure; leave it out for the usual ones'],
      [[{}, { when: '5xx' }], 'fallback.when: "5xx" is not a list'],
      [
        [{}, { when: [450.5] }],
        'fallback.when: 450.5 is not a status from 400 to 599, 5xx, connect, reset or the reason of a rejection',
      ],
      [
        [{}, { when: [399] }],
        'fallback.when: 399 is not a status from 400 to 599, 5xx, connect, reset or the reason of a rejection',
      ],
      [
        [{}, { when: [600] }],
        'fallback.when: 600 is not a status from 400 to 599, 5xx, connect, reset or the reason of a rejection',
      ],
      [
        [{}, { when: ['4xx'] }],
        'fallback.when: "4xx" is not a status from 400 to 599, 5xx, connect, reset or the reason of a rejection',
      ],
      [
        [{}, { maxReplayBytes: -1 }],
        'fallback.maxReplayBytes: -1 is not a whole number of 0 or more',
      ],
      [
        [{}, { maxReplayBytes: 0.5 }],
        'fallback.maxReplayBytes: 0.5 is not a whole number of 0 or more',
      ],
      [[{}, { on: ['5xx'] }], "fallback: there is no option 'on', only when, maxReplayBytes"],
    ],
  },
  rewrite: {
    make: rewrite,
    refused: [
      [[{}], 'rewrite: there is nothing to rewrite: path, prefix, regex or host'],
      [[{ host: '' }], 'rewrite.host: "" is not a host, with or without a port'],
      [[{ host: 'http://a' }], 'rewrite.host: "http://a" is not a host, with or without a port'],
      [[{ host: 'a/b' }], 'rewrite.host: "a/b" is not a host, with or without a port'],
      [[{ host: 'u@a' }], 'rewrite.host: "u@a" is not a host, with or without a port'],
      [[{ host: 'a:99999' }], 'rewrite.host: "a:99999" is not a host, with or without a port'],
      [[{ path: 'a' }], 'rewrite.path: "a" is not a path without query and fragment'],
      [
        [{ path: '/a', regex: { match: 'a', to: 'b' } }],
        'rewrite: path, prefix and regex exclude each other',
      ],
      [
        [{ pathname: '/a' }],
        "rewrite: there is no option 'pathname', only path, prefix, regex, host",
      ],
    ],
  },
  redirect: {
    make: redirect,
    refused: [
      [[{}], 'redirect: there is nothing to change: scheme, host, port, path, prefix or regex'],
      [
        [{ status: 301 }],
        'redirect: there is nothing to change: scheme, host, port, path, prefix or regex',
      ],
      [[{ path: '/a', status: 300 }], 'redirect.status: 300 is not one of 301, 302, 303, 307, 308'],
      [[{ path: '/a', status: 304 }], 'redirect.status: 304 is not one of 301, 302, 303, 307, 308'],
      [[{ scheme: 'javascript' }], 'redirect.scheme: "javascript" is not one of http, https'],
      [[{ host: 'a:80' }], "redirect.host: 'a:80' has a port; write it as redirect.port"],
      [[{ host: 'a/b' }], 'redirect.host: "a/b" is not a host, with or without a port'],
      [[{ port: 0 }], 'redirect.port: 0 is not a port from 1 to 65535'],
      [[{ port: 65_536 }], 'redirect.port: 65536 is not a port from 1 to 65535'],
      [[{ port: Number.NaN }], 'redirect.port: NaN is not a port from 1 to 65535'],
      [[{ path: 'a' }], 'redirect.path: "a" is not a path without query and fragment'],
      [
        [{ location: '/a' }],
        "redirect: there is no option 'location', only path, prefix, regex, scheme, host, port, status",
      ],
    ],
  },
  respond: {
    make: respond,
    refused: [
      [[{ status: 101 }], 'respond.status: 101 is not a status from 200 to 599'],
      [[{ status: 600 }], 'respond.status: 600 is not a status from 200 to 599'],
      [[{ status: '200' }], 'respond.status: "200" is not a status from 200 to 599'],
      [[{ body: {} }], 'respond.body: {} is not text'],
      [[{ status: 304, body: 'x' }], 'respond.body: a response with status 304 has no body'],
      [
        [{ headers: { a: 'b\n' } }],
        'respond.headers: "b\\n" is not a value that the header a can have',
      ],
      [[{ text: 'a' }], "respond: there is no option 'text', only status, body, headers"],
    ],
  },
  service: {
    make: service,
    refused: [
      [[{ name: '', endpoints }], 'service.name: "" is not a name'],
      [[{ name: 7, endpoints }], 'service.name: 7 is not a name'],
      [
        [{ name: 'users', endpoint: 'http://a.test' }],
        "service: there is no option 'endpoint', only name, endpoints, versions, balance, outlier, health, fetch, clock, random",
      ],
      [[{ name: 'users' }], 'service: give either endpoints or versions'],
      [
        [{ name: 'users', endpoints, versions: { v1: endpoints } }],
        'service: give either endpoints or versions',
      ],
      [[{ name: 'users', versions: {} }], 'service.versions: there is none'],
      [
        [{ name: 'users', versions: { v1: [] } }],
        'service.versions.v1: [] is not a list of at least one endpoint',
      ],
      [
        [{ name: 'users', endpoints: [] }],
        'service.endpoints: [] is not a list of at least one endpoint',
      ],
      [
        [{ name: 'users', endpoints: 'http://a.test' }],
        'service.endpoints: "http://a.test" is not a list of at least one endpoint',
      ],
      [
        [{ name: 'users', endpoints: ['a.test'] }],
        'service.endpoints[0]: "a.test" is not an absolute http or https URL without credentials, query and fragment',
      ],
      [
        [{ name: 'users', endpoints: ['ftp://a.test'] }],
        'service.endpoints[0]: "ftp://a.test" is not an absolute http or https URL without credentials, query and fragment',
      ],
      [
        [{ name: 'users', endpoints: ['http://u:p@a.test'] }],
        'service.endpoints[0]: "http://…@a.test" is not an absolute http or https URL without credentials, query and fragment',
      ],
      [
        [{ name: 'users', endpoints: ['http://a.test?x'] }],
        'service.endpoints[0]: "http://a.test?…" is not an absolute http or https URL without credentials, query and fragment',
      ],
      [
        [{ name: 'users', endpoints: [{ weight: 1 }] }],
        'service.endpoints[0]: undefined is not an absolute http or https URL without credentials, query and fragment',
      ],
      [
        [{ name: 'users', endpoints: [null] }],
        'service.endpoints[0]: undefined is not an absolute http or https URL without credentials, query and fragment',
      ],
      [
        [{ name: 'users', endpoints: ['http://a', 'http://a/'] }],
        "service.endpoints[1]: 'http://a' is listed twice",
      ],
      [
        [{ name: 'users', endpoints: [{ url: 'http://a', weight: -1 }] }],
        'service.endpoints: weight: -1 is not a number of 0 or more',
      ],
      [
        [{ name: 'users', endpoints: [{ url: 'http://a', weight: Number.NaN }] }],
        'service.endpoints: weight: NaN is not a number of 0 or more',
      ],
      [
        [{ name: 'users', endpoints: [{ url: 'http://a', weight: 0 }] }],
        'service.endpoints: weight: at least one must be above 0',
      ],
      [
        [{ name: 'users', endpoints, balance: 'fastest' }],
        'service.balance: "fastest" is not one of least_request, round_robin, random, peak_ewma, nor an object with pick',
      ],
      [
        [{ name: 'users', endpoints, balance: null }],
        'service.balance: null is not an object with options',
      ],
      [
        [{ name: 'users', endpoints, balance: { policy: 'fastest' } }],
        'service.balance.policy: "fastest" is not one of least_request, round_robin, random, peak_ewma, nor an object with pick',
      ],
      [
        [{ name: 'users', endpoints, balance: { bias: -1 } }],
        'service.balance.bias: -1 is not a number of 0 or more',
      ],
      [
        [{ name: 'users', endpoints, balance: { bias: Number.NaN } }],
        'service.balance.bias: NaN is not a number of 0 or more',
      ],
      [
        [{ name: 'users', endpoints, balance: { policy: 'random', bias: 1 } }],
        "service.balance.bias: only 'least_request' has one",
      ],
      [
        [{ name: 'users', endpoints, balance: { panic: 1.1 } }],
        'service.balance.panic: 1.1 is not a share from 0 to 1, where 0.1 is 10 %',
      ],
      [
        [{ name: 'users', endpoints, balance: { panic: -0.1 } }],
        'service.balance.panic: -0.1 is not a share from 0 to 1, where 0.1 is 10 %',
      ],
      [
        [{ name: 'users', endpoints, balance: { panic: '50%' } }],
        'service.balance.panic: "50%" is not a share from 0 to 1, where 0.1 is 10 %',
      ],
      [
        [{ name: 'users', endpoints, balance: { panik: 0.5 } }],
        "service.balance: there is no option 'panik', only policy, bias, panic",
      ],
      [
        [{ name: 'users', endpoints, outlier: true }],
        'service.outlier: true is not an object with options',
      ],
      [
        [{ name: 'users', endpoints, outlier: { failures: -1 } }],
        'service.outlier.failures: -1 is not a whole number of 0 or more',
      ],
      [
        [{ name: 'users', endpoints, outlier: { failures: 1.5 } }],
        'service.outlier.failures: 1.5 is not a whole number of 0 or more',
      ],
      [
        [{ name: 'users', endpoints, outlier: { failures: 0 } }],
        'service.outlier: nothing is counted; set one of failures, gatewayFailures, localFailures, successRate, failureRate',
      ],
      [
        [{ name: 'users', endpoints, outlier: { gatewayFailures: '5' } }],
        'service.outlier.gatewayFailures: "5" is not a whole number of 0 or more',
      ],
      [
        [{ name: 'users', endpoints, outlier: { localFailures: Number.POSITIVE_INFINITY } }],
        'service.outlier.localFailures: Infinity is not a whole number of 0 or more',
      ],
      [
        [{ name: 'users', endpoints, outlier: { maxEjected: 0 } }],
        'service.outlier.maxEjected: 0 is not a share above 0 and up to 1, where 0.1 is 10 %',
      ],
      [
        [{ name: 'users', endpoints, outlier: { maxEjected: 10 } }],
        'service.outlier.maxEjected: 10 is not a share above 0 and up to 1, where 0.1 is 10 %',
      ],
      [
        [{ name: 'users', endpoints, outlier: { interval: '0s' } }],
        "service.outlier.interval: '0s' must be longer than nothing",
      ],
      [
        [{ name: 'users', endpoints, outlier: { interval: 10 } }],
        "service.outlier.interval: 10 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '10ms' or '10s'",
      ],
      [
        [{ name: 'users', endpoints, outlier: { ejectFor: 'soon' } }],
        'service.outlier.ejectFor: "soon" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ name: 'users', endpoints, outlier: { maxEjectFor: 'long' } }],
        'service.outlier.maxEjectFor: "long" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ name: 'users', endpoints, outlier: { maxEjected: '0.1' } }],
        'service.outlier.maxEjected: "0.1" is not a share above 0 and up to 1, where 0.1 is 10 %',
      ],
      [
        [{ name: 'users', endpoints, outlier: { maxEjectFor: '10s' } }],
        "service.outlier.maxEjectFor: '10s' is shorter than ejectFor, '30s'",
      ],
      [
        [{ name: 'users', endpoints, outlier: { ejections: 1 } }],
        "service.outlier: there is no option 'ejections', only failures, gatewayFailures, localFailures, interval, ejectFor, maxEjectFor, maxEjected, successRate, failureRate",
      ],
      [
        [{ name: 'users', endpoints, outlier: { successRate: { deviations: 0 } } }],
        'service.outlier.successRate.deviations: 0 is not a number above 0',
      ],
      [
        [{ name: 'users', endpoints, outlier: { successRate: { deviations: Number.NaN } } }],
        'service.outlier.successRate.deviations: NaN is not a number above 0',
      ],
      [
        [{ name: 'users', endpoints, outlier: { successRate: { deviation: 2 } } }],
        "service.outlier.successRate: there is no option 'deviation', only deviations, minEndpoints, minRequests",
      ],
      [
        [{ name: 'users', endpoints, outlier: { successRate: { minEndpoints: 1 } } }],
        'service.outlier.successRate.minEndpoints: 1 is not a whole number of 2 or more',
      ],
      [
        [{ name: 'users', endpoints, outlier: { successRate: { minRequests: 0 } } }],
        'service.outlier.successRate.minRequests: 0 is not a whole number above 0',
      ],
      [
        [{ name: 'users', endpoints, outlier: { failureRate: { threshold: 85 } } }],
        'service.outlier.failureRate.threshold: 85 is not a share above 0 and up to 1, where 0.1 is 10 %',
      ],
      [
        [{ name: 'users', endpoints, outlier: { failureRate: { minEndpoints: 1 } } }],
        'service.outlier.failureRate.minEndpoints: 1 is not a whole number of 2 or more',
      ],
      [
        [{ name: 'users', endpoints, outlier: { failureRate: { minRequests: 0 } } }],
        'service.outlier.failureRate.minRequests: 0 is not a whole number above 0',
      ],
      [
        [{ name: 'users', endpoints, outlier: { failureRate: { treshold: 1 } } }],
        "service.outlier.failureRate: there is no option 'treshold', only threshold, minEndpoints, minRequests",
      ],
      [
        [{ name: 'users', endpoints, health: {} }],
        'service.health.path: undefined is not a path such as /healthz',
      ],
      [
        [{ name: 'users', endpoints, health: { path: 'healthz' } }],
        'service.health.path: "healthz" is not a path such as /healthz',
      ],
      [
        [{ name: 'users', endpoints, health: { path: '//evil.test' } }],
        'service.health.path: "//evil.test" is not a path such as /healthz',
      ],
      [
        [{ name: 'users', endpoints, health: { path: '/', interval: 'often' } }],
        'service.health.interval: "often" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ name: 'users', endpoints, health: { path: '/', timeout: 1 } }],
        "service.health.timeout: 1 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '1ms' or '1s'",
      ],
      [
        [{ name: 'users', endpoints, health: { path: '/', interval: '50ms' } }],
        "service.health.interval: '50ms' is not from 100ms to 24d",
      ],
      [
        [{ name: 'users', endpoints, health: { path: '/', interval: '30d' } }],
        "service.health.interval: '30d' is not from 100ms to 24d",
      ],
      [
        [{ name: 'users', endpoints, health: { path: '/', timeout: '0s' } }],
        "service.health.timeout: '0s' is not longer than nothing and up to interval, '10s'",
      ],
      [
        [{ name: 'users', endpoints, health: { path: '/', timeout: '11s' } }],
        "service.health.timeout: '11s' is not longer than nothing and up to interval, '10s'",
      ],
      [
        [{ name: 'users', endpoints, health: { path: '/', downAfter: 0 } }],
        'service.health.downAfter: 0 is not a whole number above 0',
      ],
      [
        [{ name: 'users', endpoints, health: { path: '/', upAfter: 0 } }],
        'service.health.upAfter: 0 is not a whole number above 0',
      ],
      [
        [{ name: 'users', endpoints, health: { path: '/', jitter: 1 } }],
        "service.health: there is no option 'jitter', only path, interval, timeout, downAfter, upAfter",
      ],
    ],
  },
  headers: {
    make: headers,
    refused: [
      [[{}], 'headers: there is nothing to edit, neither request nor response'],
      [
        [{ request: { set: { 'a b': 'c' } } }],
        'headers.request.set: "a b" is not the name of a header',
      ],
      [
        [{ request: { set: { a: 5 } } }],
        'headers.request.set: 5 is not a value that the header a can have',
      ],
      [
        [{ request: { set: { Host: 'a' } } }],
        'headers.request: Host is made by fetch itself and cannot be set',
      ],
      [
        [{ response: { add: { a: 'b\r\nx: y' } } }],
        'headers.response.add: "b\\r\\nx: y" is not a value that the header a can have',
      ],
      [[{ request: { set: { '': 'a' } } }], 'headers.request.set: "" is not the name of a header'],
      [
        [{ request: { add: { 'a:b': 'c' } } }],
        'headers.request.add: "a:b" is not the name of a header',
      ],
      [
        [{ response: { remove: [' a'] } }],
        'headers.response.remove: " a" is not the name of a header',
      ],
      [
        [{ request: { set: { a: ' b' } } }],
        'headers.request.set: " b" is not a value that the header a can have',
      ],
      [
        [{ request: { set: { a: '€' } } }],
        'headers.request.set: "€" is not a value that the header a can have',
      ],
      [
        [{ request: { set: { connection: 'a' } } }],
        'headers.request: connection is made by fetch itself and cannot be set',
      ],
      [
        [{ request: { set: { 'Content-Length': 'a' } } }],
        'headers.request: Content-Length is made by fetch itself and cannot be set',
      ],
      [
        [{ request: { set: { 'transfer-encoding': 'a' } } }],
        'headers.request: transfer-encoding is made by fetch itself and cannot be set',
      ],
      [
        [{ request: { set: { upgrade: 'a' } } }],
        'headers.request: upgrade is made by fetch itself and cannot be set',
      ],
      [
        [{ request: { set: { te: 'a' } } }],
        'headers.request: te is made by fetch itself and cannot be set',
      ],
      [[{ response: { remove: 'server' } }], 'headers.response.remove: "server" is not a list'],
      [
        [{ response: { append: { a: 'b' } } }],
        "headers.response: there is no option 'append', only remove, set, add",
      ],
      [
        [{ requests: { remove: ['a'] } }],
        "headers: there is no option 'requests', only request, response",
      ],
    ],
  },
  cors: {
    make: cors,
    refused: [
      [[{ origins: [] }], 'cors.origins: [] names no origin'],
      [[{}], 'cors.origins: undefined is not a list'],
      [[{ origins: 'https://shop.example' }], 'cors.origins: "https://shop.example" is not a list'],
      [
        [{ origins: ['shop.example'] }],
        'cors.origins: "shop.example" is not an origin such as https://shop.example, https://*.shop.example or *',
      ],
      [
        [{ origins: ['https://shop.example/'] }],
        'cors.origins: "https://shop.example/" is not an origin such as https://shop.example, https://*.shop.example or *',
      ],
      [
        [{ origins: ['https://*'] }],
        'cors.origins: "https://*" is not an origin such as https://shop.example, https://*.shop.example or *',
      ],
      [
        [{ origins: ['https://a.*.example'] }],
        'cors.origins: "https://a.*.example" is not an origin such as https://shop.example, https://*.shop.example or *',
      ],
      [[{ origins: ['*'], credentials: true }], "cors.origins: '*' cannot go with credentials"],
      [[{ origins: ['*'], credentials: 'yes' }], 'cors.credentials: "yes" is not true or false'],
      [[{ origins: ['*'], methods: ['GE T'] }], 'cors.methods: "GE T" is not a token'],
      [[{ origins: ['*'], headers: [''] }], 'cors.headers: "" is not a token'],
      [[{ origins: ['*'], expose: ['a:b'] }], 'cors.expose: "a:b" is not a token'],
      [
        [{ origins: ['*'], maxAge: '5 s' }],
        'cors.maxAge: "5 s" is not a duration (a number and a unit: ms, s, m, h or d)',
      ],
      [
        [{ origin: '*' }],
        "cors: there is no option 'origin', only origins, methods, headers, expose, credentials, maxAge",
      ],
    ],
  },
  trustedProxies: {
    make: trustedProxies,
    refused: [
      [[{}], 'trustedProxies: give one of hops and networks'],
      [[{ hops: 1, networks: [] }], 'trustedProxies: give one of hops and networks'],
      [[{ hops: 0 }], 'trustedProxies.hops: 0 is not a whole number from 1 to 10'],
      [[{ hops: 1.5 }], 'trustedProxies.hops: 1.5 is not a whole number from 1 to 10'],
      [[{ hops: Number.NaN }], 'trustedProxies.hops: NaN is not a whole number from 1 to 10'],
      [
        [{ networks: ['10.0.0.0/33'] }],
        'trustedProxies.networks: "10.0.0.0/33" is neither an address nor a network such as 10.0.0.0/8',
      ],
      [
        [{ networks: ['proxy.internal'] }],
        'trustedProxies.networks: "proxy.internal" is neither an address nor a network such as 10.0.0.0/8',
      ],
      [
        [{ hops: 1, clientCertificates: 'yes' }],
        'trustedProxies.clientCertificates: "yes" is not true or false',
      ],
      [
        [{ hop: 1 }],
        "trustedProxies: there is no option 'hop', only hops, networks, clientCertificates",
      ],
    ],
  },
  jwt: {
    make: jwt,
    refused: [
      [[null], 'jwt: null is not an object with options'],
      [
        [{ jwks, issuers: 'https://id.test/' }],
        "jwt: there is no option 'issuers', only issuer, audience, jwks, keys, algorithms, from, type, clockSkew, requireExpiry, claimHeaders, payloadHeader, forward, spaceDelimitedClaims",
      ],
      [
        [{ jwks }, { optinal: true }],
        "jwt: there is no option 'optinal', only optional, preflights, maxTokenLength, fetch, clock",
      ],
      [[{ jwks }, { optional: 'false' }], 'jwt.optional: "false" is not true or false'],
      [[{ jwks }, { preflights: true }], 'jwt.preflights: true is not one of pass, verify'],
      [[{ jwks }, { fetch: jwks }], 'jwt.fetch: "https://id.test/jwks" is not a function'],
      [[{ jwks }, { clock: {} }], 'jwt.clock: {} is not a clock (now, monotonic, schedule)'],
      [
        [{ jwks }, { maxTokenLength: 63 }],
        'jwt.maxTokenLength: 63 is not a whole number of 64 or more',
      ],
      [[[{ jwks }, {}]], 'jwt[1]: it has neither of jwks and keys; one says whose tokens are good'],
      [
        [{ jwks: { url: jwks, cooldown: '1m' } }],
        "jwt.jwks: there is no option 'cooldown', only url, refresh, staleFor, timeout, coolDown",
      ],
      [
        [{ jwks: 'https://ada:secret@id.test/jwks?key=secret' }],
        'jwt.jwks.url: "https://…@id.test/jwks?…" is not an http or https URL without credentials',
      ],
      [[{ jwks, requireExpiry: 'no' }], 'jwt.requireExpiry: "no" is not true or false'],
      [[{ jwks, forward: 'false' }], 'jwt.forward: "false" is not true or false'],
      [[{ jwks, type: 5 }], 'jwt.type: 5 is not text'],
      [[{ jwks, clockSkew: '6m' }], "jwt.clockSkew: '6m' is more than 5m"],
      [
        [{ jwks, clockSkew: 60 }],
        "jwt.clockSkew: 60 is not a duration (a number and a unit: ms, s, m, h or d); a bare number is ambiguous, write '60ms' or '60s'",
      ],
      [[{ jwks, algorithms: 'RS256' }], 'jwt.algorithms: "RS256" is not a list'],
      [
        [{ jwks, algorithms: [undefined] }],
        'jwt.algorithms: undefined is not among RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519, HS256, HS384, HS512',
      ],
      [[{ jwks, from: 'cookie' }], 'jwt.from: "cookie" is not an object with options'],
      [
        [{ jwks, from: { cookie: ['t'] } }],
        "jwt.from: there is no option 'cookie', only headers, cookies, query",
      ],
      [[{ jwks, from: { cookies: 't' } }], 'jwt.from.cookies: "t" is not a list'],
      [[{ jwks, from: { query: [''] } }], 'jwt.from.query: "" is not a name'],
      [
        [{ jwks, from: { headers: ['x-token'] } }],
        'jwt.from.headers: "x-token" is not an object with options',
      ],
      [
        [{ jwks, from: { headers: [{ name: 'x-token', prefix: null }] } }],
        'jwt.from.headers.prefix: null is not text',
      ],
      [
        [{ jwks, claimHeaders: ['x-user'] }],
        'jwt.claimHeaders: ["x-user"] is not an object of headers and claims',
      ],
      [
        [{ jwks, claimHeaders: { 'x-user': true } }],
        'jwt.claimHeaders: true is not the name of a claim',
      ],
      [
        [{ jwks, spaceDelimitedClaims: 'roles' }],
        'jwt.spaceDelimitedClaims: "roles" is not a list',
      ],
    ],
  },
  authorize: {
    sentence: 'AZ-14',
    make: authorize,
    refused: [
      [[{}], 'authorize: {} is not a list of policies'],
      [[[null]], 'authorize[0]: null is not an object with options'],
      [
        [[{ effect: 'deny', rules: [{}] }]],
        "authorize[0]: there is no option 'effect', only name, action, rules, authorizer, dryRun",
      ],
      [
        [[{ action: 'block' }]],
        'authorize[0].action: "block" is not one of custom, deny, allow, audit',
      ],
      [[[{ name: 7 }]], 'authorize[0].name: 7 is not text'],
      [[[{ dryRun: 'no' }]], 'authorize[0].dryRun: "no" is not true or false'],
      [
        [[{ action: 'custom', authorizer: 'gate' }]],
        'authorize[0].authorizer: "gate" is not a function',
      ],
      [[[{ rules: {} }]], 'authorize[0].rules: {} is not a list'],
      [
        [rule({ paths: ['/'] })],
        "authorize[0].rules[0]: there is no option 'paths', only from, to, when",
      ],
      [[rule({ to: [] })], 'authorize[0].rules[0].to: [] is not a list with an entry'],
      [
        [rule({ to: ['/admin'] })],
        'authorize[0].rules[0].to[0]: "/admin" is not an object of lists',
      ],
      [
        [rule({ to: [{ path: ['/'] }] })],
        'authorize[0].rules[0].to[0].path: there is no such list; there are hosts, ports, methods, paths, each with not in front too',
      ],
      [
        [rule({ when: [{ key: 'source.ip', value: '10.0.0.1' }] })],
        "authorize[0].rules[0].when[0]: there is no option 'value', only key, values, notValues",
      ],
      [
        [rule({ when: [{ key: 'source.ip', values: '10.0.0.1' }] })],
        'authorize[0].rules[0].when[0].values: "10.0.0.1" is not a list with an entry',
      ],
      [[[], { role: {} }], "authorize: there is no option 'role', only roles, onDecision"],
      [[[], { onDecision: 'log' }], 'authorize.onDecision: "log" is not a function'],
      [[[], { roles: {} }], 'authorize.roles: {} has neither claim nor header'],
      [
        [[], { roles: { header: 'x-role', trust: {} } }],
        "authorize.roles: there is no option 'trust', only claim, header, trusted",
      ],
      [
        [[], { roles: { header: 'x-role', trusted: { ipBlocks: '10.0.0.0/8' } } }],
        'authorize.roles.trusted.ipBlocks: "10.0.0.0/8" is not a list',
      ],
      [
        [[], { roles: { header: 'x-role', trusted: { principals: [''] } } }],
        'authorize.roles.trusted.principals: "" is not a principal',
      ],
    ],
  },
  externalAuthorizer: {
    make: externalAuthorizer,
    refused: [
      [[null], 'externalAuthorizer: null is not an object with options'],
      [
        [{ uri: '/check' }],
        "externalAuthorizer: there is no option 'uri', only url, headers, forward, timeout, send, clock",
      ],
      [
        [{ url: 'http://ada:secret@gate.test/' }],
        'externalAuthorizer.url: "http://…@gate.test/" is neither a path nor an http or https URL without credentials and fragment',
      ],
      [
        [{ url: '/check', headers: 'cookie' }],
        'externalAuthorizer.headers: "cookie" is not a list',
      ],
      [
        [{ url: '/check', forward: [null] }],
        'externalAuthorizer.forward: null is not the name of a header',
      ],
      [
        [{ url: '/check', timeout: '0s' }],
        'externalAuthorizer.timeout: "0s" is not longer than nothing',
      ],
      [[{ url: '/check', send: {} }], 'externalAuthorizer.send: {} is not a function'],
      [
        [{ url: '/check', clock: Date }],
        'externalAuthorizer.clock: function is not a clock (now, monotonic, schedule)',
      ],
    ],
  },
  peerCertificate: {
    make: peerCertificate,
    refused: [
      [
        [{ required: true }],
        "peerCertificate: there is no option 'required', only none; `authorize` says which peers may come in",
      ],
      [[true], 'peerCertificate: true is not wanted; `authorize` says which peers may come in'],
      [[null], 'peerCertificate: null is not wanted; `authorize` says which peers may come in'],
    ],
  },
  upstreamGuard: {
    sentence: 'UG-09',
    make: upstreamGuard,
    refused: [
      [[null], 'upstreamGuard: null is not an object with options'],
      [
        [{ resolver: 'none', host: 'a.test' }],
        "upstreamGuard: there is no option 'host', only resolver, schemes, hosts, ports, allowNetworks, denyNetworks, maxRedirects, onRefusal",
      ],
      [
        [{}],
        "upstreamGuard.resolver: give systemResolver() of 'fetchmesh/system-resolver', or 'none' where nothing tells addresses",
      ],
      [
        [{ resolver: 'system' }],
        'upstreamGuard.resolver: "system" has no resolve, and is not \'none\'',
      ],
      [[{ hosts: 'a.test' }], 'upstreamGuard.hosts: "a.test" is not a list with an entry'],
      [
        [{ hosts: ['a.test:80'] }],
        'upstreamGuard.hosts: "a.test:80" is not a name or an address without a port, nor *. and a name',
      ],
      [
        [{ resolver: 'none', schemes: ['https:'] }],
        'upstreamGuard.schemes: "https:" is not https or http',
      ],
      [[{ resolver: 'none', ports: ['443'] }], 'upstreamGuard.ports: "443" is not from 1 to 65535'],
      [
        [{ resolver: 'none', allowNetworks: '10.0.0.0/8' }],
        'upstreamGuard.allowNetworks: "10.0.0.0/8" is not a list',
      ],
      [
        [{ resolver: 'none', denyNetworks: ['10.0.0.0/33'] }],
        'upstreamGuard.denyNetworks: "10.0.0.0/33" is neither an address nor a network such as 10.0.0.0/8',
      ],
      [
        [{ resolver: 'none', maxRedirects: 21 }],
        'upstreamGuard.maxRedirects: 21 is not a whole number from 0 to 20',
      ],
      [
        [{ resolver: 'none', onRefusal: 'log' }],
        'upstreamGuard.onRefusal: "log" is not a function',
      ],
    ],
  },
};
