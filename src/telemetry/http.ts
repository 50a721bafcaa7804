/**
 * What the semantic conventions of OpenTelemetry say of HTTP, version 1.44: shared by spans and metrics.
 *
 * @module
 */

const knownMethods: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

/** The method, or `_OTHER` for one that clients made up: they must not be able to make up time series. */
export function knownMethod(method: string): string {
  return knownMethods.has(method) ? method : '_OTHER';
}

/** Baggage values beyond this many characters are cut where they become labels and attributes. */
export const longestBaggageValue = 64;

/** A Prometheus label name for a baggage key. */
export function labelName(baggageKey: string): string {
  const name = baggageKey.replace(/[^a-zA-Z0-9_]/g, '_');
  return /^[0-9]/.test(name) || name.startsWith('__') ? `baggage_${name}` : name;
}
