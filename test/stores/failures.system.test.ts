/**
 * What becomes of limits that real processes share through a real Redis, which is killed or stopped, or they are: by the
 * numbers of docs/semantics/failures.md. What was admitted is printed beside the bound.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from 'redis';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Limit } from '../../src/stores/contract.ts';
import {
  type LimitedProcess,
  type LimitedRun,
  limitedProcesses,
  together,
} from '../support/limited-processes.ts';
import { type RedisServer, startRedis, startRedisOn } from '../support/redis-server.ts';
import { endAll } from '../support/serving.ts';

const size = 4;
const leaseMs = 200;

let redis: RedisServer;

beforeEach(async () => {
  redis = await startRedis();
});

afterEach(async () => {
  endAll();
  await redis.stop();
});

function begin(processes: readonly LimitedProcess[]): void {
  for (const { begin } of processes) begin();
}

async function finish(processes: readonly LimitedProcess[]) {
  return together(await Promise.all(processes.map(({ ended }) => ended())));
}

/** `min(N × B, r × lease)`. */
function leaseTerm({ quota, windowMs, burst }: Limit): number {
  return Math.min(size * Math.floor(burst / (2 * size)), (quota / windowMs) * leaseMs);
}

/** How often Redis has run a script. */
async function scriptsRun(): Promise<number> {
  const client = createClient({ url: redis.url });
  await client.connect();
  const stats = await client.info('commandstats');
  client.destroy();
  return [...stats.matchAll(/cmdstat_eval(?:sha)?:calls=(\d+)/g)].reduce(
    (sum, [, calls]) => sum + Number(calls),
    0,
  );
}

describe('four processes on one key', () => {
  const limit: Limit = { quota: 10_000, windowMs: 1_000, burst: 2_600 };
  const saturating: Omit<LimitedRun, 'url' | 'mode'> = {
    ...{ instances: size, limit, perSecond: 4_000, runMs: 5_000, deadline: '500ms' },
    onStoreError: 'closed',
  };

  test.each(['exact', 'leased'] as const)(
    'FT-15 %s: never above b + rL, and nearly all of what is allowed',
    async (mode) => {
      // What is still held on lease when the run ends counts for less in a longer one.
      const runMs = mode === 'leased' ? 10_000 : saturating.runMs;
      const run: LimitedRun = { ...saturating, url: redis.url, mode, runMs };
      const processes = await limitedProcesses(run, size);
      const before = await scriptsRun();
      begin(processes);
      const seen = await finish(processes);
      const operations = (await scriptsRun()) - before;
      const allowed = limit.burst + limit.quota * seen.seconds;
      // What a busy machine takes away is no fault of the limiter. On a quiet one it is nothing.
      const possible = allowed - (limit.quota * seen.stalledMs) / 1_000;
      console.log(
        `FT-15 ${mode}: ${seen.admitted} admitted of ${allowed.toFixed(0)} allowed (${((100 * seen.admitted) / allowed).toFixed(2)} %), ` +
          `${(seen.admitted / operations).toFixed(1)} for each script of Redis; ${seen.asked} asked, stalled for ${seen.stalledMs.toFixed(0)} ms`,
      );
      expect(seen.answered).toBe(seen.asked);
      const leased = mode === 'leased' ? leaseTerm(limit) : 0;
      expect(seen.admitted).toBeLessThanOrEqual(allowed + leased);
      // The 99 % are asserted in virtual time. Here they are printed: what else the machine does takes some of them.
      expect(seen.admitted).toBeGreaterThanOrEqual(0.9 * possible);
      if (mode === 'leased') expect(seen.admitted / operations).toBeGreaterThanOrEqual(100);
    },
  );

  test('FT-13, FT-15 one is killed and one is stopped for a second: what they held is lost, not spent later', async () => {
    const run: LimitedRun = { ...saturating, url: redis.url, mode: 'leased' };
    const processes = await limitedProcesses(run, size);
    const [killed, stopped, ...others] = processes as [
      LimitedProcess,
      LimitedProcess,
      ...LimitedProcess[],
    ];
    begin(processes);
    await sleep(1_000);
    killed.process.kill('SIGKILL');
    stopped.process.kill('SIGSTOP');
    await sleep(1_000);
    stopped.process.kill('SIGCONT');
    const tallies = await Promise.all(processes.map(({ ended }) => ended()));
    const seen = together(tallies);
    const allowed = limit.burst + limit.quota * seen.seconds;
    console.log(
      `FT-13 killed after ${killed.tally().admitted}; ${seen.admitted} admitted of ${allowed.toFixed(0)} allowed`,
    );
    expect(tallies.map(({ isOver }) => isOver)).toEqual([false, true, true, true]);
    expect(seen.admitted).toBeLessThanOrEqual(allowed + leaseTerm(limit));
    for (const { tally } of others)
      expect(tally().admitted).toBeGreaterThan(killed.tally().admitted);
  });
});

describe('Redis under 2,000 requests a second', () => {
  const limit: Limit = { quota: 2_000, windowMs: 1_000, burst: 400 };
  const deadlineMs = 25;
  const run: Omit<LimitedRun, 'url' | 'mode'> = {
    ...{ instances: 2, limit, perSecond: 1_000, runMs: 5_000, deadline: `${deadlineMs}ms` },
    onStoreError: 'local',
  };

  /** Whatever happens: the local shares are a burst and a rate for all together, and so is the store. */
  function holds(what: string, seen: ReturnType<typeof together>): void {
    const bound = limit.burst + limit.quota * seen.seconds + leaseTerm(limit) + limit.burst * 2;
    const addedMs = seen.slowestMs - seen.worstLagMs;
    console.log(
      `${what}: ${seen.admitted} admitted, proven ${bound.toFixed(0)}; slowest ${seen.slowestMs.toFixed(1)} ms, p99 ${seen.p99Ms.toFixed(1)} ms, ` +
        `timers late by ${seen.worstLagMs.toFixed(1)} ms, so at most ${Math.max(0, addedMs).toFixed(1)} ms added of ${deadlineMs} + 5`,
    );
    expect(seen.answered).toBe(seen.asked);
    expect(seen.asked).toBeGreaterThan(7_000);
    expect(seen.unavailable).toBe(0);
    expect(seen.admitted).toBeLessThanOrEqual(bound);
    // What a busy machine adds is measured by timers, and may add itself twice: before the deadline and behind it.
    expect(seen.slowestMs).toBeLessThanOrEqual(deadlineMs + 5 + 2 * seen.worstLagMs + 50);
  }

  test.each(['leased', 'exact'] as const)(
    'FT-02 frozen for 2 s (%s): all are answered, none waits beyond the deadline',
    async (mode) => {
      const processes = await limitedProcesses({ ...run, url: redis.url, mode }, 2);
      begin(processes);
      await sleep(1_500);
      redis.process.kill('SIGSTOP');
      await sleep(2_000);
      redis.process.kill('SIGCONT');
      holds(`FT-02 ${mode}`, await finish(processes));
    },
  );

  test.each(['leased', 'exact'] as const)(
    'FT-01 killed, and started anew without its data (%s)',
    async (mode) => {
      const processes = await limitedProcesses({ ...run, url: redis.url, mode }, 2);
      begin(processes);
      await sleep(1_500);
      const { port } = new URL(redis.url);
      await redis.stop();
      await sleep(1_500);
      redis = await startRedisOn(Number(port));
      holds(`FT-01 ${mode}`, await finish(processes));
    },
  );
});
