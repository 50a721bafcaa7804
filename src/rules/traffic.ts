/**
 * What is done with the traffic of a route beside sending it on: faults, copies, edits, answers of its own.
 *
 * @module
 */

import { defaultReplayBytes } from '../core/replay.ts';
import { defaultMaxCopies } from '../policies/mirror.ts';
import type { FallbackBlock } from './blocks/answers.ts';
import { type CorsBlock, resolveCors } from './blocks/cors.ts';
import { resolveDeadline } from './blocks/deadline.ts';
import { type FaultBlock, lacksPercent, percentOf, resolveFault } from './blocks/fault.ts';
import { resolveHeaderEdits, resolveHeaders } from './blocks/headers.ts';
import { type BodyLimitsBlock, resolveBodyLimits } from './blocks/limits.ts';
import type { MirrorBlock, MirrorWritten } from './blocks/mirror.ts';
import { resolvePathEdit } from './blocks/rewrite.ts';
import type { DefaultsBlock, RouteBlock } from './blocks/route.ts';
import type { ServiceTable } from './destinations.ts';
import type { Destination, Fallback, Mirror, Place, Route } from './model.ts';
import type { Path } from './nodes.ts';
import { type Draft, type Sound, unsound } from './read.ts';
import { asList } from './shape.ts';
import { type Surroundings, sourced } from './surroundings.ts';

/** This part of a route. */
export type TrafficRules = Pick<
  Route,
  | 'limits'
  | 'cors'
  | 'headers'
  | 'fallback'
  | 'deadline'
  | 'fault'
  | 'mirror'
  | 'rewrite'
  | 'redirect'
  | 'respond'
>;

const defaultMirrorMs = 15_000;

/** Whether a route answers by itself, so that it needs no upstream. */
export function endsByItself({ redirect, respond }: Draft<RouteBlock>): boolean {
  return redirect !== undefined || respond !== undefined;
}

/** Resolves these blocks and reports what is wrong with them. */
export class TrafficResolver {
  readonly #defaults: Draft<DefaultsBlock>;
  /** Of the file: for routes that say nothing, nor the defaults. */
  readonly #limits: BodyLimitsBlock | undefined;
  readonly #services: ServiceTable;
  readonly #around: Surroundings;
  /** By place, so that what stands under `defaults` is reported once. */
  readonly #places = new Map<string, Place | undefined>();
  readonly #faults = new Set<FaultBlock>();
  readonly #corsBlocks = new Set<CorsBlock>();

  constructor(
    defaults: Draft<DefaultsBlock>,
    limits: BodyLimitsBlock | undefined,
    services: ServiceTable,
    around: Surroundings,
  ) {
    this.#defaults = defaults;
    this.#limits = limits;
    this.#services = services;
    this.#around = around;
  }

  /** @param to Where the route leads. */
  resolve(written: Draft<RouteBlock>, path: Path, to: Sound<readonly Destination[]>): TrafficRules {
    const cors = this.#inherited('cors', written, path);
    const limits = written.limits ?? this.#defaults.limits ?? this.#limits;
    const headers = this.#inherited('headers', written, path);
    const isEnd = endsByItself(written);
    const fallback = isEnd ? undefined : this.#inherited('fallback', written, path);
    const deadline = isEnd ? undefined : this.#inherited('deadline', written, path);
    const fault = isEnd ? undefined : this.#inherited('fault', written, path);
    const mirror = isEnd ? undefined : this.#inherited('mirror', written, path);
    const rules = {
      limits: isBlock(limits) ? resolveBodyLimits(limits) : undefined,
      cors: cors && this.#cors(cors.value, cors.path),
      headers: headers && resolveHeaders(headers.value),
      fallback: fallback && this.#fallback(fallback.value, fallback.path),
      deadline: deadline && resolveDeadline(deadline.value),
      fault: fault && this.#fault(fault.value, fault.path),
      mirror: mirror && this.#mirrors(mirror.value, mirror.path, to),
      ...edits(written),
    };
    return Object.fromEntries(Object.entries(rules).filter(([, value]) => value !== undefined));
  }

