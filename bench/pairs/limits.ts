/** Counting what a caller asks for, and refusing it. */

import { Hono } from 'hono';
import { rateLimiter } from 'hono-rate-limiter';
import { RateLimiterMemory } from 'rate-limiter-flexible';
import { inbound } from '../../src/index.ts';
import { type LimitKey, rateLimit } from '../../src/policies/rate-limit.ts';
import { shed } from '../../src/policies/shed.ts';
import type { Grant, Limit, TakingStore } from '../../src/stores/contract.ts';
import { delegateTo } from '../../src/stores/delegate.ts';
import { exactStore } from '../../src/stores/exact.ts';
import { leasedStore } from '../../src/stores/leased.ts';
import { memoryStore } from '../../src/stores/memory.ts';
import type { Pair } from './pair.ts';

const plenty = 1_000_000_000;
const keys = Array.from({ length: 1_000 }, (_, index) => `user-${index}`);
let turn = 0;
const nextKey = (): string => keys[turn++ % keys.length] as string;

/** Time costs as much for both: it is left out. */
const frozen = { now: () => 0, monotonic: () => 0, schedule: () => () => {} };
const store = memoryStore({ clock: frozen });
const limit = { quota: plenty, windowMs: 60_000, burst: plenty };
const flexible = new RateLimiterMemory({ points: plenty, duration: 60 });

/** Shared by instances: what it costs to be asked is not measured, but that its answers are promises is. */
const shared: TakingStore = delegateTo(memoryStore(), {
  take: async (...args: [string, Limit, number, number]): Promise<Grant> => store.take(...args),
});
const leased = leasedStore(shared);
const exact = exactStore(shared);
const spent = { quota: 1, windowMs: 86_400_000, burst: 1 };
await exact.take('spent', spent, 1, 1);
await exact.take('spent', spent, 1, 1);
const flexibleSpent = new RateLimiterMemory({ points: 1, duration: 86_400 });
await flexibleSpent.consume('spent');

/** Many at once: one takes less than the loop around it. */
const times = 100;

const request = new Request('http://shop.example/', { headers: { 'x-user': 'ada' } });
const by: LimitKey = ({ headers }) => headers.get('x-user');
const response = new Response('hello');

const bareApp = inbound(() => response);
const limited = inbound(() => response, rateLimit({ limit: plenty, per: '1m', by, burst: 1_000 }));
const refusing = rateLimit({ limit: 1, per: '1d', by });
const refused = inbound(() => response, refusing);
const shedding = inbound(() => response, shed({ from: 0, full: 1, load: () => 1 }));
await refused(request);

function honoApp(most?: number): (request: Request) => Response | Promise<Response> {
  const app = new Hono();
  if (most !== undefined) {
    app.use(
      rateLimiter({
        windowMs: 86_400_000,
        limit: most,
        keyGenerator: (c) => c.req.header('x-user') ?? '',
      }),
    );
  }
  app.get('/', (c) => c.body('hello'));
  return (request) => app.fetch(request);
}
const honoBare = honoApp();
const honoLimited = honoApp(plenty);
const honoRefused = honoApp(1);
await honoRefused(request);

export const pairs: readonly Pair[] = [
  {
    name: 'a unit of a limit, without the clock / rate-limiter-flexible',
    ours: () => {
      for (let index = 0; index < times; index++) store.take(nextKey(), limit, 1, 1);
    },
    peer: async () => {
      for (let index = 0; index < times; index++) await flexible.consume(nextKey());
    },
    goal: { id: 'P5', atMost: 0.08, floor: 0.15 },
  },
  {
    name: 'a leased unit of a shared limit / rate-limiter-flexible',
    ours: async () => {
      for (let index = 0; index < times; index++) {
        const answer = leased.take('hot', limit, 1, 1);
        if ('then' in answer) await answer;
      }
    },
    peer: async () => {
      for (let index = 0; index < times; index++) await flexible.consume('hot');
    },
  },
  {
    name: 'a shared limit that is known to be spent / rate-limiter-flexible',
    ours: () => {
      for (let index = 0; index < times; index++) exact.take('spent', spent, 1, 1);
    },
    peer: async () => {
      for (let index = 0; index < times; index++) {
        await flexibleSpent.consume('spent').catch(() => {});
      }
    },
  },
  {
    name: 'rate limit, passed, with fields / hono-rate-limiter',
    ours: () => limited(request),
    peer: () => honoLimited(request),
    bare: { ours: () => bareApp(request), peer: () => honoBare(request) },
  },
  {
    name: 'rate limit, 429 / hono-rate-limiter',
    ours: () => refused(request),
    peer: () => honoRefused(request),
  },
  {
    name: 'shed, 503 / hono-rate-limiter 429',
    ours: () => shedding(request),
    peer: () => honoRefused(request),
  },
];
