/** Finding one of many routes by its path and method. */

import findMyWay from 'find-my-way';
import { Memoirist } from 'memoirist';
import { compileMatcher, type MatchableRoute } from '../../src/routing/match.ts';
import { freshFacts, freshPath, type Input, inputsFor, routes } from '../routing-table.ts';
import type { Pair } from './pair.ts';

function pairsFor(count: number): Pair[] {
  const table = routes(count);
  const inputs = inputsFor(table);
  const ours = compileMatcher(table);
  const fmw = findMyWay();
  const memoirist = new Memoirist<number>();
  for (const [index, { path }] of table.entries()) {
    // From 1 on: find-my-way takes 0 for nothing.
    fmw.on('GET', pathOfPeers(path), () => {}, index + 1);
    memoirist.add('GET', pathOfPeers(path), index + 1);
  }

  const find = (input: Input): number => (ours.find(freshFacts(input)) ?? -1) + 1;
  const peers: Record<string, (input: Input) => number> = {
    'find-my-way': (input) => fmw.find(methodOf(input), freshPath(input))?.store ?? 0,
    memoirist: (input) => memoirist.find(input.request.method, freshPath(input))?.store ?? 0,
  };
  let sum = 0;
  /** For all of them, one after the other. */
  const forEach = (look: (input: Input) => number) => () => {
    for (const input of inputs) sum += look(input);
    return sum;
  };
  return Object.entries(peers).map(([name, peer]) => {
    for (const input of inputs) {
      if (find(input) !== peer(input)) throw new Error(`${name} disagrees about ${input.href}`);
    }
    return {
      name: `${count} routes / ${name}`,
      ours: forEach(find),
      peer: forEach(peer),
      // What makes the inputs fresh.
      bare: {
        ours: forEach((input) => freshFacts(input).path.length),
        peer: forEach((input) => input.request.method.length + freshPath(input).length),
      },
      goal: { id: 'P3', atMost: 1, floor: 1 },
    };
  });
}

type MethodOfPeer = Parameters<ReturnType<typeof findMyWay>['find']>[0];

function methodOf({ request }: Input): MethodOfPeer {
  return request.method as MethodOfPeer;
}

/** Our `/**` is their `/*`. */
function pathOfPeers(path: MatchableRoute['path']): string {
  return path.replace('/**', '/*');
}

export const pairs: readonly Pair[] = [10, 1_000, 10_000].flatMap(pairsFor);
