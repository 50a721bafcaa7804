/**
 * A service that behaves as it is told, wherever it runs: `PUT /-/behaviour` tells it, `GET /-/asked` says how often it was
 * asked.
 */

import type { Handler } from '../../src/index.ts';

/** What a service answers. */
export interface Behaviour {
  /** Default: 200. */
  readonly status?: number;
  /** Default: `'{"done":true}'`. */
  readonly body?: string;
  /** How long it takes, in milliseconds. Default: 0. */
  readonly delayMs?: number;
  /** How many of ten calls take that long. Default: 10. */
  readonly delayedOfTen?: number;
}

export function upstreamApp(first: Behaviour): Handler {
  let behaviour = first;
  let asked = 0;
  return async function upstream(request) {
    switch (new URL(request.url).pathname) {
      case '/-/behaviour':
        behaviour = (await request.json()) as Behaviour;
        return new Response(null, { status: 204 });
      case '/-/asked':
        return Response.json(asked);
    }
    asked += 1;
    const { status = 200, body = '{"done":true}', delayMs = 0, delayedOfTen = 10 } = behaviour;
    if (delayMs > 0 && asked % 10 < delayedOfTen)
      await new Promise((resolve) => setTimeout(resolve, delayMs));
    return new Response(body, { status, headers: { 'content-type': 'application/json' } });
  };
}

/** Sends a service something past the gateway. */
export type Tell = (
  path: string,
  init?: { readonly method: string; readonly body: string },
) => Promise<{ json(): Promise<unknown> }>;

/** The two things that can be said to a service. */
export function controlsOf(tell: Tell) {
  return {
    async behave(behaviour: Behaviour): Promise<void> {
      await tell('/-/behaviour', { method: 'PUT', body: JSON.stringify(behaviour) });
    },
    async asked(): Promise<number> {
      return (await (await tell('/-/asked')).json()) as number;
    },
  };
}
