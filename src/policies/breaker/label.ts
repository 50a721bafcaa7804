/**
 * A breaker in one line.
 *
 * @module
 */

import { formatDuration } from '../../core/duration.ts';
import type { MachineSettings } from './machine.ts';
import type { BreakerOptions } from './options.ts';

/** In the words of the options, for `describe`. */
export function labelOf(options: BreakerOptions, settings: MachineSettings): string {
  const { failures, errorRate, slowRate, minRequests, window } = settings;
  const parts: string[] = [];
  if (failures !== undefined) parts.push(`${failures} failures in a row`);
  if (errorRate !== undefined) parts.push(`${percent(errorRate)} errors`);
  if (slowRate !== undefined) parts.push(`${percent(slowRate)} slower than ${options.slowAfter}`);
  if (settings.trip !== undefined) parts.push('a condition of its own');
  let label = `breaker ${parts.join(' or ')}`;
  if (window.kind === 'count') label += ` of the last ${window.size}`;
  if (window.kind === 'time') {
    label += ` of at least ${minRequests} in ${formatDuration(window.buckets * window.bucketMs)}`;
  }
  const { openFor = '5s', mode = 'on' } = options;
  if (typeof openFor === 'string') label += `, open ${openFor}`;
  if (options.fleet !== undefined) label += `, '${options.name}' of a fleet`;
  return mode === 'on' ? label : `${label}, ${mode}`;
}

function percent(rate: number): string {
  return `${Number((rate * 100).toPrecision(6))}%`;
}
