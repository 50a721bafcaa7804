/**
 * Editing the headers of a response, with no more copies than there must be.
 *
 * @module
 */

import type { Context } from './context.ts';
import { type Exchange, exchange } from './exchange.ts';
import { keepBrand } from './rejection.ts';

/**
 * A response with other headers; the brand of a rejection stays on it.
 *
 * Always a copy, because only some runtimes let a fetched response be edited. A response that cannot be copied (an
 * upgrade, an error, a status beyond 599) is handed back as it is.
 *
 * @param edit Gets the headers of the copy.
 */
export function withResponseHeaders(
  response: Response,
  edit: (headers: Headers) => void,
): Response {
  if (!canBeCopied(response)) return response;
  const { status, statusText, body } = response;
  // The constructor copies them: a copy made beforehand would be a second one, and costs five times as much on Deno.
  const copy = new Response(body, { status, statusText, headers: response.headers });
  edit(copy.headers);
  return keepBrand(response, copy);
}

function canBeCopied({ status }: Response): boolean {
  return status >= 200 && status <= 599;
}

const owner = Symbol('fetchmesh.owner');

interface OwnedResponse extends Response {
  [owner]?: Exchange;
}

/** Whether this runtime lets a fetched response be edited: so it is believed until one refuses. */
let fetchedCanBeEdited = true;

/** Makes a response that was just fetched the exchange's own: nobody else holds it. */
export function ownResponse(response: Response, context: Context): void {
  if (fetchedCanBeEdited) setOwner(response, context.get(exchange));
}

/**
 * {@link withResponseHeaders}, but in place where the response is the exchange's own: a copy costs more than most policies
 * do, and one is enough. Whoever gets the response in another exchange makes a copy of it.
 *
 * @param edit Gets the headers. Asked a second time where the first was refused.
 */
export function editResponse(
  response: Response,
  context: Context,
  edit: (headers: Headers) => void,
): Response {
  const record = context.get(exchange);
  const isOwn = record !== undefined && ownerOf(response) === record && canBeCopied(response);
  if (isOwn && isEdited(response, edit)) return response;
  const copy = withResponseHeaders(response, edit);
  if (copy !== response) setOwner(copy, record);
  return copy;
}

function isEdited({ headers }: Response, edit: (headers: Headers) => void): boolean {
  try {
    edit(headers);
    return true;
  } catch {
    fetchedCanBeEdited = false;
    return false;
  }
}

function ownerOf(response: OwnedResponse): Exchange | undefined {
  return response[owner];
}

function setOwner(response: OwnedResponse, record: Exchange | undefined): void {
  if (record !== undefined) response[owner] = record;
}
