/**
 * Who may do what: policies that deny and allow.
 *
 * @module
 */

import { signalOf } from '../../core/abort.ts';
import { canonicalPath, canonicalPathname } from '../../core/canonical-path.ts';
import { layer, type Middleware } from '../../core/chain.ts';
import type { Context } from '../../core/context.ts';
import { emit, inform } from '../../core/event.ts';
import { noteFlag } from '../../core/exchange.ts';
import {
  flagOption,
  functionOption,
  knownOptions,
  shown,
  textOption,
  wordOption,
} from '../../core/option.ts';
import { dropSent, removeHeader, setHeader } from '../../core/outgoing.ts';
import { prepareRejection, reject } from '../../core/rejection.ts';
import { urlOf } from '../../core/url.ts';
import { allSpellings, twinsOf, withoutSent } from '../twins.ts';
import { compileRule } from './compile.ts';
import { AuthorizationFacts } from './facts.ts';
import type {
  Admission,
  AuthorizationAction,
  AuthorizationPolicy,
  AuthorizationVerdict,
  Authorizer,
} from './policy.ts';
import { type RolesOptions, rolesOption } from './roles.ts';
import { type PlacedRule, RuleIndex } from './rule-index.ts';

export { type ExternalAuthorizerOptions, externalAuthorizer } from './external.ts';
export type {
  Admission,
  AuthorizationAction,
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationPolicy,
  AuthorizationRule,
  AuthorizationSource,
  AuthorizationVerdict,
  Authorizer,
} from './policy.ts';
export type { RolesOptions } from './roles.ts';

/** Why a request was denied, marked, or would have been denied. For logs: the answer has nothing of it. */
export interface AuthorizationDecision {
  readonly outcome: 'denied' | 'audited';
  /** Whether it was only told, by a policy of dry run. */
  readonly dryRun: boolean;
  /** What decided: a policy of this action, `'allow'` also where none of those that allow matched. */
  readonly action: AuthorizationAction;
  /** The policy that matched; of those that allow, the first that did not. */
  readonly policy: string | undefined;
  /** The number of the rule in it, from 0. */
  readonly rule: number | undefined;
  /** Where no policy allowed it: the part of that rule that did not hold, such as `when request.auth.claims[role]`. */
  readonly failed: string | undefined;
}

/** Settings of {@link authorize}. */
export interface AuthorizeOptions {
  /** Where the roles of callers stand. Default: nowhere; rules with `roles` match nobody. */
  readonly roles?: RolesOptions;
  /** Gets the decision records. What it throws is lost. Default: nobody. */
  readonly onDecision?: (
    decision: AuthorizationDecision,
    request: Request,
    context: Context,
  ) => void;
}

interface Placed extends PlacedRule {
  readonly policy: string;
  readonly index: number;
  readonly authorizer: Authorizer | undefined;
}

const actions: readonly AuthorizationAction[] = ['custom', 'deny', 'allow', 'audit'];

/**
 * Lets requests pass that the policies allow. In this order: a `custom` policy that matches asks its authorizer; a `deny`
 * policy that matches denies; where there are `allow` policies, one of them has to match; `audit` policies only mark.
 *
 * A denial is a 403 that says nothing of the policies. Why is in a decision record: an event `access_denied` for the span
 * and a call of `onDecision`, with policy, rule and what did not hold.
 *
 * What nobody could tell (the peer's identity without TLS, an address) counts against the request: rules that allow do not
 * match it, rules that deny do.
 *
 * Semantics: Istio's AuthorizationPolicy. Paths are compared in the canonical form that routing and upstream see.
 *
 * @param policies Found by what they compare, so that a thousand do not cost a thousand times as much as one.
 * @throws {RangeError} for wrong policies: names the place, the value and what is allowed.
 *
 * @example
 * ```ts
 * const app = inbound(
 *   () => new Response('in'),
 *   authorize([
 *     { name: 'no-admin', action: 'deny', rules: [{ to: [{ paths: ['/admin', '/admin/{**}'] }] }] },
 *   ]),
 * );
 * (await app(new Request('http://shop.example/%61dmin'))).status; // 403
 * ```
 */
