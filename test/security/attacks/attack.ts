/** The one shape of all attacks: what is sent, and what has to come of it. */

/** The families that there are, and how many attacks of each there have to be at least. */
export const families = {
  smuggling: 40,
  paths: 60,
  'header injection': 12,
  tokens: 90,
  oversized: 15,
  'prototype pollution': 12,
  'slow expressions': 12,
  floods: 6,
  'forged forwarding': 12,
  'forged cookies': 10,
  'forged identity': 18,
  hosts: 40,
  origins: 20,
  'requests to the inside': 30,
} as const;

/** What attacks have in common. */
export type Family = keyof typeof families;

/** One attack. */
export interface Attack<Input = unknown, Expected = unknown> {
  readonly family: Family;
  /** Unique within its family. */
  readonly name: string;
  /** What is sent, or what sends it. */
  readonly input: Input;
  /** What has to come of it. */
  readonly expected: Expected;
}

/** Attacks of a family, written as rows. */
export function attacks<Input, Expected>(
  family: Family,
  rows: readonly (readonly [name: string, input: Input, expected: Expected])[],
): readonly Attack<Input, Expected>[] {
  return rows.map(([name, input, expected]) => ({ family, name, input, expected }));
}
