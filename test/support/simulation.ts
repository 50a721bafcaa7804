/**
 * A server that keeps state, and instances that reach it through a network, in virtual time and by one seed: what goes wrong
 * does so the same way on every run.
 */

import type {
  Capabilities,
  Entry,
  Grant,
  Limit,
  SetOptions,
  Store,
} from '../../src/stores/contract.ts';
import { believableState, depthOf, takeGcra } from '../../src/stores/gcra.ts';
import { VirtualClock } from './virtual-clock.ts';

/** Numbers in [0, 1), the same for the same seed (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What a network does to calls. May be changed while it runs. */
export interface Network {
  /** How long a call takes there and back, in milliseconds: from the first to the second. */
  delayMs: readonly [number, number];
  /** How many of the calls or of their answers are lost, from 0 to 1. */
  drop: number;
  /**
   * How many of the calls are executed twice. None that gives units back: those who take once and give back twice have
   * granted themselves one, whatever the algorithm; that no client repeats a call is for its settings.
   */
  duplicate: number;
  /** Reads may answer what was there so long ago, in milliseconds. */
  staleMs: number;
  /** Nothing arrives. */
  isCut: boolean;
}

export const goodNetwork: Network = {
  delayMs: [0.5, 2],
  drop: 0,
  duplicate: 0,
  staleMs: 0,
  isCut: false,
};

interface Stored {
  readonly fullAt: number;
  readonly depthMs: number;
  readonly usedAt: number;
}

interface Value extends Entry {
  readonly expiresAt: number;
}

interface Write {
  readonly at: number;
  readonly key: string;
  readonly entry: Value | null;
}

/** Which limit goes where the server has room for no further one. */
export type Eviction = 'volatile-ttl' | 'allkeys-lru';

/** How many keys are looked at to find one to forget, as in Redis. */
const evictionSamples = 5;

/** A linearizable server in the manner of Redis: it executes one command at a time, on its own clock. */
export class SimulatedServer {
  /** How far its clock is off, in milliseconds. */
  clockOffMs = 0;
  state: 'up' | 'frozen' | 'down' = 'up';
  /** How often each command was executed. */
  readonly executed = { get: 0, set: 0, take: 0 };
  /** The most units that one call asked for. */
  largestTake = 0;
  /** For how many limits there is room, and what happens beyond that. */
  room: number = Number.POSITIVE_INFINITY;
  eviction: Eviction = 'volatile-ttl';
  readonly #clock: VirtualClock;
  readonly #random: () => number;
  #limits = new Map<string, Stored>();
  readonly #keys: string[] = [];
  readonly #values = new Map<string, Value>();
  readonly #writes: Write[] = [];
  readonly #takes: { readonly at: number; readonly key: string; readonly stored: Stored }[] = [];
  readonly #listeners = new Set<(key: string, entry: Entry | null) => void>();
  #waiting: (() => void)[] = [];
  #versions = 0;

  constructor(clock: VirtualClock, random: () => number) {
    this.#clock = clock;
    this.#random = random;
  }

