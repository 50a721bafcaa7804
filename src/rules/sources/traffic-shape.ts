/**
 * The shape of what a route does with its traffic beside sending it on.
 *
 * @module
 */

import type { HeaderEdits } from '../../core/header-edits.ts';
import type { RedirectOptions } from '../../routing/redirect.ts';
import type { RespondOptions } from '../../routing/respond.ts';
import type { RewriteOptions } from '../../routing/rewrite.ts';
import type { HeadersOptions } from '../../security/headers.ts';
import type {
  BodyRule,
  Cors,
  DeadlineRule,
  Fallback,
  Fault,
  MatchConditions,
  Mirror,
  Place,
  Route,
} from '../model.ts';
import type { TrafficRules } from '../traffic.ts';
import {
  block,
  type Check,
  flag,
  list,
  type Members,
  number,
  oneOf,
  text,
  texts,
  value,
} from './checks.ts';

/** Match strings by name. */
export function conditions(): Check {
  return block<MatchConditions>({
    'headers?': texts,
    'query?': texts,
    'cookies?': texts,
    'baggage?': texts,
    'claims?': texts,
  });
}

/** Checks for these members of a route. */
export function trafficMembers(): Members<Pick<Route, keyof TrafficRules>> {
  const percent = number(0, 100);
  const status = number(200, 599);
  const place = block<Place>({ service: text, version: text });
  const edits = block<HeaderEdits>({ 'remove?': list(text), 'set?': texts, 'add?': texts });
  const respond = block<RespondOptions>({ 'status?': status, 'body?': text, 'headers?': texts });
  const pathEdit = {
    'path?': text,
    'prefix?': block<NonNullable<RewriteOptions['prefix']>>({ from: text, to: text }),
    'regex?': block<NonNullable<RewriteOptions['regex']>>({ match: text, to: text }),
  };
  const condition = value(
    'a status or a reason',
    (given) => Number.isInteger(given) || typeof given === 'string',
  );
  return {
    'limits?': block<BodyRule>({
      'bodyBytes?': number(0, Number.MAX_SAFE_INTEGER),
      'bodyRate?': number(0, Number.MAX_SAFE_INTEGER),
      'graceMs?': number(0, Number.MAX_VALUE),
    }),
    'cors?': block<Cors>({
      origins: list(text),
      'methods?': list(text),
      'headers?': list(text),
      'expose?': list(text),
      credentials: flag,
      'maxAgeMs?': number(0, Number.MAX_VALUE),
    }),
    'headers?': block<HeadersOptions>({ 'request?': edits, 'response?': edits }),
    'fallback?': block<Fallback>({ 'respond?': respond, 'to?': place, 'when?': list(condition) }),
    'deadline?': block<DeadlineRule>({
      'trustedIps?': list(text),
      header: text,
      forward: flag,
    }),
    'fault?': block<Fault>({
      'delay?': block<NonNullable<Fault['delay']>>({ ms: number(0, Number.MAX_VALUE), percent }),
      'abort?': block<NonNullable<Fault['abort']>>({ status, percent }),
      'percent?': percent,
      onlyIf: list(conditions()),
      'until?': text,
      'maxActive?': number(1, Number.MAX_SAFE_INTEGER),
      headerTrigger: flag,
      counted: flag,
    }),
    'mirror?': list(
      block<Mirror>({
        to: place,
        percent,
        credentials: oneOf('include', 'omit'),
        'headers?': edits,
        timeoutMs: number(1, Number.MAX_VALUE),
        'maxReplayBytes?': number(0, Number.MAX_SAFE_INTEGER),
        'maxActive?': number(1, Number.MAX_SAFE_INTEGER),
      }),
    ),
    'rewrite?': block<RewriteOptions>({ ...pathEdit, 'host?': text }),
    'redirect?': block<RedirectOptions>({
      ...pathEdit,
      'scheme?': oneOf('http', 'https'),
      'host?': text,
      'port?': number(1, 65_535),
      'status?': oneOf(301, 302, 303, 307, 308),
    }),
    'respond?': respond,
  };
}
