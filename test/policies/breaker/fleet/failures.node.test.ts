/**
 * What becomes of a fleet's breakers when something fails, by the numbers of docs/semantics/failures.md: the real breakers and
 * fleets in front of a simulated server, in virtual time.
 */

import { describe, expect, test } from 'vitest';
import { outbound } from '../../../../src/index.ts';
import { type BreakerOptions, breaker } from '../../../../src/policies/breaker/breaker.ts';
import {
  type BreakerFleetOptions,
  breakerFleet,
} from '../../../../src/policies/breaker/fleet/fleet.ts';
import { readRegister } from '../../../../src/policies/breaker/fleet/register.ts';
import { openVotes } from '../../../../src/policies/breaker/fleet/votes.ts';
import type { Store } from '../../../../src/stores/contract.ts';
import { type KvNamespaceLike, workersKvStore } from '../../../../src/stores/workers-kv.ts';
import { goodNetwork, type Network, Simulation } from '../../../support/simulation.ts';
import type { VirtualClock } from '../../../support/virtual-clock.ts';

const probeMs = 2_000;
const pollMs = 1_000;

/** An instance, and how its upstream answers it. */
class Peer {
  isWell = true;
  /** Told of a call; the call never ends where it says so. */
  isLast: () => boolean = () => false;
  /** Calls that came through to the upstream, in milliseconds. */
  readonly calls: number[] = [];
  readonly rejections: unknown[] = [];
  readonly network: Network;
  readonly fleet: ReturnType<typeof breakerFleet>;
  readonly breaker: ReturnType<typeof breaker>;
  readonly #fetch: ReturnType<typeof outbound>;

  constructor(
    network: Network,
    fleet: ReturnType<typeof breakerFleet>,
    clock: VirtualClock,
    options: BreakerOptions = {},
  ) {
    this.network = network;
    this.fleet = fleet;
    this.breaker = breaker({
      ...{ failures: 4, openFor: '5s', key: 'all', name: 'pay', fleet, clock },
      ...{ halfOpen: { successes: 1, timeout: `${probeMs}ms` } },
      ...options,
    });
    this.#fetch = outbound(async () => {
      this.calls.push(clock.monotonic());
      if (this.isLast()) return await new Promise<never>(() => {});
      return new Response(null, { status: this.isWell ? 200 : 503 });
    }, this.breaker);
  }

  async call(times = 1): Promise<void> {
    for (let call = 0; call < times; call++) {
      await this.#fetch('http://pay.example/').catch((error) => this.rejections.push(error));
    }
  }

  get state(): string {
    return this.breaker.status().state;
  }
}

interface PeersOptions {
  readonly network?: Partial<Network>;
  readonly fleet?: Partial<BreakerFleetOptions>;
  readonly breaker?: BreakerOptions;
  readonly storeOf?: (simulation: Simulation, network: Network) => Store;
}

class Peers {
  readonly simulation: Simulation;
  readonly clock: VirtualClock;
  readonly all: readonly Peer[];
  readonly #options: PeersOptions;

  constructor(seed: number, size: number, options: PeersOptions = {}) {
    this.#options = options;
    this.simulation = new Simulation(seed);
    this.clock = this.simulation.clock;
    this.all = Array.from({ length: size }, () => this.start());
  }

