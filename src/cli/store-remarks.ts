/**
 * What of a store that answers is at odds with what instances keep in it.
 *
 * @module
 */

/** Something to know, and what to do about it. Nothing fails for it. */
export interface Remark {
  readonly detail: string;
  readonly hint: string;
}

/** What is asked of a Redis server. */
export interface AskedServer {
  /** `INFO`, of one section. */
  info(section: string): Promise<string>;
  /** `TIME`: seconds and microseconds. */
  time(): Promise<readonly unknown[]>;
}

/** Clocks that differ by more are worth a word, in milliseconds. */
export const mostSkewMs = 1_000;

/** Asks a server how it forgets, and how late it is. What it does not tell is no remark. */
export async function remarksOnRedis(
  server: AskedServer,
  now: () => number = Date.now,
): Promise<readonly Remark[]> {
  const [memory, skewMs] = await Promise.all([
    server.info('memory').catch(() => ''),
    skewOf(server, now).catch(() => 0),
  ]);
  return [...remarksOnMemory(memory), ...remarksOnClock(skewMs)];
}

/** The key of a limit lives for as long as its debt, so that it may go when its time is up, and before that not. */
function remarksOnMemory(memory: string): readonly Remark[] {
  const most = Number(/^maxmemory:(\d+)/m.exec(memory)?.[1] ?? 0);
  const policy = /^maxmemory_policy:(\S+)/m.exec(memory)?.[1];
  // Without a bound it never has to forget.
  if (most === 0 || policy === undefined || policy === 'volatile-ttl') return [];
  const does =
    policy === 'noeviction'
      ? 'refuses to write once its memory is full, and limits follow their on_store_error'
      : 'forgets limits that are spent once its memory is full';
  return [
    {
      detail: `maxmemory-policy ${policy}: it ${does}`,
      hint: 'set it to volatile-ttl, or give the gateways a server of their own',
    },
  ];
}

/** How far its clock is ahead of the one here, at least, in milliseconds. */
async function skewOf(server: AskedServer, now: () => number): Promise<number> {
  const before = now();
  const [seconds, microseconds] = (await server.time()).map(Number) as [number, number];
  const after = now();
  const there = seconds * 1_000 + microseconds / 1_000;
  return there > after ? there - after : Math.min(0, there - before);
}

function remarksOnClock(skewMs: number): readonly Remark[] {
  if (!(Math.abs(skewMs) > mostSkewMs)) return [];
  const seconds = Math.round(Math.abs(skewMs) / 1_000);
  return [
    {
      detail: `its clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the one here`,
      hint: 'limits go by its clock alone, tokens and traces by the one here: let both follow a time server',
    },
  ];
}

/** A store without a clock of its own, in which another instance wrote a later time than it is here. */
export function remarkOnInstances(aheadMs: number): Remark {
  return {
    detail: `the clock of another instance is ${Math.round(aheadMs / 1_000)} s ahead of the one here, so limits let more through`,
    hint: 'let all instances follow a time server',
  };
}