export function authorize(
  policies: readonly AuthorizationPolicy[],
  options: AuthorizeOptions = {},
): Middleware {
  if (!Array.isArray(policies)) {
    throw new RangeError(`authorize: ${shown(policies)} is not a list of policies`);
  }
  knownOptions('authorize', options, { roles: true, onDecision: true });
  functionOption('authorize.onDecision', options.onDecision);
  const denied = prepareRejection('access_denied', { detail: 'Access is denied.' });
  const enforced = compileAll(policies, false);
  const shadow = compileAll(policies, true);
  const roles = options.roles && rolesOption('authorize.roles', options.roles);
  const rolesOf = (facts: AuthorizationFacts): readonly string[] => roles?.of(facts) ?? [];

  const isTwinOfRoles = twinsOf(new Set(roles?.header === undefined ? [] : [roles.header]));

  /** What only an authorizer may say. */
  const owned = allSpellings(policies.flatMap(({ authorizer }) => authorizer?.sets ?? []));
  function record(decision: AuthorizationDecision, { request, context }: AuthorizationFacts): void {
    const { outcome, dryRun, action, policy, rule, failed } = decision;
    const name =
      outcome === 'audited'
        ? 'access_audited'
        : dryRun
          ? 'access_would_be_denied'
          : 'access_denied';
    emit(context, name, {
      action,
      ...(policy !== undefined && { policy }),
      ...(rule !== undefined && { rule }),
      ...(failed !== undefined && { failed }),
    });
    inform(() => options.onDecision?.(decision, request, context));
  }

  /** What somebody else was to say of the caller is neither judged by, nor shown to anybody further in. */
  function withoutForged(request: Request, outer: Context, path: string): Context {
    const context = withoutSent(outer, owned);
    if (roles?.header === undefined) return context;
    const clean = dropSent(context, isTwinOfRoles);
    const facts = new AuthorizationFacts(request, clean, path, rolesOf);
    return roles.isTrusted(facts) ? clean : removeHeader(clean, roles.header);
  }

  return layer(`authorize, ${policies.length} policies`, (next) => {
    return async function authorize(request, outer) {
      const path = outer.get(canonicalPathname) ?? canonicalPath(urlOf(request).pathname);
      if (path === undefined) {
        return reject('malformed_path', { detail: 'The path holds an invalid escape.' });
      }
      const context = withoutForged(request, outer, path);
      let passed = context;
      let facts = new AuthorizationFacts(request, context, path, rolesOf);
      const asked = enforced?.custom?.first(facts);
      if (asked !== undefined) {
        const answer = await ask(asked, request, context);
        if (answer === false || isAnswer(answer)) {
          record(decisionOf('denied', 'custom', asked), facts);
          noteFlag(context, 'UAEX');
          return answer === false ? denied() : answer;
        }
        if (answer !== true) {
          passed = admitted(answer, context);
          facts = new AuthorizationFacts(request, passed, path, rolesOf);
        }
      }
      const would = shadow?.denialOf(facts);
      if (would !== undefined) record(would, facts);
      if (enforced !== undefined) {
        const denial = enforced.denialOf(facts);
        if (denial !== undefined) {
          record(denial, facts);
          return denied();
        }
        const audited = enforced.audit?.first(facts);
        if (audited !== undefined) record(decisionOf('audited', 'audit', audited), facts);
      }
      return next(request, passed);
    };
  });
}

/** Fails closed; rejects where the caller left, whom nobody denied anything. */
async function ask(
  { authorizer }: Placed,
  request: Request,
  context: Context,
): Promise<AuthorizationVerdict> {
  try {
    const answer = await authorizer?.(request, context);
    if (answer === true || isAnswer(answer)) return answer;
    return isAdmission(answer) ? answer : false;
  } catch {
    signalOf(request, context).throwIfAborted();
    return false;
  }
}

/** Not `instanceof`: adapters have Response classes of their own. */
function isAnswer(answer: unknown): answer is Response {
  return typeof (answer as Response | null | undefined)?.status === 'number';
}

function isAdmission(answer: unknown): answer is Admission {
  const { headers } = (answer ?? {}) as Partial<Admission>;
  return typeof headers === 'object' && headers !== null;
}

