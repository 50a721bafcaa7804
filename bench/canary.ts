/** What the gateway is measured by, in memory and as a process: rules that ask of it what the stack of the peers does too. */

/** Where the versions of the service are. */
export interface Origins {
  readonly stable: string;
  readonly canary: string;
}

/** For an upstream in memory: nothing is there. */
export const nowhere: Origins = {
  stable: 'http://10.0.0.11:8080',
  canary: 'http://10.0.0.21:8080',
};

/** How many requests a caller has in a day, where nobody is to be refused: more than anybody asks for. */
export const plenty = 1_000_000_000;

function services({ stable, canary }: Origins): string {
  return `services:
  users:
    versions:
      v1: ${stable}
      v2: { url: ${canary}, env: canary }
`;
}

/** A canary route, and nothing else: the middlewares of a chain bring the rest. */
export function canaryRules(origins: Origins): string {
  return `${services(origins)}
routes:
  - { path: /api/users, match: { headers: { x-env: canary } }, to: { users@v2: 20, users@v1: 80 } }
  - { path: /api/users, to: users@v1 }
`;
}

/** The same, and all that a gateway is told in rules. */
export function gatewayRules(origins: Origins, limit: number = plenty): string {
  return `${services(origins)}
defaults:
  rate_limit: { limit: ${limit}, per: 1d, by: "header:authorization" }
  breaker: { failures: 5 }
routes:
  - path: /api/users
    match: { headers: { x-env: canary } }
    timeout: 3s
    retries: { max: 2, per_try: 800ms }
    to: { users@v2: 20, users@v1: 80 }
  - { path: /api/users, to: users@v1 }
`;
}