  /** A block of the route, else the default's; nothing where it is switched off. */
  #inherited<K extends 'cors' | 'headers' | 'fallback' | 'deadline' | 'fault' | 'mirror'>(
    key: K,
    written: Draft<RouteBlock>,
    path: Path,
  ): { value: Exclude<NonNullable<DefaultsBlock[K]>, 'off'>; path: Path } | undefined {
    const own = written[key] !== undefined;
    const value = (own ? written : this.#defaults)[key];
    const found = sourced(value, [...(own ? path : ['defaults']), key]);
    return found === undefined || found.value === 'off' ? undefined : (found as never);
  }

  #cors(written: CorsBlock, path: Path): Route['cors'] {
    const { positions, report } = this.#around;
    const isForAll = asList(written.origins).includes('*');
    if (isForAll && written.credentials === true && !this.#corsBlocks.has(written)) {
      this.#corsBlocks.add(written);
      report(positions.value([...path, 'credentials']), {
        code: 'FM083',
        message: '`credentials: true` and the origin `*` exclude each other',
        label: 'any page could act in the name of whoever looks at it',
        help: 'name the origins',
      });
    }
    return resolveCors(written);
  }

  #fault(written: FaultBlock, path: Path): Route['fault'] {
    if (this.#faults.has(written)) return resolveFault(written);
    this.#faults.add(written);
    const { positions, report } = this.#around;
    const { delay, abort, until, only_if: onlyIf, header_trigger: headerTrigger } = written;
    if (delay === undefined && abort === undefined && headerTrigger !== true) {
      report(positions.key(path), {
        code: 'FM014',
        message: '`fault` needs `delay` or `abort`',
        label: 'nothing to inject',
      });
    } else if (lacksPercent(written)) {
      report(positions.key(path), {
        code: 'FM014',
        message: '`fault` needs `percent`',
        label: 'how many of the requests?',
        help: 'write `percent: 100%` for all of them',
      });
    }
    if (until === undefined && onlyIf === undefined) {
      report(positions.key(path), {
        code: 'FM087',
        severity: 'warning',
        message: 'this fault has no end and is for everybody',
        label: 'an experiment that is forgotten is an outage',
        help: 'write `until`, or `only_if`',
      });
    }
    return resolveFault(written);
  }

  #mirrors(
    written: Exclude<MirrorWritten, 'off'>,
    path: Path,
    primaries: Sound<readonly Destination[]>,
  ): readonly Mirror[] {
    if (typeof written === 'string') {
      const mirror = this.#mirror({ to: written }, path, path, primaries);
      return mirror === undefined ? [] : [mirror];
    }
    const isList = Array.isArray(written);
    return asList(written).flatMap((entry: MirrorBlock, index) => {
      const at = [...path, ...(isList ? [index] : [])];
      return this.#mirror(entry, at, [...at, 'to'], primaries) ?? [];
    });
  }

  #mirror(
    {
      to,
      percent,
      credentials,
      headers,
      timeout = defaultMirrorMs,
      max_replay_bytes: maxReplayBytes = defaultReplayBytes,
      max_active: maxActive = defaultMaxCopies,
    }: MirrorBlock,
    path: Path,
    placePath: Path,
    primaries: Sound<readonly Destination[]>,
  ): Mirror | undefined {
    const place = this.#place(to, placePath);
    if (place === undefined) return undefined;
    const { positions, report } = this.#around;
    const known = primaries === unsound ? [] : primaries;
    const isSame = known.some(
      ({ service, version }) => service === place.service && version === place.version,
    );
    if (isSame) {
      report(positions.value(placePath), {
        code: 'FM081',
        severity: 'warning',
        message: 'requests are copied to where they go anyway',
        label: 'everything is done twice there',
      });
    }
    const isAtHome = known.length > 0 && known.every(({ service }) => service === place.service);
    if (credentials === 'include' && known.length > 0 && !isAtHome) {
      report(positions.value([...path, 'credentials']), {
        code: 'FM086',
        severity: 'warning',
        message: 'another service gets the credentials of the callers',
        label: 'it can act in their name',
      });
    }
    return {
      to: place,
      percent: percentOf(percent),
      credentials: credentials ?? (isAtHome ? 'include' : 'omit'),
      ...(headers !== undefined && { headers: resolveHeaderEdits(headers) }),
      timeoutMs: timeout,
      maxReplayBytes,
      maxActive,
    };
  }

  #fallback(written: string | FallbackBlock, path: Path): Fallback | undefined {
    const { respond, to, when } = typeof written === 'string' ? { to: written } : written;
    if ((respond === undefined) === (to === undefined)) {
      const { positions, report } = this.#around;
      report(positions.key(path), {
        code: 'FM083',
        message: '`fallback` needs either `respond` or `to`',
        label: respond === undefined ? 'it has neither' : 'it has both',
        help: 'write what it answers, `respond: { body: … }`, or who answers, `to: NAME`',
      });
      return undefined;
    }
    const shared = when !== undefined && { when };
    if (to === undefined) return { ...shared, respond: respond as NonNullable<typeof respond> };
    const place = this.#place(to, typeof written === 'string' ? path : [...path, 'to']);
    return place === undefined ? undefined : { ...shared, to: place };
  }

  #place(text: string, path: Path): Place | undefined {
    const id = JSON.stringify(path);
    if (this.#places.has(id)) return this.#places.get(id);
    const found = this.#services.resolve(text, path);
    const [first] = found === unsound ? [] : found;
    const place = first && { service: first.service, version: first.version };
    this.#places.set(id, place);
    return place;
  }
}

/** What needs nothing but the route itself. */
function edits({ path, rewrite, redirect, respond }: Draft<RouteBlock>): TrafficRules {
  if (path === unsound || rewrite === unsound || redirect === unsound || respond === unsound) {
    return {};
  }
  return {
    ...(rewrite !== undefined && {
      rewrite: {
        ...(rewrite.host !== undefined && { host: rewrite.host }),
        ...resolvePathEdit(rewrite, path),
      },
    }),
    ...(redirect !== undefined && {
      redirect: {
        ...withoutPathEdits(redirect),
        ...resolvePathEdit(redirect, path),
      },
    }),
    ...(respond !== undefined && { respond }),
  };
}

function withoutPathEdits<T extends { path?: unknown; prefix?: unknown; regex?: unknown }>({
  path: _path,
  prefix: _prefix,
  regex: _regex,
  ...others
}: T): Omit<T, 'path' | 'prefix' | 'regex'> {
  return others;
}

function isBlock(limits: Sound<'off' | BodyLimitsBlock> | undefined): limits is BodyLimitsBlock {
  return limits !== undefined && limits !== unsound && limits !== 'off';
}
