/** Finding one of many routes by its path. */

import findMyWay from 'find-my-way';
import { Memoirist } from 'memoirist';
import { compileMatcher, type MatchableRoute } from '../../src/routing/match.ts';
import { RequestFacts } from '../../src/routing/request-facts.ts';
import { requestsFor, routes } from '../routing-table.ts';
import type { Pair } from './pair.ts';

function pairsFor(count: number): Pair[] {
  const table = routes(count);
  const requests = requestsFor(table);
  const paths = requests.map(({ url }) => new URL(url).pathname);
  const facts = requests.map((request, index) => {
    const path = paths[index] as string;
    return new RequestFacts(request, new URL(request.url), path);
  });

  const ours = compileMatcher(table);
  const fmw = findMyWay();
  const memoirist = new Memoirist<number>();
  for (const [index, { path }] of table.entries()) {
    fmw.on('GET', pathOfPeers(path), () => {}, index);
    memoirist.add('GET', pathOfPeers(path), index);
  }

  /** All of them, one after the other: no cache is always right. */
  function each<T>(inputs: readonly T[], find: (input: T) => unknown): () => void {
    if (inputs.some((input) => find(input) == null)) throw new Error('A route was not found');
    return () => {
      for (const input of inputs) find(input);
    };
  }
  const goal = { id: 'P3', atMost: 1, floor: 1 };
  const mine = each(facts, (input) => ours.find(input));
  return [
    {
      name: `${count} routes / find-my-way`,
      ours: mine,
      peer: each(paths, (path) => fmw.find('GET', path)),
      goal,
    },
    {
      name: `${count} routes / memoirist`,
      ours: mine,
      peer: each(paths, (path) => memoirist.find('GET', path)),
      goal,
    },
  ];
}

/** Our `/**` is their `/*`. */
function pathOfPeers(path: MatchableRoute['path']): string {
  return path.replace('/**', '/*');
}

export const pairs: readonly Pair[] = [10, 1_000, 10_000].flatMap(pairsFor);
