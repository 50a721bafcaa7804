/**
 * A gateway: rules in, one handler out, and other rules at any time.
 *
 * @module
 */

import type { TracerProvider } from '@opentelemetry/api';
import { listenerPort, listenerPortOf, peerAddress, peerAddressOf } from '../core/address.ts';
import type { PathNormalization } from '../core/canonical-path.ts';
import { compose, type Handler, type Next } from '../core/chain.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import type { BackgroundWork } from '../core/context.ts';
import { knownOptions, wholeOption } from '../core/option.ts';
import { peerIdentity } from '../core/peer-identity.ts';
import { rootContext } from '../core/root-context.ts';
import { inOneGo, inSlices, type Steps } from '../core/steps.ts';
import type { Transport } from '../core/transport.ts';
import { urlOf } from '../core/url.ts';
import type { BreakerFleet } from '../policies/breaker/fleet/fleet.ts';
import { sharedStore } from '../policies/shared-store.ts';
import type { EndpointStatus } from '../routing/pool.ts';
import type { Rules, Service } from '../rules/model.ts';
import type { AuthorizeOptions } from '../security/authorize/authorize.ts';
import type { KeysFetch } from '../security/jwt/jwt.ts';
import { certifiedPeer } from '../security/peer-certificate.ts';
import { compileTrustedProxies, trustNoProxy } from '../security/trusted-proxies.ts';
import type { PlatformLimiter } from '../stores/cf-ratelimit.ts';
import type { Store } from '../stores/contract.ts';
import type { AccessLogEntry } from '../telemetry/access-log.ts';
import type { Exposable } from '../telemetry/exposition.ts';
import { createRegistry, type Registry } from '../telemetry/registry.ts';
import { access } from './access-policies.ts';
import { answerFailures } from './failure.ts';
import { forward } from './forward.ts';
import { Kept } from './kept.ts';
import { limitModes } from './limit-modes.ts';
import { observation } from './observation.ts';
import { type OwnPaths, ownPaths } from './own-paths.ts';
import { planSteps, rulesOption } from './plan.ts';
import { sharedBudgets } from './shared-budgets.ts';
import { type Sighting, showPolicies } from './sightings.ts';
import { traffic } from './traffic-policies.ts';
import { reportUpstreams } from './upstream-metrics.ts';
import { compileUpstreams, type Upstreams } from './upstreams.ts';

/** Settings of {@link createGateway}. */
export interface GatewayOptions {
  /**
   * Sends requests to upstreams, such as `nodeTransport()` of `fetchmesh/node-transport`, which takes Node half of what `fetch`
   * does. Default: the runtime's `fetch`.
   */
  readonly transport?: Transport;
  /**
   * Sends requests and health checks to this service in particular, such as over TLS with a certificate of one's own; asked
   * whenever rules are put in force. Default, and where it gives none: `transport`; rules with a service that asks for `tls`
   * are refused then, unless it is reached through a binding.
   */
  readonly transportOf?: (service: Service) => Transport | undefined;
  /** Where metrics live, over all revisions of the rules. Default: one of its own. */
  readonly registry?: Registry;
  /** What the metrics path of the rules shows. Default: the registry. */
  readonly exposed?: () => Promise<Exposable>;
  /**
   * Where limits count, so that all instances with the same store share them; as it is, or in `exactStore` or `leasedStore`.
   * Has 25 ms to answer; then `on_store_error` of the limit applies. Default: in memory, each instance for itself.
   */
  readonly store?: Store;
  /**
   * Keeps the limits of `mode: platform`, by their name (`default` where they have none), such as
   * `() => cfRateLimit(env.LIMITER)`. Default: rules with such a limit are refused.
   */
  readonly platformLimiter?: (name: string) => PlatformLimiter | undefined;
  /**
   * How many instances run with these rules: where each counts alone, because there is no store or because it is out, each
   * grants that part of a limit. Default: 1.
   */
  readonly instances?: number;
  /**
   * Whose breakers hear of each other, made by `breakerFleet`: a circuit has the name of its route, service and version.
   * Default: each instance finds out by itself.
   */
  readonly breakers?: BreakerFleet;
  /** Fetches the key sets that `auth` names. Default: the runtime's `fetch`. */
  readonly keysFetch?: KeysFetch;
  /**
   * How much is made alike before routing, authorization and the upstream see a path, by Istio's names. Default:
   * `'merge_slashes'`.
   */
  readonly pathNormalization?: PathNormalization;
  /** Makes the spans. Default: the one registered with the OpenTelemetry API. */
  readonly tracerProvider?: TracerProvider;
  /** Name of these rules, shown where the rules ask for it. Default: `'1'`. */
  readonly revision?: string;
  /** Whether the readiness path answers 200. Default: always. */
  readonly isReady?: () => boolean;
  /** Gets errors that no upstream explains; the client gets a 500 without them. Default: nobody. */
  readonly onError?: (error: unknown) => void;
  /** Gets the records of those whom `allow` or `deny` kept out, or would have kept out. Default: nobody; they are events on the span. */
  readonly onAccessDecision?: NonNullable<AuthorizeOptions['onDecision']>;
  /**
   * Takes the records of requests, where the rules have `telemetry.logs`; not waited for. Default: a line of JSON to
   * `console.log`.
   */
  readonly onAccessLog?: (entry: AccessLogEntry) => void;
  /** Default: the runtime's own. */
  readonly clock?: Clock;
  /** A number in [0, 1) for splits and jitter. Default: `Math.random`. */
  readonly random?: () => number;
}

