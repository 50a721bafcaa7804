/**
 * How much a request matters, from hop to hop.
 *
 * @module
 */

/** From the first to be given up to the one that never is. */
export const priorities = ['background', 'low', 'normal', 'high', 'critical'] as const;

/** A class of requests: `critical` ones are never shed. */
export type Priority = (typeof priorities)[number];

/** How many levels a class has: within one, chance decides whose request goes first, and decides it once. */
export const levelsOfClass = 100;

/** Levels from here on are critical. */
export const criticalLevel: number = (priorities.length - 1) * levelsOfClass;

/** Carries the priority of a request to the next hop: `normal;level=37`. */
export const priorityHeader = 'x-fetchmesh-priority';

/**
 * The level of a request: that of its class, and within it a place by chance.
 *
 * @param chance In [0, 1).
 */
export function levelOf(priority: Priority, chance: number): number {
  return priorities.indexOf(priority) * levelsOfClass + Math.floor(chance * levelsOfClass);
}

/** Writes a level as {@link priorityHeader} bears it. */
export function formatPriority(level: number): string {
  return `${priorities[Math.floor(level / levelsOfClass)]};level=${level % levelsOfClass}`;
}

/**
 * Reads a level: a class, and optionally the place within it.
 *
 * @param chance Stands in for a place that is not given; in [0, 1).
 * @returns `undefined` for anything else.
 *
 * @example
 * ```ts
 * parsePriority('normal;level=37', 0); // 237
 * parsePriority('urgent', 0); // undefined
 * ```
 */
export function parsePriority(text: string, chance: number): number | undefined {
  const [, name, level] = /^([a-z]{1,16})(?:;level=(\d{1,2}))?$/.exec(text.trim()) ?? [];
  const priority = priorities.find((known) => known === name);
  if (priority === undefined) return undefined;
  return level === undefined ? levelOf(priority, chance) : levelOf(priority, 0) + Number(level);
}