  /** One more instance, which is none of {@link all}. */
  start(settings: Partial<BreakerFleetOptions> = {}): Peer {
    const { storeOf = (simulation, network) => simulation.link(network) } = this.#options;
    const { clock, random } = this.simulation;
    const network = { ...goodNetwork, ...this.#options.network };
    const store = storeOf(this.simulation, network);
    const common = { store, clock, random, ramp: '0ms', ...this.#options.fleet };
    const fleet = breakerFleet({ ...common, ...settings });
    return new Peer(network, fleet, clock, this.#options.breaker);
  }

  /** Time in which every instance has a call each `everyMs`, and none that waits for the store. */
  async run(ms: number, everyMs = 10, whose: readonly Peer[] = this.all): Promise<void> {
    for (let step = 0; step < ms; step += everyMs) {
      await Promise.all(whose.map((peer) => peer.call()));
      await this.clock.advance(everyMs);
    }
  }

  count(state: string): number {
    return this.all.filter((peer) => peer.state === state).length;
  }

  /** How long until all are in a state, in milliseconds. */
  async until(state: string, mostMs: number, everyMs = 10): Promise<number> {
    const begunAt = this.clock.monotonic();
    while (this.count(state) < this.all.length) {
      const waitedMs = this.clock.monotonic() - begunAt;
      if (waitedMs > mostMs)
        throw new Error(`${this.count(state)} are ${state} after ${mostMs} ms`);
      await this.run(everyMs, everyMs);
    }
    return this.clock.monotonic() - begunAt;
  }

  get rejections(): readonly unknown[] {
    return this.all.flatMap(({ rejections }) => rejections);
  }

  /** When the upstream was called, by whomever. */
  callsSince(at: number): readonly number[] {
    const calls = this.all.flatMap((peer) => peer.calls.filter((call) => call > at));
    return calls.sort((a, b) => a - b);
  }
}

const badNetwork: Partial<Network> = { drop: 0.1, duplicate: 0.2, delayMs: [1, 40] };

describe.each([1, 2, 3])('seed %i', (seed) => {
  test('FT-20 one broken instance of ten opens no other one; six open all within 50 ms', async () => {
    const peers = new Peers(seed, 10);
    await peers.run(3_000);
    const [broken] = peers.all as [Peer];
    broken.isWell = false;
    await peers.run(4_000);
    expect([peers.count('open'), broken.state]).toEqual([1, 'open']);
    for (const peer of peers.all.slice(0, 6)) peer.isWell = false;
    const ms = await peers.until('open', 200, 1);
    console.log(`FT-20 open in all ten ${ms} ms after the upstream failed six`);
    expect(ms).toBeLessThanOrEqual(50);
    expect(peers.rejections).toEqual([]);
  });

  test('FT-20, ST-08 one that is broken, crashes and starts anew opens no other one, in a fleet of two or four', async () => {
    for (const others of [1, 3]) {
      const peers = new Peers(seed, others);
      await peers.run(3_000);
      for (let start = 0; start < 8; start++) {
        const broken = peers.start({ instance: 'web-4:8080' });
        broken.isWell = false;
        await peers.run(2_000, 10, [...peers.all, broken]);
        expect(broken.state).toBe('open');
      }
      expect(peers.count('closed')).toBe(others);
      // It is one of the fleet all the same: with half of the others it opens the rest.
      const broken = peers.start({ instance: 'web-4:8080' });
      for (const peer of [broken, ...peers.all.slice(0, 2)]) peer.isWell = false;
      await peers.run(1_000, 10, [...peers.all, broken]);
      expect(peers.count('open')).toBe(others);
    }
  });

  test('FT-20 where calls and messages are lost, a few looks later', async () => {
    const peers = new Peers(seed, 10, { network: badNetwork, breaker: { openFor: '30s' } });
    await peers.run(6_000);
    const [broken] = peers.all as [Peer];
    broken.isWell = false;
    await peers.run(4_000);
    expect(peers.count('open')).toBe(1);
    for (const peer of peers.all.slice(0, 6)) peer.isWell = false;
    const ms = await peers.until('open', 10 * pollMs);
    console.log(`FT-20 lossy: open in all ten after ${ms} ms`);
    expect(peers.rejections).toEqual([]);
  });

  async function opened(options: PeersOptions = {}): Promise<{ peers: Peers; since: number }> {
    const peers = new Peers(seed, 4, { fleet: { adopt: 'any' }, ...options });
    await peers.run(2_000);
    for (const peer of peers.all) peer.isWell = false;
    await peers.until('open', 1_000);
    return { peers, since: peers.clock.monotonic() };
  }

  test('FT-21 at half open there is one probe in each time of a probe, however many ask', async () => {
    const { peers, since } = await opened({ breaker: { maxOpenFor: '5s' } });
    await peers.run(40_000);
    const probes = peers.callsSince(since);
    const gaps = probes.slice(1).map((at, index) => at - (probes[index] as number));
    console.log(`FT-21 ${probes.length} probes in 40 s; at least ${Math.min(...gaps)} ms apart`);
    expect(probes.length).toBeGreaterThan(4);
    // Elected by the server, the question on its way for at most 2 ms.
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(probeMs - 20);
  });

  test('FT-21 the one that probes dies: another one probes within twice the time of a probe', async () => {
    const { peers, since } = await opened();
    const dead: Peer[] = [];
    for (const peer of peers.all) {
      peer.isWell = true;
      peer.isLast = () => dead.length === 0 && dead.push(peer) > 0;
    }
    // Whoever calls first never ends that call, and never calls again.
    const living = () => peers.all.filter((peer) => !dead.includes(peer));
    while (dead.length === 0) {
      for (const peer of peers.all) void peer.call();
      await peers.clock.advance(10);
    }
    await peers.run(2 * probeMs, 10, living());
    const [died, next] = peers.callsSince(since) as [number, number];
    console.log(`FT-21 the next probe ${next - died} ms after the one that died`);
    expect(next - died).toBeLessThanOrEqual(2 * probeMs);
    expect(living().map(({ state }) => state)).toEqual(['closed', 'closed', 'closed']);
  });

  test('FT-21 without the store each probes by itself, and no more than once in that time', async () => {
    const { peers } = await opened({ breaker: { maxOpenFor: '5s' } });
    peers.simulation.server.kill();
    const since = peers.clock.monotonic();
    await peers.run(30_000);
    for (const { calls } of peers.all) {
      const probes = calls.filter((at) => at > since);
      const gaps = probes.slice(1).map((at, index) => at - (probes[index] as number));
      expect(probes.length).toBeGreaterThan(0);
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(probeMs);
    }
    expect(peers.rejections).toEqual([]);
  });

  test('FT-22 lost, doubled, late and stale messages: in the end all are closed, and stay so', async () => {
    const network = { ...badNetwork, staleMs: 3_000 };
    const peers = new Peers(seed, 4, { network, fleet: { adopt: 'any' } });
    const { random } = peers.simulation;
    for (let change = 0; change < 20; change++) {
      for (const peer of peers.all) peer.isWell = random() < 0.5;
      await peers.run(500 + random() * 3_000, 50);
    }
    for (const peer of peers.all) peer.isWell = true;
    await peers.until('closed', 300_000, 100);
    await peers.run(30_000, 100);
    expect(peers.count('closed')).toBe(4);
    expect(peers.rejections).toEqual([]);
  });

  test('FT-10 a wall clock that jumps opens and closes nothing', async () => {
    const { peers, since } = await opened();
    for (const peer of peers.all) peer.isWell = true;
    peers.clock.jump(seed % 2 === 0 ? 3_600_000 : -3_600_000);
    await peers.run(4_900);
    expect(peers.callsSince(since)).toEqual([]);
    await peers.until('closed', 3_000);
  });

  test('FT-18 five isolates vote on Workers KV within a second: no request notices, no vote is lost', async () => {
    const kv = new SimulatedKv();
    const staleMs = 60_000;
    const kvPollMs = 10_000;
    const peers = new Peers(seed, 5, {
      breaker: { openFor: '900s', maxOpenFor: '900s' },
      fleet: { adopt: 'off' },
      storeOf: ({ clock, random }) => workersKvStore(kv.namespace(clock), { clock, random }),
    });
    const { clock } = peers;
    await peers.run(30_000, 500);
    const begunAt = clock.monotonic();
    for (const peer of peers.all) {
      peer.isWell = false;
      await peer.call(4);
      await clock.advance(150);
    }
    await peers.run(2 * (staleMs + kvPollMs), 500);
    const votes = readRegister(kv.latest ?? '{}').circuits.get('pay') ?? [];
    console.log(`FT-18 ${openVotes(votes).length} of 5 votes stand, ${kv.refused} writes refused`);
    expect(openVotes(votes).length).toBe(5);
    expect(clock.monotonic() - begunAt).toBeLessThan(2.1 * (staleMs + kvPollMs));
    expect(peers.rejections).toEqual([]);
    for (const writes of kv.writesOf.values()) {
      const gaps = writes.slice(1).map((at, index) => at - (writes[index] as number));
      expect(Math.min(...gaps)).toBeGreaterThanOrEqual(1_000);
    }
  });
});

/** One key of Workers KV: a write a second, the last one stays; each isolate reads what it read up to a minute ago. */
class SimulatedKv {
  latest: string | undefined;
  refused = 0;
  readonly writesOf = new Map<object, number[]>();
  #metadata: unknown;
  #writtenAt = Number.NEGATIVE_INFINITY;

  /** As one isolate sees it. */
  namespace(clock: VirtualClock): KvNamespaceLike {
    let cached: { readonly value: string | null; readonly metadata: unknown } | undefined;
    let cachedAt = 0;
    const own: number[] = [];
    const kv: KvNamespaceLike = {
      getWithMetadata: async () => {
        if (cached === undefined || clock.monotonic() - cachedAt >= 60_000) {
          cached = { value: this.latest ?? null, metadata: this.#metadata };
          cachedAt = clock.monotonic();
        }
        return cached;
      },
      put: async (_, value, { metadata }) => {
        own.push(clock.monotonic());
        if (clock.monotonic() - this.#writtenAt < 1_000) {
          this.refused += 1;
          throw new Error('KV PUT failed: 429 Too Many Requests');
        }
        this.#writtenAt = clock.monotonic();
        this.latest = value;
        this.#metadata = metadata;
      },
      delete: async () => {},
    };
    this.writesOf.set(kv, own);
    return kv;
  }
}
