/**
 * The agent behind Node's `fetch`.
 *
 * @module
 */

/** Node's own `Agent` of undici, which it exports nowhere: the class of the one that it uses itself. */
type AgentClass = new (options: { readonly connect: object }) => object;

/** Where undici keeps the agent of all `fetch`es, by its documentation. */
const globalDispatcher = Symbol.for('undici.globalDispatcher.1');

/** @throws {Error} where `fetch` goes by another way. */
export function agentOfNode(): AgentClass {
  // Node loads its undici with the first of the classes of Fetch that is used.
  void new Response();
  const dispatcher = (globalThis as Record<symbol, object | undefined>)[globalDispatcher];
  const found = dispatcher?.constructor as AgentClass | undefined;
  // One for proxies would not hand certificates on.
  if (found?.name === 'Agent') return found;
  throw new Error('this Node sends by other means than its own, such as NODE_USE_ENV_PROXY');
}