  /** Executes a command: at once, when it goes on, or never where it is down. */
  execute<T>(command: () => T): Promise<T> {
    if (this.state === 'down') return Promise.reject(new Error('connect ECONNREFUSED'));
    if (this.state === 'up') return Promise.resolve(command());
    return new Promise((resolve) => this.#waiting.push(() => resolve(command())));
  }

  freeze(): void {
    this.state = 'frozen';
  }

  /** Goes on; what had come meanwhile is executed now. */
  thaw(): void {
    this.state = 'up';
    for (const command of this.#waiting.splice(0)) command();
  }

  kill(): void {
    this.state = 'down';
    this.#waiting = [];
  }

  /** Comes back, without its data where it had been written nowhere. */
  restart({ keepsData }: { readonly keepsData: boolean }): void {
    this.state = 'up';
    if (!keepsData) this.#limits.clear();
  }

  /** A replica takes over that has not heard of the last milliseconds. */
  failOver(lagMs: number): void {
    const until = this.#clock.monotonic() - lagMs;
    this.#limits = new Map();
    for (const { at, key, stored } of this.#takes) if (at <= until) this.#limits.set(key, stored);
  }

  take(key: string, limit: Limit, n: number, min: number): Grant {
    this.executed.take += 1;
    this.largestTake = Math.max(this.largestTake, n);
    const now = this.#clock.monotonic() + this.clockOffMs;
    const before = this.#limits.get(key);
    const known = before && believableState(before.fullAt, before.depthMs, limit, now);
    const { grant, fullAt } = takeGcra(known, limit, n, min, now);
    const isNew = n < 0 || grant.granted > 0 || known !== before?.fullAt;
    if (n === 0 || !isNew) return grant;
    const stored = { fullAt, depthMs: depthOf(limit), usedAt: this.#clock.monotonic() };
    if (!this.#limits.has(key)) this.#makeRoomFor(key);
    this.#limits.set(key, stored);
    this.#takes.push({ at: stored.usedAt, key, stored });
    return grant;
  }

  get(key: string, staleMs = 0): Entry | null {
    this.executed.get += 1;
    if (staleMs === 0) return this.#unexpired(this.#values.get(key));
    const until = this.#clock.monotonic() - staleMs;
    const then = this.#writes.findLast((write) => write.key === key && write.at <= until);
    return this.#unexpired(then?.entry ?? undefined);
  }

  set(key: string, value: string | null, { if: version, ttlMs }: SetOptions = {}): string | false {
    this.executed.set += 1;
    const present = this.#unexpired(this.#values.get(key));
    if (version !== undefined && version !== (present?.version ?? null)) return false;
    const expiresAt = this.#clock.monotonic() + (ttlMs ?? Number.POSITIVE_INFINITY);
    const entry = value === null ? null : { value, version: String(++this.#versions), expiresAt };
    if (entry === null) this.#values.delete(key);
    else this.#values.set(key, entry);
    this.#writes.push({ at: this.#clock.monotonic(), key, entry });
    for (const listener of this.#listeners) listener(key, entry);
    return entry?.version ?? '';
  }

  listen(listener: (key: string, entry: Entry | null) => void, signal: AbortSignal): void {
    this.#listeners.add(listener);
    signal.addEventListener('abort', () => this.#listeners.delete(listener));
  }

  #unexpired(value: Value | undefined): Entry | null {
    return value !== undefined && this.#clock.monotonic() < value.expiresAt ? value : null;
  }

  #makeRoomFor(key: string): void {
    if (this.#keys.length < this.room) {
      this.#keys.push(key);
      return;
    }
    const worth = (index: number): number => {
      const { fullAt = 0, usedAt = 0 } = this.#limits.get(this.#keys[index] as string) ?? {};
      return this.eviction === 'volatile-ttl' ? fullAt : usedAt;
    };
    let chosen = this.#any();
    for (let sample = 1; sample < evictionSamples; sample++) {
      const other = this.#any();
      if (worth(other) < worth(chosen)) chosen = other;
    }
    this.#limits.delete(this.#keys[chosen] as string);
    this.#keys[chosen] = key;
  }

  #any(): number {
    return Math.floor(this.#random() * this.#keys.length);
  }
}

/** What a link leaves out of what the server can do. */
export interface LinkOptions {
  readonly capabilities?: Partial<Capabilities>;
  /** Without it limits are kept by compare-and-set. Default: it takes. */
  readonly takes?: boolean;
  /** Default: it does. */
  readonly watches?: boolean;
}

/** A server, a clock and a source of chance. */
export class Simulation {
  readonly clock: VirtualClock = new VirtualClock();
  readonly random: () => number;
  readonly server: SimulatedServer;

  constructor(seed: number) {
    this.random = seeded(seed);
    this.server = new SimulatedServer(this.clock, this.random);
  }

  /** The way of one instance to the server. */
  link(network: Network, options: LinkOptions = {}): Store {
    const { capabilities, takes = true, watches = true } = options;
    const { server } = this;
    const call = <T>(command: () => T, canRepeat = true): Promise<T> =>
      this.#call(network, command, canRepeat);
    return {
      name: 'simulated',
      capabilities: {
        ...{ consistency: 'linearizable', staleMs: 0, minWriteMs: 0, minTtlMs: 0 },
        ...capabilities,
      },
      get: (key) => call(() => server.get(key, this.random() * network.staleMs)),
      set: (key, value, settings) => call(() => server.set(key, value, settings)),
      ...(takes && {
        take: (key: string, limit: Limit, n: number, min: number) =>
          call(() => server.take(key, limit, n, min), n >= 0),
      }),
      ...(watches && {
        watch: (key: string, changed: (entry: Entry | null) => void, signal: AbortSignal) =>
          server.listen((of, entry) => {
            if (of !== key || network.isCut || this.random() < network.drop) return;
            this.clock.schedule(() => changed(entry), this.#travelMs(network));
            if (this.random() < network.duplicate) {
              this.clock.schedule(() => changed(entry), this.#travelMs(network));
            }
          }, signal),
      }),
    };
  }

  async #call<T>(network: Network, command: () => T, canRepeat: boolean): Promise<T> {
    // Half of what is lost was executed.
    const isLost = (): boolean => network.isCut || this.random() < network.drop / 2;
    if (isLost()) return await never();
    await this.#travel(network);
    const answer = await this.server.execute(command);
    if (canRepeat && this.random() < network.duplicate) await this.server.execute(command);
    if (isLost()) return await never();
    await this.#travel(network);
    return answer;
  }

  #travelMs({ delayMs: [least, most] }: Network): number {
    return (least + this.random() * (most - least)) / 2;
  }

  #travel(network: Network): Promise<void> {
    return new Promise((resolve) => this.clock.schedule(resolve, this.#travelMs(network)));
  }
}

function never(): Promise<never> {
  return new Promise(() => {});
}
