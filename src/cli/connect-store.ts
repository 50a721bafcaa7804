/**
 * Connecting to the store that a URL names.
 *
 * @module
 */

import type { TakingStore } from '../stores/contract.ts';
import { type DenoKvLike, denoKvStore } from '../stores/deno-kv.ts';
import { memoryStore } from '../stores/memory.ts';
import {
  type IoredisClient,
  ioredis,
  type NodeRedisClient,
  nodeRedis,
  type RedisCommands,
  redisStore,
} from '../stores/redis.ts';
import {
  type AskedServer,
  type Remark,
  remarkOnInstances,
  remarksOnRedis,
} from './store-remarks.ts';
import { UsageError } from './usage.ts';

/** Settings of {@link connectStore}. */
export interface ConnectStoreOptions {
  /** What named it, for messages. Default: `--store`. */
  readonly option?: string;
  /** Told, once each time, that the store is out or back, and why. */
  readonly say: (isAvailable: boolean, why: string) => void;
  /** Told, once each, what there is to know about the store. Default: nobody. */
  readonly remark?: (remark: Remark) => void;
}

/** A store as it is, and its connections. */
export interface ConnectedStore {
  readonly store: TakingStore;
  /** To be told of what callers notice; absent where nothing can be out. */
  readonly tell?: (isAvailable: boolean, error?: unknown) => void;
  /** What is at odds with its use; rejects where it is out. Absent where there is nothing to ask. */
  remarks?(): Promise<readonly Remark[]>;
  /** Ends the connections. */
  close(): Promise<void>;
}

/** How long the start waits for a store. */
const patienceMs = 1_000;

/** A store's URL without a password. */
export function placeOf(url: string): string {
  if (!URL.canParse(url)) return 'the store';
  const { protocol, host, pathname } = new URL(url);
  return host === '' ? `${protocol}${pathname}` : `${protocol}//${host}`;
}

/**
 * Connects to a store. Resolves also where it cannot be reached: that is told, and tried again.
 *
 * @throws {UsageError} where the URL or a package is wrong or missing; without the URL.
 */
export async function connectStore(
  url: string,
  { say, remark, option = '--store' }: ConnectStoreOptions,
): Promise<ConnectedStore> {
  const scheme = /^[a-z][a-z-]*:/i.exec(url)?.[0].toLowerCase();
  if (scheme === 'memory:') return { store: memoryStore(), close: async () => {} };
  if (scheme === 'deno-kv:') return connectDenoKv(url.slice(scheme.length), option, remark);
  if ((scheme === 'redis:' || scheme === 'rediss:') && URL.canParse(url)) {
    const { pathname } = new URL(url);
    if (!/^\/?\d*$/.test(pathname)) {
      throw new UsageError(
        `${option}: '${pathname}' is not the number of a database, such as redis://localhost:6379/0`,
      );
    }
    return await connectRedis(url, say, remark, option);
  }
  throw new UsageError(
    `${option}: not the URL of a store, such as redis://localhost:6379, rediss://…, memory: or, on Deno, deno-kv:PATH`,
  );
}

async function connectRedis(
  url: string,
  say: ConnectStoreOptions['say'],
  remark: ConnectStoreOptions['remark'],
  option: string,
): Promise<ConnectedStore> {
  let available = true;
  function tell(isAvailable: boolean, error?: unknown): void {
    if (available === isAvailable) return;
    available = isAvailable;
    say(isAvailable, error === undefined ? 'no answer in time' : reasonOf(error));
  }

  const client = await redisClient(url, option);
  let isRemarked = false;
  function remarkOnce(): void {
    if (isRemarked || remark === undefined) return;
    isRemarked = true;
    remarksOnRedis(client.server).then(
      (remarks) => {
        for (const found of remarks) remark(found);
      },
      () => {},
    );
  }
  let timer: ReturnType<typeof setTimeout> | undefined;
  await new Promise<void>((resolve) => {
    client.on('ready', () => {
      tell(true);
      remarkOnce();
      resolve();
    });
    client.on('error', (error: unknown) => {
      tell(false, error);
      resolve();
    });
    timer = setTimeout(() => {
      tell(false);
      resolve();
    }, patienceMs);
    client.connect().catch((error: unknown) => {
      tell(false, error);
      resolve();
    });
  });
  clearTimeout(timer);
  const store = redisStore(client.commands);
  return {
    store,
    tell,
    remarks: () => remarksOnRedis(client.server),
    async close() {
      try {
        await store.close?.();
      } catch {
        // The connection of its watches is lost already.
      }
      client.end();
    },
  };
}

/** What the two clients have in common. */
interface Client {
  readonly commands: RedisCommands;
  readonly server: AskedServer;
  on(event: string, listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  end(): void;
}

/** The package is the user's; the first that is there. */
async function redisClient(url: string, option: string): Promise<Client> {
  const found = await installed('redis', option);
  if (found !== undefined) {
    const client = made(option, () => found['createClient']({ url, disableOfflineQueue: true }));
    return {
      commands: nodeRedis(client as NodeRedisClient),
      server: client as AskedServer,
      on: (event, listener) => client.on(event, listener),
      connect: () => client.connect(),
      end: () => client.destroy(),
    };
  }
  const other = await installed('ioredis', option);
  if (other !== undefined) {
    const client = made(option, () => {
      const settings = { lazyConnect: true, enableOfflineQueue: false, maxRetriesPerRequest: 0 };
      return new other['Redis'](url, settings);
    });
    return {
      commands: ioredis(client as IoredisClient),
      server: client as AskedServer,
      on: (event, listener) => client.on(event, listener),
      connect: () => client.connect(),
      end: () => client.disconnect(),
    };
  }
  throw new UsageError(`${option}: Redis needs a client; run \`npm install redis\` (or ioredis)`);
}

/** What a client says of a URL that it cannot take, it says of parts without the password. */
function made<T>(option: string, client: () => T): T {
  try {
    return client();
  } catch (error) {
    throw new UsageError(`${option}: the client cannot take the URL: ${(error as Error).message}`);
  }
}

/** A name in a variable: type-checkers and bundlers leave alone what may be missing. */
// biome-ignore lint/suspicious/noExplicitAny: no types of packages that may be missing
async function installed(name: string, option: string): Promise<Record<string, any> | undefined> {
  try {
    return await import(name);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_MODULE_NOT_FOUND' && message.includes(`'${name}'`)) return undefined;
    throw new UsageError(`${option}: the package '${name}' cannot be loaded: ${message}`);
  }
}

async function connectDenoKv(
  path: string,
  option: string,
  remark: ConnectStoreOptions['remark'],
): Promise<ConnectedStore> {
  const { Deno } = globalThis as {
    Deno?: { openKv?(path?: string): Promise<DenoKvLike> };
  };
  if (Deno?.openKv === undefined) {
    throw new UsageError(`${option}: deno-kv: needs Deno, run with --unstable-kv`);
  }
  let kv: DenoKvLike;
  try {
    kv = await Deno.openKv(path === '' ? undefined : path);
  } catch (error) {
    throw new UsageError(`${option}: deno-kv: cannot be opened: ${(error as Error).message}`);
  }
  const store = denoKvStore(kv, {
    onClockAhead: (aheadMs) => remark?.(remarkOnInstances(aheadMs)),
  });
  return { store, close: async () => store.close?.() };
}

function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code ?? message;
}
