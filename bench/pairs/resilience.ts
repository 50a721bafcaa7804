/** Policies around a call that succeeds at once. */

import * as cockatiel from 'cockatiel';
import { outbound } from '../../src/index.ts';
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

const peerTimeout = cockatiel.timeout(800, cockatiel.TimeoutStrategy.Cooperative);
const peerRetry = cockatiel.retry(cockatiel.handleAll, {
  maxAttempts: 2,
  backoff: new cockatiel.ExponentialBackoff(),
});
const peerWrap = cockatiel.wrap(peerRetry, peerTimeout);

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
];
