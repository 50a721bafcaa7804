/** The auth service as a Worker. */

import { type ServiceWorker, type ShopEnv, serviceWorker } from '../worker.ts';
import { authApp } from './app.ts';

interface Env extends ShopEnv {
  /** A secret. Without it no tokens are issued. */
  readonly AUTH_PRIVATE_JWK?: string;
}

const auth: ServiceWorker<Env> = serviceWorker('auth', (instance, { AUTH_PRIVATE_JWK }) =>
  authApp({ ...instance, privateJwk: AUTH_PRIVATE_JWK }),
);
export default auth;
