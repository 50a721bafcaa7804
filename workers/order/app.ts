/**
 * The order service: takes orders from people who prove who they are, after a look into the inventory.
 */

import { Router } from 'itty-router';
import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose';
import { contextOf, type Handler, type Middleware } from '../../src/index.ts';
import { audience, issuer } from '../auth/app.ts';
import { type Instance, problem, serviceApp, serviceFetch } from '../service.ts';

/** Settings of the order service. */
export interface OrderSettings extends Omit<Instance, 'service'> {
  /** Reaches the auth service, which has the keys. */
  readonly auth: typeof fetch;
  /** Where it is, such as `http://127.0.0.1:8081`. */
  readonly authOrigin: string;
  /** Reaches the inventory. */
  readonly inventory: typeof fetch;
  /** What routes calls to the inventory between its versions. */
  readonly inventoryRouting: Middleware;
  /** Gets one JSON line for each order. */
  readonly log: (line: string) => void;
}

export function orderApp(settings: OrderSettings): Handler {
  const instance: Instance = { ...settings, service: 'order' };
  const auth = serviceFetch(instance, settings.auth);
  const inventory = serviceFetch(instance, settings.inventory, settings.inventoryRouting);
  // Only the canary says that it is one: its calls, and no others, go to the canaries behind it.
  const canaryMark: Record<string, string> =
    settings.environment === 'canary' ? { baggage: 'env=canary' } : {};
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', settings.authOrigin), {
    [customFetch]: auth,
  });

  const router = Router();
  router
    .post('/orders', async (request) => {
      const caller = await verified(request as unknown as Request, keys);
      if (caller instanceof Response) return caller;
      const body = (await request.json().catch(() => null)) as {
        sku?: unknown;
        quantity?: unknown;
      } | null;
      const { sku, quantity } = body ?? {};
      if (typeof sku !== 'string' || !isCount(quantity)) {
        return problem(400, 'Bad Request', 'Send {"sku": "SKU-001", "quantity": 1}.');
      }

      const answer = await inventory(
        `http://inventory/inventory/${encodeURIComponent(sku)}`,
        { headers: { ...canaryMark, 'x-item-id': sku } },
        contextOf(request as unknown as Request),
      );
      const host = answer.headers.get('x-service-host') ?? 'unknown';
      settings.log(
        JSON.stringify({
          service: 'order',
          version: settings.version,
          user: caller.sub,
          sku,
          'inventory.host': host,
          'inventory.status': answer.status,
        }),
      );
      if (answer.status === 404) return problem(404, 'Not Found', `There is no ${sku}.`);
      if (!answer.ok) return problem(502, 'Bad Gateway', 'The inventory cannot be asked now.');
      // The fallback of inventory.yaml knows of no number: such an order is taken, and looked into later.
      const { available } = (await answer.json()) as { available: number | null };
      if (available !== null && available < quantity)
        return problem(409, 'Conflict', `Only ${available} left.`);
      return Response.json(
        {
          id: crypto.randomUUID(),
          user: caller.sub,
          sku,
          quantity,
          inventory: { host, version: answer.headers.get('x-service-version') },
        },
        { status: available === null ? 202 : 201 },
      );
    })
    .all('*', () => problem(404, 'Not Found', 'order serves POST /orders.'));

  return serviceApp(instance, router);
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) > 0;
}

/** The claims of the bearer token, or the answer that the request gets for having none, or a bad one. */
async function verified(
  request: Request,
  keys: ReturnType<typeof createRemoteJWKSet>,
): Promise<JWTPayload | Response> {
  const token = /^Bearer ([^\s]+)$/i.exec(request.headers.get('authorization') ?? '')?.[1];
  if (token === undefined) {
    const answer = problem(401, 'Unauthorized', 'Send a token of POST /auth/token as Bearer.');
    answer.headers.set('www-authenticate', 'Bearer');
    return answer;
  }
  try {
    const { payload } = await jwtVerify(token, keys, { issuer, audience, algorithms: ['ES256'] });
    return payload;
  } catch (error) {
    if (!(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout) {
      return problem(503, 'Service Unavailable', 'The token cannot be verified now.');
    }
    const answer = problem(401, 'Unauthorized', 'The token is not valid.');
    answer.headers.set('www-authenticate', 'Bearer error="invalid_token"');
    return answer;
  }
}
