/**
 * `fetchmesh publish`: puts rules into a store, for all gateways that follow it.
 *
 * @module
 */

import { publishRules } from '../rules/sources/store.ts';
import { readGatewayRules } from './gateway-rules.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { changeHelp, changeRules, mustBeAsked } from './rules-change.ts';
import { environmentName } from './rules-file.ts';
import { withRulesStore } from './rules-store.ts';
import { readArguments } from './usage.ts';

const help = `fetchmesh publish: put rules into a store, for all gateways that follow it

  npx fetchmesh publish -f rules.yaml --to redis://localhost:6379
  npx fetchmesh serve -f redis://localhost:6379

  -f, --rules FILE   rules, YAML or JSON (default: fetchmesh.yaml, then rules.yaml); where they are wrong, nothing is published
      --env NAME     with the changes of an environment: fetchmesh.NAME.yaml (default: $FETCHMESH_ENV)
${changeHelp}

Variables of the environment are filled in here; secrets are in rules by name, and each gateway looks them up for itself.
What differs from the rules in force is shown first, and rules that are in force already are not published again. Revisions only
grow: fetchmesh rollback publishes the ones before anew.

Exit code: 0 the rules are in force, 1 they are wrong or not wanted, 2 it could not be done.`;

/** Runs the verb: 0 where they are published, 1 where they are wrong. */
export const publish: Verb = async (args) => {
  const { values } = readArguments({
    args: [...args],
    options: options.publish,
    allowPositionals: false,
  });
  if (values.help) {
    printHelp(help);
    return 0;
  }
  const { name } = values;
  mustBeAsked(values);
  const rules = await readGatewayRules(values.rules, environmentName(values.env));
  if (rules === undefined) return 1;
  return await withRulesStore(values.to, (store) =>
    changeRules(store, {
      values,
      rules,
      what: 'these rules',
      act: (after) => publishRules(store.store, rules, { name, after }),
    }),
  );
};
