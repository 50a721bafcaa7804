/**
 * Many circuits, one a key, and no more of them than agreed.
 *
 * @module
 */

import type { Context } from '../../core/context.ts';
import { endpoint } from '../../core/endpoint.ts';
import { exchange } from '../../core/exchange.ts';
import type { Membership } from './fleet/member.ts';
import { type BreakerState, closedState } from './machine.ts';
import type { BreakerKey } from './options.ts';

/** One circuit. */
export interface Circuit {
  readonly key: string;
  state: BreakerState;
  /** How many have isolated it and not ended that. */
  isolations: number;
  /** Where it takes part in a fleet. */
  member?: Membership;
}

/** The circuits by key. */
export class Circuits {
  readonly #circuits = new Map<string, Circuit>();
  readonly #capacity: number;
  readonly #welcome: (circuit: Circuit) => void;
  #last: Circuit | undefined;

  /** @param welcome Gets each circuit that is made. */
  constructor(capacity: number, welcome: (circuit: Circuit) => void) {
    this.#capacity = capacity;
    this.#welcome = welcome;
  }

  /** The circuit of a key, made where there is none. */
  of(key: string): Circuit {
    if (this.#last?.key === key) return this.#last;
    let circuit = this.#circuits.get(key);
    if (circuit === undefined) {
      if (this.#circuits.size >= this.#capacity) this.#forgetOne();
      circuit = { key, state: closedState(), isolations: 0 };
      this.#welcome(circuit);
    } else {
      // The map's order is that of use.
      this.#circuits.delete(key);
    }
    this.#circuits.set(key, circuit);
    this.#last = circuit;
    return circuit;
  }

  /** The circuit of a key, if there is one; this is no use of it. */
  peek(key: string): Circuit | undefined {
    return this.#circuits.get(key);
  }

  all(): IterableIterator<Circuit> {
    return this.#circuits.values();
  }

  /** One that is closed, if one of the oldest few is: a flood of new keys must not close the circuits that are open. */
  #forgetOne(): void {
    let forgotten: Circuit | undefined;
    let looked = 0;
    for (const circuit of this.#circuits.values()) {
      const isIdle = circuit.state.phase === 'closed' && circuit.isolations === 0;
      if (isIdle || forgotten === undefined) forgotten = circuit;
      if (isIdle || ++looked === 16) break;
    }
    if (forgotten === undefined) return;
    this.#circuits.delete(forgotten.key);
    forgotten.member?.leave();
  }
}

/** Which circuit a request belongs to. */
export function keyReader(key: BreakerKey): (request: Request, context: Context) => string {
  if (typeof key === 'function') return key;
  switch (key) {
    case 'all':
      return () => '';
    case 'route':
      return (_, context) => context.get(exchange)?.route ?? '';
    case 'endpoint':
      return endpointOf;
    case 'origin':
      return originReader();
  }
}

/** Where a request goes: the endpoint that was picked, else the origin of its own URL. */
export function endpointOf(request: Request, context: Context): string {
  return context.get(endpoint)?.url ?? originOf(request.url);
}

/** Most calls go where the last one went: then nothing is cut, and the circuit is found by the same text. */
function originReader(): (request: Request, context: Context) => string {
  let last = '';
  return (request, context) => {
    const url = context.get(endpoint)?.url ?? request.url;
    const isSame =
      last !== '' &&
      url.startsWith(last) &&
      (url.length === last.length || url.charCodeAt(last.length) === slash);
    if (!isSame) last = originOf(url);
    return last;
  };
}

const slash = 0x2f;

/** Cut and not parsed: the URL of a request is in normal form, and parsing it costs more than the breaker does. */
function originOf(url: string): string {
  const end = url.indexOf('/', url.indexOf('//') + 2);
  return end === -1 ? url : url.slice(0, end);
}
