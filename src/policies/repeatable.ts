/**
 * Which requests may be sent more than once.
 *
 * @module
 */

import type { Context } from '../core/context.ts';
import { outgoingHeaders } from '../core/outgoing.ts';

/** RFC 9110 §9.2.2, and QUERY. */
const idempotentMethods: ReadonlySet<string> = new Set([
  'GET',
  'HEAD',
  'OPTIONS',
  'PUT',
  'DELETE',
  'TRACE',
  'QUERY',
]);

/** Whether the method allows another try, or the header `Idempotency-Key` does where that is enough (RT-01, RT-02). */
export function isRepeatable(
  request: Request,
  context: Context,
  unsafeMethods: 'never' | 'always' | 'idempotency_key',
): boolean {
  if (unsafeMethods === 'always' || idempotentMethods.has(request.method)) return true;
  return (
    unsafeMethods === 'idempotency_key' && 'idempotency-key' in outgoingHeaders(request, context)
  );
}
