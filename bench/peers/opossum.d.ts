/** As much of opossum as is used here; it brings no types. */
declare module 'opossum' {
  export default class CircuitBreaker<Arguments extends unknown[], Result> {
    constructor(
      action: (...args: Arguments) => Promise<Result>,
      options?: { readonly timeout?: number | false; readonly resetTimeout?: number },
    );
    fire(...args: Arguments): Promise<Result>;
  }
}
