/**
 * What a set of metric names has to provide.
 *
 * @module
 */

import type { Direction } from '../../core/context.ts';
import type { Exemplar } from '../instruments.ts';
import type { Registry } from '../registry.ts';

/** What a preset is built from. */
export interface PresetOptions {
  readonly registry: Registry;
  readonly service: string;
  /** Names of the extra labels, in the order of {@link RequestFacts.baggage}. */
  readonly baggageLabels: readonly string[];
}

/** What is known of a request when it comes. */
export interface BeginFacts {
  readonly method: string;
  readonly scheme: string;
}

/** What is known of it when it has ended. All strings have few distinct values, but for the baggage. */
export interface RequestFacts extends BeginFacts {
  readonly direction: Direction;
  readonly status: number;
  /** Envoy's, separated by commas; `-` where there are none. */
  readonly flags: string;
  readonly errorType: string | undefined;
  readonly route: string | undefined;
  readonly destinationService: string;
  readonly destinationVersion: string | undefined;
  readonly environment: string;
  readonly durationSeconds: number;
  readonly baggage: readonly string[];
  /** Where its trace is, for those that are recorded. */
  readonly exemplar: Exemplar | undefined;
}

/** Registers its metrics and returns what records into them. */
export type MetricsPreset = (options: PresetOptions) => {
  begin(facts: BeginFacts): void;
  end(facts: RequestFacts): void;
};

/** The labels of a metric, those from baggage included. */
export function withBaggage(
  labels: Readonly<Record<string, string>>,
  names: readonly string[],
  values: readonly string[],
): Record<string, string> {
  const all: Record<string, string> = { ...labels };
  for (const [index, name] of names.entries()) all[name] = values[index] ?? '';
  return all;
}
