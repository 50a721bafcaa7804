/**
 * What a gateway answers itself: whether it lives, whether it is ready, what it counted.
 *
 * @module
 */

import { inform } from '../core/event.ts';
import { reject } from '../core/rejection.ts';
import type { Rules } from '../rules/model.ts';
import { type Exposable, metricsResponse } from '../telemetry/exposition.ts';

/** Answers, by the path as it came. */
export type OwnPaths = ReadonlyMap<string, (request: Request) => Promise<Response>>;

/** What the answers tell. */
export interface OwnPathsOptions {
  readonly registry: Exposable;
  /** What is shown in place of the registry. */
  readonly exposed: (() => Promise<Exposable>) | undefined;
  readonly isReady: () => boolean;
  /** Gets what kept the metrics from being read. */
  readonly onError: (error: unknown) => void;
}

/** The paths that the rules name, each for one thing. */
export function ownPaths(
  { telemetry, health }: Rules,
  { registry, exposed, isReady, onError }: OwnPathsOptions,
): OwnPaths {
  async function scrape(request: Request): Promise<Response> {
    try {
      return metricsResponse((await exposed?.()) ?? registry, request);
    } catch (error) {
      inform(() => onError(error));
      return reject('store_unavailable', { detail: 'The metrics cannot be read now.' });
    }
  }

  const paths: [string | undefined, (request: Request) => Promise<Response>][] = [
    [health.path, async () => Response.json({ status: 'ok' })],
    [
      health.readyPath,
      async () =>
        isReady()
          ? Response.json({ status: 'ready' })
          : Response.json({ status: 'draining' }, { status: 503 }),
    ],
    [telemetry.metrics.path, scrape],
  ];
  return new Map(
    paths.flatMap(([path, answer]) => (path === undefined ? [] : [[path, answer] as const])),
  );
}
