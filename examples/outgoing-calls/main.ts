/** Rules for the calls that an app makes: no gateway, no second process, the same YAML. */

import { type Fetch, outbound } from 'fetchmesh';
import { governance } from 'fetchmesh/governance';
import { parseRules, renderDiagnostics } from 'fetchmesh/rules';
import { traffic } from 'fetchmesh/traffic';

export const text = `
services:
  payments: { versions: { v1: "http://payments.internal", v2: "http://payments-next.internal" } }
routes:
  - hosts: payments.internal
    path: /**
    to: { payments@v1: 90, payments@v2: 10 }
    timeout: 1s
    retries: { max: 2, base_delay: 5ms }
    breaker: { failures: 5, open_for: 10s }
    headers: { request: { set: { x-caller: checkout } } }
  - hosts: mails.internal
    path: /**
    timeout: 5s
`;

/** Calls that go by the rules; whatever they do not name goes as it is. @param transport What sends: `fetch`. */
export function calls(
  transport: (request: Request) => Promise<Response>,
  random = Math.random,
): Fetch {
  const { rules, diagnostics } = parseRules(text);
  if (rules === undefined) throw new Error(renderDiagnostics(diagnostics, text));
  return outbound(transport, governance(rules, { traffic, random }));
}

if (import.meta.main) {
  let tries = 0;
  const call = calls(async ({ url }) => {
    tries += 1;
    return new Response(url, { status: tries === 1 ? 503 : 200 });
  });
  const response = await call('http://payments.internal/charge');
  console.log(response.status, await response.text(), `${tries} tries`);
}