/** A running gateway. */
export interface Gateway {
  /** Answers requests, on any of the four runtimes. */
  readonly fetch: Handler;
  /** Name of the rules in force. */
  readonly revision: string;
  readonly registry: Registry;
  /**
   * Puts other rules in force, at once and for all requests that come from now on. Requests under way end by the rules
   * that they began with. Throws, and changes nothing, where the rules cannot be compiled.
   */
  replace(rules: Rules, revision: string): void;
  /**
   * The same for many routes: compiles them in slices of a few milliseconds, between which requests are served by the rules
   * before. Resolves when the new ones are in force, or others that came meanwhile. Rejects, and changes nothing, where
   * they cannot be compiled.
   */
  replaceGradually(rules: Rules, revision: string): Promise<void>;
  /** How the endpoints of all services are at this moment. */
  readonly endpoints: readonly EndpointStatus[];
  /** How long until the next health check is due, in milliseconds; 0 or less: now; `Infinity`: there are none. */
  readonly nextCheckMs: number;
  /**
   * Runs the health checks that are due; resolves when they are done. Requests begin them as well, in the background: to
   * be called where checks should not wait for traffic.
   */
  checkHealth(signal?: AbortSignal): Promise<void>;
}

/**
 * Makes a gateway.
 *
 * Every request gets an answer: an upstream that fails is a 502, 503 or 504 with problem details, and never more than
 * that of what went wrong inside.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('{ services: { shop: "http://10.0.0.1" }, routes: [{ path: /** }] }');
 * const gateway = createGateway(rules!, { transport: async (url) => new Response(url) });
 * await (await gateway.fetch(new Request('http://shop.example/a//b'))).text(); // 'http://10.0.0.1/a/b'
 * ```
 */
