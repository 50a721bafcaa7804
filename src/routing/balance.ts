/**
 * Picking one of several endpoints: the rules by which load is spread.
 *
 * @module
 */

import type { Endpoint } from '../core/endpoint.ts';
import type { Outcome } from '../core/outcome.ts';
import { loadOf, type PeakEwma, penaltyMs, unknownLatency, withLatency } from './peak-ewma.ts';

/** An endpoint as a picker sees it. The same endpoint is the same object each time. */
export interface Candidate {
  readonly endpoint: Endpoint;
  /** Its share beside the others, above 0. */
  readonly weight: number;
  /** How many requests it has at this moment whose response headers have not come yet. */
  readonly active: number;
  /** False only in a panic, when unhealthy endpoints are candidates too. */
  readonly isHealthy: boolean;
}

/** Picks endpoints. State of its own belongs to its closure. */
export interface Picker {
  /** @param candidates One at least. @returns One of them. */
  pick(candidates: readonly Candidate[], now: number): Candidate;
  /** Gets the end of each try: its outcome, and how long its headers took, in milliseconds. */
  observe?(candidate: Candidate, outcome: Outcome, latencyMs: number, now: number): void;
}

/** The rules that are there. */
export const balancePolicies = ['least_request', 'round_robin', 'random', 'peak_ewma'] as const;

/** Name of a rule by which load is spread. */
export type BalancePolicy = (typeof balancePolicies)[number];

/** Makes the picker of a rule. `bias`: see `BalanceOptions`. */
export function createPicker(policy: BalancePolicy, bias: number, random: () => number): Picker {
  switch (policy) {
    case 'least_request':
      return leastRequest(bias, random);
    case 'round_robin':
      return roundRobin();
    case 'random':
      return { pick: (candidates) => byWeight(candidates, ({ weight }) => weight, random) };
    case 'peak_ewma':
      return peakEwma(random);
  }
}

/**
 * Of two endpoints drawn by chance, the one that is healthy; else the one with less load; else the first (LB-01, LB-02).
 *
 * @param load Asked for both; the lower wins.
 */
export function pickOfTwo(
  candidates: readonly Candidate[],
  load: (candidate: Candidate) => number,
  random: () => number,
): Candidate {
  const count = candidates.length;
  if (count === 1) return candidates[0] as Candidate;
  const first = Math.floor(random() * count);
  const other = Math.floor(random() * (count - 1));
  const a = candidates[first] as Candidate;
  // Drawn from all but the first, so never the same.
  const b = candidates[other < first ? other : other + 1] as Candidate;
  if (a.isHealthy !== b.isHealthy) return a.isHealthy ? a : b;
  return load(b) < load(a) ? b : a;
}

/** What a weight is still worth under load: Envoy's `weight / (active + 1) ^ bias` (LB-04). */
export function weightUnderLoad(weight: number, active: number, bias: number): number {
  return weight / (active + 1) ** bias;
}

/** Power of two choices where all weigh the same; else drawn in proportion to the weight under load. */
function leastRequest(bias: number, random: () => number): Picker {
  const weighSame = remembered(haveSameWeight);
  return {
    pick(candidates) {
      if (weighSame(candidates)) return pickOfTwo(candidates, ({ active }) => active, random);
      const share = ({ weight, active }: Candidate): number =>
        weightUnderLoad(weight, active, bias);
      return byWeight(candidates, share, random);
    },
  };
}

/** In turn; with weights, spread as evenly as they allow: nginx's smooth weighted round robin. */
function roundRobin(): Picker {
  const weighSame = remembered(haveSameWeight);
  const credits = new WeakMap<Candidate, number>();
  let turn = 0;
  return {
    pick(candidates) {
      if (weighSame(candidates)) return candidates[turn++ % candidates.length] as Candidate;
      let best = candidates[0] as Candidate;
      let bestCredit = Number.NEGATIVE_INFINITY;
      let sum = 0;
      for (const candidate of candidates) {
        const credit = (credits.get(candidate) ?? 0) + candidate.weight;
        credits.set(candidate, credit);
        sum += candidate.weight;
        if (credit > bestCredit) {
          best = candidate;
          bestCredit = credit;
        }
      }
      credits.set(best, bestCredit - sum);
      return best;
    },
  };
}

/** Of two, the one whose recent latency times its requests is lower (LB-03). */
function peakEwma(random: () => number): Picker {
  const latencies = new WeakMap<Candidate, PeakEwma>();
  return {
    pick(candidates, now) {
      const load = (candidate: Candidate): number =>
        loadOf(latencies.get(candidate) ?? unknownLatency, candidate.active, now) /
        candidate.weight;
      return pickOfTwo(candidates, load, random);
    },
    observe(candidate, { verdict }, latencyMs, now) {
      if (verdict === 'ignored') return;
      // Who fails at once must not look fast.
      const counted = verdict === 'failure' ? Math.max(latencyMs, penaltyMs) : latencyMs;
      const before = latencies.get(candidate) ?? unknownLatency;
      latencies.set(candidate, withLatency(before, counted, now));
    },
  };
}

function byWeight(
  candidates: readonly Candidate[],
  weightOf: (candidate: Candidate) => number,
  random: () => number,
): Candidate {
  let sum = 0;
  for (const candidate of candidates) sum += weightOf(candidate);
  let left = random() * sum;
  for (const candidate of candidates) {
    left -= weightOf(candidate);
    if (left < 0) return candidate;
  }
  return candidates.at(-1) as Candidate;
}

function haveSameWeight(candidates: readonly Candidate[]): boolean {
  const weight = candidates[0]?.weight;
  return candidates.every((candidate) => candidate.weight === weight);
}

/** The list of candidates stays the same object until one of them comes or goes. */
function remembered<T>(ask: (candidates: readonly Candidate[]) => T) {
  let asked: readonly Candidate[] | undefined;
  let answer: T;
  return (candidates: readonly Candidate[]): T => {
    if (candidates !== asked) {
      asked = candidates;
      answer = ask(candidates);
    }
    return answer;
  };
}
