/**
 * Services, their versions, and where these are.
 *
 * @module
 */

import * as z from 'zod';
import { block, draft, list, type Named, named, numberLike } from '../shape.ts';
import { type BalanceWritten, balance } from './balance.ts';
import { type HealthCheckBlock, healthCheck } from './health-check.ts';
import { later } from './later.ts';
import { bindingName, environmentName, serviceName, versionName } from './names.ts';
import { type OutlierBlock, outlier } from './outlier.ts';
import { type UpstreamTlsBlock, upstreamTls } from './upstream-tls.ts';
import { upstreamUrl } from './url.ts';

/** An endpoint in the long form. */
export interface EndpointBlock {
  readonly url: string;
  /** Its share beside the others; 0: never. */
  readonly weight?: number;
}

/** As written: a URL, or the long form. */
export type EndpointWritten = string | EndpointBlock;

/** Where a service or a version of it is, in the long form. */
export interface UpstreamBlock {
  readonly url?: string;
  readonly urls?: readonly EndpointWritten[];
  /** A service binding of Workers; wins over the URL where it is present. */
  readonly binding?: string;
  /** What it stands for in metrics, such as `canary`. */
  readonly env?: string;
}

/** As written: a URL, several, or the long form. */
export type Upstream = string | readonly EndpointWritten[] | UpstreamBlock;

/** A service in the long form. */
export interface ServiceBlock extends UpstreamBlock {
  readonly versions?: Named<Upstream>;
  readonly balance?: BalanceWritten;
  readonly outlier?: OutlierBlock;
  readonly health?: HealthCheckBlock;
  readonly tls?: UpstreamTlsBlock;
}

/** As written. */
export type ServiceWritten = string | readonly EndpointWritten[] | ServiceBlock;

const endpoint: z.ZodType<EndpointWritten> = z.union([
  upstreamUrl,
  block<EndpointBlock>(
    { title: 'an endpoint', required: ['url'] },
    {
      url: upstreamUrl,
      weight: numberLike('a number from 0 to 1000000', () => z.number().min(0).max(1_000_000)),
    },
  ),
]);

const upstreamKeys = {
  url: upstreamUrl,
  urls: list(endpoint),
  binding: bindingName,
  env: environmentName,
};

const upstream: z.ZodType<Upstream> = z.union([
  upstreamUrl,
  list(endpoint),
  draft(block<UpstreamBlock>({ title: 'a version' }, upstreamKeys)),
]);

const service: z.ZodType<ServiceWritten> = z.union([
  upstreamUrl,
  list(endpoint),
  draft(
    block<ServiceBlock>(
      { title: 'a service', later: later.service },
      {
        ...upstreamKeys,
        versions: draft(named(versionName, upstream)),
        balance,
        outlier,
        health: healthCheck,
        tls: upstreamTls,
      },
    ),
  ),
]);

/** All services by name. */
export const services: z.ZodType<Named<ServiceWritten>> = draft(named(serviceName, service));
