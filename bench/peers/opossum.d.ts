/** As much of opossum as is used here; it brings no types. */
declare module 'opossum' {
  export interface Options {
    readonly timeout?: number | false;
    readonly resetTimeout?: number;
    readonly errorThresholdPercentage?: number;
    readonly volumeThreshold?: number;
    readonly rollingCountTimeout?: number;
    readonly errorFilter?: (error: unknown) => boolean;
  }
  export default class CircuitBreaker<Arguments extends unknown[], Result> {
    constructor(action: (...args: Arguments) => Promise<Result>, options?: Options);
    readonly opened: boolean;
    readonly halfOpen: boolean;
    readonly pendingClose: boolean;
    readonly stats: { readonly fires: number };
    fire(...args: Arguments): Promise<Result>;
  }
}
