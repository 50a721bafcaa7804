/**
 * What travels beside a request: an immutable chain of typed slots, and the platform's own arguments.
 *
 * @module
 */

/** Identifies a slot of a {@link Context}. The object itself is the identity: two keys of one name never collide. */
export interface Key<T> {
  readonly name: string;
  /** What {@link Context.get} returns where the slot was never filled. */
  readonly fallback: T;
}

/**
 * Makes a key for a slot of a {@link Context}.
 *
 * @param name Shown in diagnostics only; it need not be unique.
 * @param fallback Returned by `get` where no value was set; without it `get` returns `undefined` there.
 *
 * @example
 * ```ts
 * const tenant = key<string>('tenant', 'public');
 * const context = Context.background().with(tenant, 'acme');
 * context.get(tenant); // 'acme'
 * ```
 */
export function key<T>(name: string): Key<T | undefined>;
export function key<T>(name: string, fallback: T): Key<T>;
export function key<T>(name: string, fallback?: T): Key<T | undefined> {
  return { name, fallback };
}

/** Counts the work that outlived its request, over all requests of one handler. */
export interface BackgroundWork {
  /** Promises given to `waitUntil` that have not settled yet. */
  pending: number;
  /** Promises given to `waitUntil` that rejected; the rejections themselves are absorbed. */
  rejected: number;
}

/** Which way the requests of a chain go: into an app, or out through a `fetch`. */
export type Direction = 'inbound' | 'outbound';

/** What all contexts of one request share. */
interface Root {
  readonly direction: Direction;
  readonly platform: readonly unknown[];
  readonly background: BackgroundWork;
  readonly extendLifetime: ((work: Promise<unknown>) => void) | undefined;
}

// Registered, so that two copies of this package on one page know each other's contexts.
const brand = Symbol.for('fetchmesh.context');

/**
 * Immutable: `with` returns a child and leaves its parent as it was, so attempts that run at once never share writes.
 *
 * No member bears the name of a `RequestInit` member. That is what makes the compiler refuse a bare `fetch` where a
 * {@link Next} is wanted (it would read the context as its options).
 */
export class Context {
  readonly #root: Root;
  readonly #parent: Context | undefined;
  readonly #key: Key<unknown> | undefined;
  readonly #value: unknown;

  private constructor(root: Root, parent?: Context, key?: Key<unknown>, value?: unknown) {
    this.#root = root;
    this.#parent = parent;
    this.#key = key;
    this.#value = value;
  }

  static {
    Object.defineProperty(Context.prototype, brand, { value: true });
  }

  /** A context that belongs to no request: for tests, and for calls that nobody asked for (health checks, warm-up). */
  static background(direction: Direction = 'outbound'): Context {
    return Context.root(direction, [], { pending: 0, rejected: 0 }, undefined);
  }

  /** The first context of a request. `inbound` and `outbound` make it; an adapter of one's own may. */
  static root(
    direction: Direction,
    platform: readonly unknown[],
    background: BackgroundWork,
    extendLifetime: ((work: Promise<unknown>) => void) | undefined,
  ): Context {
    return new Context({ direction, platform, background, extendLifetime });
  }

  /** The value of the nearest `with(key, …)`, or the key's fallback. */
  get<T>(key: Key<T>): T {
    let node: Context | undefined = this;
    while (node !== undefined) {
      if (node.#key === key) return node.#value as T;
      node = node.#parent;
    }
    return key.fallback;
  }

  /** A child that holds `value` under `key` and everything else of this context. */
  with<T>(key: Key<T>, value: T): Context {
    return new Context(this.#root, this, key as Key<unknown>, value);
  }

  /** Whether this request came in to an app or goes out through a `fetch`. */
  get direction(): Direction {
    return this.#root.direction;
  }

  /** The same slots for a call that the served request causes: a child whose direction is `'outbound'`. */
  outward(): Context {
    const root: Root = { ...this.#root, direction: 'outbound' };
    return new Context(root, this);
  }

  /** The same slots for a handler inside of the one that serves the request, which was passed something else. */
  inward(platform: readonly unknown[]): Context {
    return new Context({ ...this.#root, platform }, this);
  }

  /**
   * What the platform passed beside the request: `[env, ctx]` on Workers, `[server]` on Bun, `[info]` on Deno, `[]` for
   * an outbound call.
   */
  get platform(): readonly unknown[] {
    return this.#root.platform;
  }

  /** Counters of the work given to {@link waitUntil}, shared by all requests of one handler. */
  get background(): Readonly<BackgroundWork> {
    return this.#root.background;
  }

  /**
   * Lets work outlive the response. On Workers the platform is asked to keep the invocation alive; elsewhere the promise
   * simply runs. Never throws; a rejection is absorbed and counted in {@link background}.
   */
  waitUntil(work: Promise<unknown>): void {
    const { background, extendLifetime } = this.#root;
    background.pending += 1;
    const settled = Promise.resolve(work).then(
      () => {
        background.pending -= 1;
      },
      () => {
        background.pending -= 1;
        background.rejected += 1;
      },
    );
    try {
      extendLifetime?.(settled);
    } catch {
      // The invocation has ended already: the work runs for as long as the platform lets it.
    }
  }
}

/** Whether a value is a {@link Context}, also one of another copy of this package. */
export function isContext(value: unknown): value is Context {
  return typeof value === 'object' && value !== null && brand in value;
}

// A property and no WeakMap, since itty-router hands its handlers a Proxy of the request.
const bound = Symbol.for('fetchmesh.bound');

interface BoundRequest extends Request {
  [bound]?: Context;
}

/**
 * The context that a request was handed over with. For code that gets no context argument: apps, routers, frameworks.
 *
 * @returns `undefined` for a request that did not come through `inbound`, and for copies made since.
 *
 * @example
 * ```ts
 * const app = inbound((request) => new Response(contextOf(request)?.direction));
 * await (await app(new Request('http://shop.example/'))).text(); // 'inbound'
 * ```
 */
export function contextOf(request: Request): Context | undefined {
  return (request as BoundRequest)[bound];
}

/** Binds a context to a request, for {@link contextOf} to find. */
export function bindContext(request: Request, context: Context): void {
  (request as BoundRequest)[bound] = context;
}
