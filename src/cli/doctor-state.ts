/**
 * Whether the store that instances share does what the rules ask of it.
 *
 * @module
 */

import type { SharedState } from '../rules/model.ts';
import type { Store } from '../stores/contract.ts';
import { placeOf } from './connect-store.ts';
import { type Finding, reason, within } from './finding.ts';
import { type State, stateOf } from './shared-state.ts';
import { openStore } from './store.ts';

/** Asked for and given back: no key of a limit. */
const key = 'fetchmesh-doctor';

/**
 * Takes from the store in the mode of the rules, and where breakers hear of each other, writes as they do.
 *
 * @param given The URL of the option, which goes before the rules.
 */
export async function askState(
  given: string | undefined,
  written: SharedState | undefined,
  timeoutMs: number,
): Promise<readonly Finding[]> {
  const what = given === undefined ? 'state.store' : 'store';
  let state: State;
  try {
    state = stateOf(given === undefined ? {} : { store: given }, written);
  } catch (error) {
    const hint = 'serve needs it too: set it where the gateway runs, and here';
    return [{ what, ok: false, detail: reason(error).replace(/^state\.store: /, ''), hint }];
  }
  const { store, mode, breakers, instances } = state;
  if (store === undefined) return [];
  let why: string | undefined;
  const opening = openStore(store, {
    mode,
    instances,
    // Nobody waits for it but who asks: a store that is slow at first is not out.
    deadline: `${timeoutMs}ms`,
    say(message) {
      why ??= / is out: (.*?);/.exec(message)?.[1];
    },
  });
  try {
    const opened = await within(timeoutMs, opening);
    const isOwn = opened.store.capabilities.consistency === 'isolate';
    const limit = { quota: 1, windowMs: 1_000, burst: 0 };
    await within(timeoutMs, Promise.resolve(opened.store.take?.(key, limit, 1, 1)));
    if (isOwn) {
      const detail = 'each gateway counts for itself, and breakers decide alone';
      return [{ what, ok: true, detail: `${placeOf(store).replace(/:$/, '')}: ${detail}` }];
    }
    const isSharing = breakers !== 'alone' && opened.plain !== undefined;
    if (isSharing) await within(timeoutMs, writeOnce(opened.plain as Store));
    const does = isSharing ? `${mode}, breakers ${breakers}` : mode;
    const remarks = await within(timeoutMs, Promise.resolve(opened.remarks?.() ?? []));
    return [
      { what, ok: true, detail: `${placeOf(store)}: takes and answers, ${does}` },
      ...remarks.map((remark) => ({ what, ok: true, warning: true as const, ...remark })),
    ];
  } catch (error) {
    // The client says that it is not connected; why it is not was told before.
    const said = reason(error).replace(/^--store: /, '');
    const detail = `${placeOf(store)}: ${/offline/.test(said) ? (why ?? said) : said}`;
    const hint =
      'until it answers limits do as their on_store_error says, and breakers decide alone';
    return [{ what, ok: false, detail, hint }];
  } finally {
    // Also one that opens too late: its client would try again for ever.
    const closed = opening.then(({ close }) => close());
    // A server that is frozen gives nothing back.
    await within(timeoutMs, closed).catch(() => {});
  }
}

/** As breakers write their votes: only where nobody else has in between. */
async function writeOnce(store: Store): Promise<void> {
  const vote = `${key}-vote`;
  const before = await store.get(vote);
  const version = await store.set(vote, 'ok', { ttlMs: 1_000, if: before?.version ?? null });
  // Another doctor was faster.
  if (version === false) return;
  if ((await store.get(vote))?.value !== 'ok') throw new Error('what was written is not there');
}
