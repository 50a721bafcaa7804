/**
 * Where the rules of a running gateway come from.
 *
 * @module
 */

import type { Gateway } from '../gateway/gateway.ts';
import type { Rules } from '../rules/model.ts';
import { inYoungPortions } from './young-garbage.ts';

/** Rules, and what they are called. */
export interface NamedRules {
  readonly rules: Rules;
  readonly revision: string;
}

/** Keeps a gateway up with its rules. */
export interface Following {
  /** Looks at once. Resolves when what was found is in force or refused, to whether it was news. */
  check(): Promise<boolean>;
  close(): void | Promise<void>;
}

/** Files, a store, or a URL. What it has to say it says on standard error. */
export interface RulesOrigin {
  /** What paths in the rules count from. */
  readonly directory: string;
  /** The rules to begin with; `undefined` where they are wrong, which has been said. */
  first(): Promise<NamedRules | undefined>;
  /**
   * Puts what is new in force.
   *
   * @param inForce Told of all rules that came into force.
   * @returns `undefined` where nothing can change.
   */
  follow(gateway: Gateway, inForce: (rules: Rules) => void): Following | undefined;
  /** Lets go of what was opened, where nothing came of the start: it would keep the process from ending. */
  close(): Promise<void>;
}

/** Puts new rules in force, with requests served in between, or says why not and leaves the old ones there. */
export async function putInForceGradually(
  gateway: Gateway,
  { rules, revision }: NamedRules,
): Promise<boolean> {
  try {
    await inYoungPortions(() => gateway.replaceGradually(rules, revision));
  } catch (error) {
    // Valid, but nothing that a running gateway can take on: its metrics bear the name of another service, say.
    const why = error instanceof Error ? error.message : error;
    console.error(
      `fetchmesh: rules not loaded; revision ${gateway.revision} stays in force until a restart: ${why}`,
    );
    return false;
  }
  // Later ones may have been faster.
  if (gateway.revision === revision) console.error(`fetchmesh: revision ${revision} is in force`);
  return true;
}
