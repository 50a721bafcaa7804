/**
 * The whole rules language, put together from its blocks.
 *
 * @module
 */

import * as z from 'zod';
import { type AuthBlock, auths } from './blocks/auth.ts';
import { type HealthBlock, health } from './blocks/health.ts';
import { later } from './blocks/later.ts';
import { type LimitsBlock, limits } from './blocks/limits.ts';
import { type RolesBlock, roles } from './blocks/roles.ts';
import { type DefaultsBlock, defaults, type RouteBlock, routes } from './blocks/route.ts';
import { type ServiceWritten, services } from './blocks/services.ts';
import { type StateBlock, state } from './blocks/state.ts';
import { type TelemetryBlock, telemetry } from './blocks/telemetry.ts';
import { type TlsBlock, tls } from './blocks/tls.ts';
import { type TrustedProxiesBlock, trustedProxiesBlock } from './blocks/trusted-proxies.ts';
import { block, draft, type Named, scalars } from './shape.ts';

/** A rules file as written; durations in milliseconds. */
export interface RulesFile {
  readonly version?: 1;
  readonly defaults?: DefaultsBlock;
  readonly telemetry?: TelemetryBlock;
  readonly health?: HealthBlock;
  readonly trusted_proxies?: TrustedProxiesBlock;
  readonly tls?: TlsBlock;
  readonly state?: StateBlock;
  readonly limits?: LimitsBlock;
  readonly auth?: Named<AuthBlock>;
  readonly roles?: RolesBlock;
  readonly services?: Named<ServiceWritten>;
  readonly routes: readonly RouteBlock[];
}

const version = z.literal(1);
scalars.set(version, { kind: 'number', expected: '1', code: 'FM015' });

/** A rules file. */
export const rulesFile: z.ZodType<RulesFile> = draft(
  block<RulesFile>(
    { title: 'the file', required: ['routes'], later: later.file },
    {
      ...{ version, defaults, telemetry, health, trusted_proxies: trustedProxiesBlock },
      ...{ tls, state, limits, auth: auths, roles, services, routes },
    },
  ),
);
