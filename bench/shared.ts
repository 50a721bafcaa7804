/**
 * Limits that instances share in a real Redis, ours beside what people use: what a decision costs the client and the server, as
 * ratios of one run. Run by bench/run.ts; `redis-server` has to be on the machine.
 */

import { Redis } from 'ioredis';
import { exactStore } from '../src/stores/exact.ts';
import { leasedStore } from '../src/stores/leased.ts';
import { startRedis } from '../test/support/redis-server.ts';
import { measure, type Result } from './measure.ts';
import { plenty, type SharedLimit, sharedLimits } from './peers/shared-limits.ts';
import { printRatio } from './table.ts';

/** So many ask at once. */
const callers = 64;

const keys = Array.from({ length: 1_000 }, (_, index) => `user-${index}`);
let turn = 0;
const nextKey = (): string => keys[turn++ % keys.length] as string;

const redis = await startRedis();
const observer = new Redis(redis.url);
const { limits, store, end } = sharedLimits(redis.url);

/** Decisions for so many callers. */
async function round({ take }: SharedLimit, key: () => string): Promise<void> {
  const granted = await Promise.all(Array.from({ length: callers }, () => take(key())));
  if (granted.includes(false)) throw new Error('a limit of plenty was refused');
}

/** CPU time of the server, in microseconds. */
async function serverCpu(): Promise<number> {
  const cpu = await observer.info('cpu');
  const of = (kind: string): number =>
    Number(new RegExp(`^used_cpu_${kind}:(\\S+)`, 'm').exec(cpu)?.[1]) * 1e6;
  return of('sys') + of('user');
}

/** What one contestant takes of the server, in microseconds for each decision, slice by slice. */
async function serverShare(limit: SharedLimit): Promise<number> {
  const rounds = 50;
  const before = await serverCpu();
  for (let index = 0; index < rounds; index++) await round(limit, nextKey);
  return ((await serverCpu()) - before) / (rounds * callers);
}

/** What each takes of the client, in microseconds for each decision. */
async function clientShares(
  contestants: readonly SharedLimit[],
  key: () => string,
): Promise<readonly Result[]> {
  const results = await measure(
    contestants.map((limit) => ({ name: limit.name, run: () => round(limit, key) })),
    { rounds: 7, sliceMs: 100 },
  );
  return results.map(({ name, median, lowest, rounds }) => ({
    name,
    median: median / callers,
    lowest: lowest / callers,
    rounds: rounds.map((taken) => taken / callers),
  }));
}

/** Beside the first, ours. */
function compare(what: string, results: readonly Result[], goalMicroseconds?: number): void {
  const [ours, ...others] = results as readonly [Result, ...Result[]];
  for (const theirs of others) printRatio(`${what} / ${theirs.name}`, { ours, theirs });
  if (goalMicroseconds === undefined) return;
  const { median } = ours;
  const verdict = median <= goalMicroseconds ? 'reached' : 'MISSED';
  console.log(
    `${`${what}, ours`.padEnd(64)} ${`${median.toFixed(1)} µs`.padStart(8)}   at most ${goalMicroseconds} µs on a quiet machine: ${verdict}`,
  );
}

compare('a decision, client', await clientShares(limits, nextKey), 10);

const slices = limits.map((): number[] => []);
for (let slice = 0; slice < 5; slice++) {
  for (const [index, limit] of limits.entries()) slices[index]?.push(await serverShare(limit));
}
const onServer = limits.map(({ name }, index): Result => {
  const rounds = slices[index] as number[];
  const sorted = rounds.toSorted((a, b) => a - b);
  return { name, median: sorted[2] as number, lowest: sorted[0] as number, rounds };
});
compare('a decision, server', onServer, 11);

/** Those who wait for one key are answered together. */
const exact = exactStore(store);
const shared = { quota: plenty, windowMs: 60_000, burst: plenty };
const together: SharedLimit = {
  name: 'exactStore',
  take: async (key) => (await exact.take(key, shared, 1, 1)).granted === 1,
};
compare('all for one key, client', await clientShares([together, ...limits.slice(1)], () => 'hot'));

/** Admissions for each script of Redis, where more is asked for than there is. */
const leased = leasedStore(store);
const limit = { quota: 100_000, windowMs: 1_000, burst: 10_000 };
await observer.config('RESETSTAT');
let admitted = 0;
const endsAt = performance.now() + 2_000;
while (performance.now() < endsAt) {
  const grants = await Promise.all(
    Array.from({ length: callers }, async () => await leased.take('hot', limit, 1, 1)),
  );
  for (const { granted } of grants) admitted += granted;
}
const stats = await observer.info('commandstats');
const scripts = [...stats.matchAll(/^cmdstat_evalsha:calls=(\d+)/gm)].reduce(
  (sum, [, calls]) => sum + Number(calls),
  0,
);
const perScript = admitted / scripts;
console.log(
  `${'leased, at saturation: admissions for each question to Redis'.padEnd(64)} ${perScript.toFixed(0).padStart(8)}   at least 100: ${perScript >= 100 ? 'reached' : 'MISSED'}`,
);

end();
observer.disconnect();
await redis.stop();
