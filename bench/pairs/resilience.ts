/** Policies around a call that succeeds at once. */

import * as cockatiel from 'cockatiel';
import CircuitBreaker from 'opossum';
import { outbound } from '../../src/index.ts';
import { breaker } from '../../src/policies/breaker/breaker.ts';
import { bulkhead } from '../../src/policies/bulkhead.ts';
import { retry } from '../../src/policies/retry.ts';
import { timeout } from '../../src/policies/timeout.ts';
import type { Pair } from './pair.ts';

const request = new Request('http://users.internal/');
const response = new Response(null);
const call = async (_request: Request, _init?: RequestInit): Promise<Response> => response;

const through = outbound(call);
const bare = { ours: () => through(request), peer: () => call(request) };
const timed = outbound(call, timeout('800ms'));
const retried = outbound(call, retry({ max: 2 }));
const wrapped = outbound(call, retry({ max: 2, perTry: '800ms' }));

const guarded = outbound(call, breaker());
const opened = breaker({ mode: 'forced_open' });
const refused = outbound(call, opened);
const limited = outbound(call, bulkhead({ limit: 1_000 }));
const everything = outbound(
  call,
  retry({ max: 2, perTry: '800ms' }),
  breaker(),
  bulkhead({ limit: 1_000 }),
);

const peerTimeout = cockatiel.timeout(800, cockatiel.TimeoutStrategy.Cooperative);
const peerRetry = cockatiel.retry(cockatiel.handleAll, {
  maxAttempts: 2,
  backoff: new cockatiel.ExponentialBackoff(),
});
const peerWrap = cockatiel.wrap(peerRetry, peerTimeout);
const peerBreaker = () =>
  cockatiel.circuitBreaker(cockatiel.handleAll, {
    halfOpenAfter: 5_000,
    breaker: new cockatiel.SamplingBreaker({ threshold: 0.5, duration: 10_000, minimumRps: 2 }),
  });
const peerGuard = peerBreaker();
const peerOpened = peerBreaker();
peerOpened.isolate();
const peerBulkhead = cockatiel.bulkhead(1_000);
const peerEverything = cockatiel.wrap(peerRetry, peerBreaker(), peerBulkhead, peerTimeout);
const opossum = new CircuitBreaker(call, { timeout: false });

export const pairs: readonly Pair[] = [
  {
    name: 'timeout / cockatiel timeout',
    ours: () => timed(request),
    peer: () => peerTimeout.execute(() => call(request)),
    bare,
    goal: { id: 'P6', atMost: 0.03, floor: 0.2 },
  },
  {
    name: 'retry / cockatiel retry',
    ours: () => retried(request),
    peer: () => peerRetry.execute(() => call(request)),
    bare,
  },
  {
    name: 'retry and timeout / cockatiel wrap',
    ours: () => wrapped(request),
    peer: () => peerWrap.execute(() => call(request)),
    bare,
    goal: { id: 'P6', atMost: 0.12, floor: 0.2 },
  },
  {
    name: 'breaker / cockatiel circuitBreaker',
    ours: () => guarded(request),
    peer: () => peerGuard.execute(() => call(request)),
    bare,
  },
  {
    name: 'breaker / opossum',
    ours: () => guarded(request),
    peer: () => opossum.fire(request),
    bare,
  },
  {
    name: 'open breaker / cockatiel, isolated',
    ours: () => refused(request),
    peer: () => peerOpened.execute(() => call(request)).catch(() => {}),
    bare,
  },
  {
    name: 'bulkhead / cockatiel bulkhead',
    ours: () => limited(request),
    peer: () => peerBulkhead.execute(() => call(request)),
    bare,
  },
  {
    name: 'retry, breaker, bulkhead and timeout / cockatiel wrap',
    ours: () => everything(request),
    peer: () => peerEverything.execute(() => call(request)),
    bare,
    goal: { id: 'P6', atMost: 0.12, floor: 0.2 },
  },
];
