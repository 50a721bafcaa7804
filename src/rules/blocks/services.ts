/**
 * Services, their versions, and where these are.
 *
 * @module
 */

import * as z from 'zod';
import { block, draft, list, type Named, named } from '../shape.ts';
import { later } from './later.ts';
import { bindingName, environmentName, serviceName, versionName } from './names.ts';
import { upstreamUrl } from './url.ts';

/** Where a service or a version of it is, in the long form. */
export interface UpstreamBlock {
  readonly url?: string;
  readonly urls?: readonly string[];
  /** A service binding of Workers; wins over the URL where it is present. */
  readonly binding?: string;
  /** What it stands for in metrics, such as `canary`. */
  readonly env?: string;
}

/** As written: a URL, several, or the long form. */
export type Upstream = string | readonly string[] | UpstreamBlock;

/** A service in the long form. */
export interface ServiceBlock extends UpstreamBlock {
  readonly versions?: Named<Upstream>;
}

/** As written. */
export type ServiceWritten = string | readonly string[] | ServiceBlock;

const upstreamKeys = {
  url: upstreamUrl,
  urls: list(upstreamUrl),
  binding: bindingName,
  env: environmentName,
};

const upstream: z.ZodType<Upstream> = z.union([
  upstreamUrl,
  list(upstreamUrl),
  draft(block<UpstreamBlock>({ title: 'a version' }, upstreamKeys)),
]);

const service: z.ZodType<ServiceWritten> = z.union([
  upstreamUrl,
  list(upstreamUrl),
  draft(
    block<ServiceBlock>(
      { title: 'a service', later: later.service },
      { ...upstreamKeys, versions: draft(named(versionName, upstream)) },
    ),
  ),
]);

/** All services by name. */
export const services: z.ZodType<Named<ServiceWritten>> = draft(named(serviceName, service));
