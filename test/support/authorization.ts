import { compose, type Middleware } from '../../src/core/chain.ts';
import type { Context, Key } from '../../src/core/context.ts';
import { inbound } from '../../src/core/inbound.ts';
import {
  type AuthorizationPolicy,
  type AuthorizationRule,
  type AuthorizeOptions,
  authorize,
} from '../../src/security/authorize/authorize.ts';

/** Slots that the layers further out would have filled. */
type Slots = readonly (readonly [Key<never>, unknown])[];
export const slot = <T>(key: Key<T>, value: T): readonly [Key<never>, unknown] => [
  key as Key<never>,
  value,
];

export const known =
  (slots: Slots): Middleware =>
  (next) =>
  (request, context) =>
    next(
      request,
      slots.reduce<Context>((inner, [key, value]) => inner.with(key, value as never), context),
    );

export interface Ask {
  readonly url?: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly slots?: Slots;
}

export async function outcome(
  policies: readonly AuthorizationPolicy[],
  { url = 'http://shop.example/', method = 'GET', headers = {}, slots = [] }: Ask = {},
  options: AuthorizeOptions = {},
): Promise<Response> {
  const app = inbound(
    () => new Response('in'),
    compose(known(slots), authorize(policies, options)),
  );
  return await app(new Request(url, { method, headers }));
}

export const statusOf = async (...given: Parameters<typeof outcome>): Promise<number> =>
  (await outcome(...given)).status;
export const allow = (...rules: AuthorizationRule[]): AuthorizationPolicy => ({
  action: 'allow',
  rules,
});
export const deny = (...rules: AuthorizationRule[]): AuthorizationPolicy => ({
  action: 'deny',
  rules,
});
export const path = (...paths: string[]): AuthorizationRule => ({ to: [{ paths }] });
