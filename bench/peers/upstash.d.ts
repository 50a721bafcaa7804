/** As much of @upstash/ratelimit as is used here; its own types ask for the whole client of @upstash/redis. */
declare module '@upstash/ratelimit' {
  /** What it asks of a client. */
  export interface Redis {
    eval(script: string, keys: string[], args: unknown[]): Promise<unknown>;
    evalsha(hash: string, keys: string[], args: unknown[]): Promise<unknown>;
  }
  export interface Options {
    readonly redis: Redis;
    readonly limiter: object;
    readonly ephemeralCache?: Map<string, number> | false;
    readonly analytics?: boolean;
    readonly prefix?: string;
    readonly timeout?: number;
  }
  export class Ratelimit {
    constructor(options: Options);
    limit(identifier: string): Promise<{ readonly success: boolean; readonly remaining: number }>;
    static fixedWindow(tokens: number, window: string): object;
    static slidingWindow(tokens: number, window: string): object;
    static tokenBucket(refillRate: number, interval: string, maxTokens: number): object;
  }
}