export function createGateway(rules: Rules, options: GatewayOptions = {}): Gateway {
  knownOptions('createGateway', options, {
    transport: true,
    transportOf: true,
    registry: true,
    exposed: true,
    store: true,
    platformLimiter: true,
    instances: true,
    breakers: true,
    keysFetch: true,
    pathNormalization: true,
    tracerProvider: true,
    revision: true,
    isReady: true,
    onError: true,
    onAccessDecision: true,
    onAccessLog: true,
    clock: true,
    random: true,
  });
  rulesOption('createGateway', rules);
  const { registry = createRegistry(), clock = systemClock, random = Math.random } = options;
  const { onError = () => {}, isReady = () => true, instances = 1 } = options;
  wholeOption('createGateway.instances', instances, 1);
  // Called bare, with its arguments alone: what `fetch` demands on Workers.
  const transport = options.transport ?? ((url, init) => fetch(url, init));
  const send = forward(transport);
  const store = options.store && sharedStore(options.store, { owner: 'gateway', clock, random });
  const { platformLimiter } = options;
  const modes = limitModes({ store, instances, platformLimiter, clock, random });
  const budgets = sharedBudgets({ store, instances, clock, random });

  function* compile(next: Rules, revision: string, kept: Kept): Steps<Plan> {
    refuseOpenRoutes(next);
    const { aroundRequest, aroundTry } = observation(next, {
      ...options,
      registry,
      clock,
      revision,
      random,
    });
    const { keep } = kept;
    const { transportOf } = options;
    const around = { clock, random, send: transport, transportOf, keep };
    const upstreams = compileUpstreams(next.services, around);
    const sightings: Sighting[] = [];
    const answering = answerFailures(onError);
    const plan = yield* planSteps(next, {
      ...{ clock, random, aroundTry, send, upstreams, keep, traffic, access, sightings },
      answering,
      store,
      instances,
      limitModes: modes,
      sharedBudgets: budgets,
      breakers: options.breakers,
      keysFetch: options.keysFetch,
      onDecision: options.onAccessDecision,
      pathNormalization: options.pathNormalization,
    });
    const run = compose(...aroundRequest, answering)(plan);
    const { trustedProxies } = next;
    const identify = trustedProxies ? compileTrustedProxies(trustedProxies) : trustNoProxy;
    const asksWhere = next.routes.some(
      ({ allow, deny, dryRun }) => (allow ?? deny ?? dryRun) !== undefined,
    );
    const own = ownPaths(next, { registry, exposed: options.exposed, isReady, onError });
    return { revision, run, own, identify, asksWhere, upstreams, kept, sightings };
  }

  const background: BackgroundWork = { pending: 0, rejected: 0 };
  let current = inOneGo(compile(rules, options.revision ?? '1', Kept.nothing()));
  /** Counts what was to replace the rules, and says which of it did. */
  let replacements = 0;
  let inForce = 0;
  function putInForce(compiled: Plan, replacement: number): void {
    // Rules that came later are the newer ones.
    if (replacement < inForce) return;
    current = compiled;
    inForce = replacement;
  }
  reportUpstreams(registry, () => current.upstreams.pools);
  showPolicies(registry, () => current.sightings);

  function gateway(request: Request, ...platform: unknown[]): Promise<Response> {
    // Read once: a request sees one revision, whatever happens meanwhile.
    const plan = current;
    if (plan.own.size > 0) {
      const own = plan.own.get(urlOf(request).pathname);
      if (own !== undefined) return own(request);
    }
    let addressed = rootContext('inbound', request, platform, background).with(
      peerAddress,
      peerAddressOf(request, platform),
    );
    if (plan.asksWhere) {
      // Now: a copy of the request tells nothing of it any more.
      addressed = addressed.with(listenerPort, listenerPortOf(request, platform));
    }
    const peer = certifiedPeer(request);
    const context = peer === undefined ? addressed : addressed.with(peerIdentity, peer);
    return plan.run(request, plan.identify(request, context));
  }
  return {
    fetch: gateway,
    registry,
    get revision() {
      return current.revision;
    },
    replace(next, revision) {
      replacements += 1;
      putInForce(inOneGo(compile(next, revision, current.kept.next())), replacements);
    },
    async replaceGradually(next, revision) {
      replacements += 1;
      const mine = replacements;
      putInForce(await inSlices(compile(next, revision, current.kept.next()), { clock }), mine);
    },
    get endpoints() {
      return current.upstreams.pools.flatMap(({ status }) => status);
    },
    get nextCheckMs() {
      return Math.min(...current.upstreams.pools.map(({ nextCheckMs }) => nextCheckMs));
    },
    async checkHealth(signal) {
      await Promise.all(current.upstreams.pools.map((pool) => pool.checkHealth(signal)));
    },
  };
}

/**
 * Rules for a library leave a request to where it goes by itself: that is, in a gateway, to whatever host it asks for.
 *
 * @throws {RangeError} names the route.
 */
function refuseOpenRoutes({ routes }: Rules): void {
  const open = routes.find(
    ({ to, redirect, respond }) =>
      to.length === 0 && redirect === undefined && respond === undefined,
  );
  if (open === undefined) return;
  throw new RangeError(`route '${open.name}' leads nowhere: a gateway needs a \`to\``);
}

/** Rules in force. */
interface Plan {
  readonly revision: string;
  readonly run: Next;
  /** Paths that the gateway answers itself. */
  readonly own: OwnPaths;
  /** Makes out the client behind trusted proxies. */
  readonly identify: ReturnType<typeof compileTrustedProxies>;
  /** Whether rules may ask at which port a request came in. */
  readonly asksWhere: boolean;
  readonly upstreams: Upstreams;
  readonly kept: Kept;
  readonly sightings: readonly Sighting[];
}
