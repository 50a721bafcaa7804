/**
 * Classes on a base that the platform brings, such as `DurableObject` of `cloudflare:workers`.
 *
 * @module
 */

/** Any class; the platform's own may be abstract. */
// biome-ignore lint/suspicious/noExplicitAny: what TypeScript asks of a class that is to be extended.
export type BaseClass = abstract new (...args: any[]) => object;

/** What the platform constructs: the base, and more members. */
export type ExtendedClass<Base extends BaseClass, Members> = new (
  // biome-ignore lint/suspicious/noExplicitAny: see above.
  ...args: any[]
) => InstanceType<Base> & Members;