function admitted({ headers }: Admission, context: Context): Context {
  let admitted = context;
  for (const [name, value] of Object.entries(headers)) {
    admitted =
      value === undefined ? removeHeader(admitted, name) : setHeader(admitted, name, value);
  }
  return admitted;
}

/** Policies of one kind, enforced or not. */
class PolicySet {
  readonly custom: RuleIndex<Placed> | undefined;
  readonly audit: RuleIndex<Placed> | undefined;
  readonly #deny: RuleIndex<Placed> | undefined;
  readonly #allow: RuleIndex<Placed> | undefined;
  /** For the records of those who no policy allowed. */
  readonly #firstAllow: Placed | undefined;
  readonly #hasAllow: boolean;
  readonly #isDryRun: boolean;

  constructor(
    byAction: Readonly<Record<AuthorizationAction, readonly Placed[]>>,
    hasAllow: boolean,
    isDryRun: boolean,
  ) {
    const index = (action: AuthorizationAction): RuleIndex<Placed> | undefined =>
      byAction[action].length === 0 ? undefined : new RuleIndex(byAction[action]);
    this.custom = index('custom');
    this.#deny = index('deny');
    this.#allow = index('allow');
    this.audit = index('audit');
    this.#firstAllow = byAction.allow[0];
    this.#hasAllow = hasAllow;
    this.#isDryRun = isDryRun;
  }

  denialOf(facts: AuthorizationFacts): AuthorizationDecision | undefined {
    const dryRun = this.#isDryRun;
    const denying = this.#deny?.first(facts);
    if (denying !== undefined) return decisionOf('denied', 'deny', denying, dryRun);
    if (!this.#hasAllow || this.#allow?.first(facts) !== undefined) return undefined;
    const first = this.#firstAllow;
    return decisionOf('denied', 'allow', first, dryRun, first?.rule.failed(facts));
  }
}

function decisionOf(
  outcome: AuthorizationDecision['outcome'],
  action: AuthorizationAction,
  placed: Placed | undefined,
  dryRun = false,
  failed?: string,
): AuthorizationDecision {
  const { policy, index: rule } = placed ?? {};
  return { outcome, dryRun, action, policy, rule, failed };
}

function compileAll(
  policies: readonly AuthorizationPolicy[],
  isDryRun: boolean,
): PolicySet | undefined {
  const byAction: Record<AuthorizationAction, Placed[]> = {
    ...{ custom: [], deny: [], allow: [], audit: [] },
  };
  let isEmpty = true;
  let hasAllow = false;
  for (const [position, policy] of policies.entries()) {
    const place = `authorize[${position}]`;
    // Passed over, what was meant to deny could let everybody in.
    knownOptions(place, policy, {
      ...{ name: true, action: true, rules: true, authorizer: true, dryRun: true },
    });
    const { name = `#${position + 1}`, action = 'allow', rules = [], authorizer } = policy;
    wordOption(`${place}.action`, action, actions);
    textOption(`${place}.name`, name);
    flagOption(`${place}.dryRun`, policy.dryRun);
    functionOption(`${place}.authorizer`, authorizer);
    if ((action === 'custom') !== (authorizer !== undefined)) {
      throw new RangeError(`${place}.authorizer: custom policies have one, and no others`);
    }
    if (!Array.isArray(rules)) {
      throw new RangeError(`${place}.rules: ${shown(rules)} is not a list`);
    }
    if (policy.dryRun && action !== 'allow' && action !== 'deny') {
      throw new RangeError(`${place}.dryRun: only what allows or denies can be tried out`);
    }
    if ((policy.dryRun ?? false) !== isDryRun) continue;
    isEmpty = false;
    if (action === 'allow') hasAllow = true;
    const doubt = action === 'allow' ? 'does not match' : 'matches';
    for (const [index, given] of rules.entries()) {
      const rule = compileRule(`${place}.rules[${index}]`, given, doubt);
      byAction[action].push({
        order: byAction[action].length,
        rule,
        policy: name,
        index,
        authorizer,
      });
    }
  }
  return isEmpty ? undefined : new PolicySet(byAction, hasAllow, isDryRun);
}
