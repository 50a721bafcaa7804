/**
 * `fetchmesh publish`: puts rules into a store, for all gateways that follow it.
 *
 * @module
 */

import { publishRules } from '../rules/sources/store.ts';
import { readGatewayRules } from './gateway-rules.ts';
import type { Verb } from './main.ts';
import { environmentName } from './rules-file.ts';
import { withRulesStore } from './rules-store.ts';
import { readArguments } from './usage.ts';

const help = `fetchmesh publish: put rules into a store, for all gateways that follow it

  npx fetchmesh publish -f rules.yaml --to redis://localhost:6379
  npx fetchmesh serve -f redis://localhost:6379

  -f, --rules FILE   rules, YAML or JSON (default: fetchmesh.yaml, then rules.yaml); where they are wrong, nothing is published
      --env NAME     with the changes of an environment: fetchmesh.NAME.yaml (default: $FETCHMESH_ENV)
      --to URL       the store: redis://…, rediss://… or, on Deno, deno-kv:PATH
      --name NAME    which rules of that store (default: default)

Variables of the environment are filled in here; secrets are in rules by name, and each gateway looks them up for itself.
Revisions only grow: fetchmesh rollback publishes the ones before anew.`;

const options = {
  rules: { type: 'string', short: 'f' },
  env: { type: 'string' },
  to: { type: 'string' },
  name: { type: 'string', default: 'default' },
  help: { type: 'boolean', short: 'h', default: false },
} as const;

/** Runs the verb: 0 where they are published, 1 where they are wrong. */
export const publish: Verb = async (args) => {
  const { values } = readArguments({ args: [...args], options, allowPositionals: false });
  if (values.help) {
    console.log(help);
    return 0;
  }
  const { name } = values;
  const rules = await readGatewayRules(values.rules, environmentName(values.env));
  if (rules === undefined) return 1;
  return await withRulesStore(values.to, async (store, place) => {
    const revision = await publishRules(store, rules, { name });
    console.log(`revision ${revision} of '${name}' is published in ${place}`);
    return 0;
  });
};
