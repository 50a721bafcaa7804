/**
 * What a service says beside where it is: balancing, ejection, health checks, certificates.
 *
 * @module
 */

import type { BalanceWritten } from './blocks/balance.ts';
import { type HealthCheckBlock, resolveHealthCheck } from './blocks/health-check.ts';
import { type OutlierBlock, resolveOutlier } from './blocks/outlier.ts';
import { resolveUpstreamTls, type UpstreamTlsBlock } from './blocks/upstream-tls.ts';
import type { Service } from './model.ts';
import type { Path } from './nodes.ts';
import type { Positions } from './positions.ts';
import { type Sound, unsound } from './read.ts';
import type { Problem, Report } from './report.ts';

/** As read; what is wrong in it is `unsound`. */
export interface SettingsWritten {
  readonly balance?: Sound<BalanceWritten>;
  readonly outlier?: Sound<OutlierBlock>;
  readonly health?: Sound<HealthCheckBlock>;
  readonly tls?: Sound<UpstreamTlsBlock>;
}

/** The part of the model that is made of them. */
export type ServiceSettings = Pick<Service, 'balance' | 'outlier' | 'health' | 'tls'>;

/** Resolves them, and reports what contradicts something else (FM038) or has no effect (FM039). */
export class SettingsReader {
  readonly #positions: Positions;
  readonly #report: Report;

  constructor(positions: Positions, report: Report) {
    this.#positions = positions;
    this.#report = report;
  }

  /**
   * @param path Of the service.
   * @param urls Of each version that is sound; `undefined` for the others.
   */
  read(
    written: SettingsWritten,
    path: Path,
    urls: readonly (readonly string[] | undefined)[],
  ): ServiceSettings {
    const { balance, outlier, health, tls } = written;
    const hasChoice = urls.some((some) => some === undefined || some.length > 1);
    if (!hasChoice) this.#reportIdle(written, path);
    return {
      ...(isSound(balance) && {
        balance: typeof balance === 'string' ? { policy: balance } : balance,
      }),
      ...(isSound(outlier) &&
        this.#outlierIsSound(outlier, [...path, 'outlier']) && {
          outlier: resolveOutlier(outlier),
        }),
      ...(isSound(health) &&
        this.#healthIsSound(health, [...path, 'health']) && {
          health: resolveHealthCheck(health),
        }),
      ...(isSound(tls) &&
        this.#tlsIsSound(tls, urls.flat(), [...path, 'tls']) && { tls: resolveUpstreamTls(tls) }),
    };
  }

  /** With a single endpoint there is nothing to pick from, and the last one is never left out. */
  #reportIdle(written: SettingsWritten, path: Path): void {
    for (const key of ['balance', 'outlier'] as const) {
      if (!isSound(written[key])) continue;
      this.#report(this.#positions.key([...path, key]), {
        code: 'FM039',
        severity: 'warning',
        message: `\`${key}\` has nothing to decide`,
        label: 'there is a single endpoint, and it gets all requests',
        help: 'write several `urls`',
      });
    }
  }

  #outlierIsSound(written: OutlierBlock, path: Path): boolean {
    const { failures = 5, gateway_failures: gateway = 0, local_failures: local = 0 } = written;
    const { success_rate: success, failure_rate: failure } = written;
    const { eject_for: ejectFor = 30_000, max_eject_for: maxEjectFor } = written;
    if (failures + gateway + local === 0 && success === undefined && failure === undefined) {
      return this.#contradicts(path, {
        message: '`outlier` counts nothing',
        label: 'no endpoint would ever be left out',
        help: 'set `failures`, or leave `outlier` out',
      });
    }
    if (maxEjectFor !== undefined && maxEjectFor < ejectFor) {
      return this.#contradicts([...path, 'max_eject_for'], {
        message: '`max_eject_for` is shorter than `eject_for`',
        label: 'the longest ejection cannot be shorter than the first one',
      });
    }
    if (written.max_ejected === 0) {
      return this.#contradicts([...path, 'max_ejected'], {
        message: 'no endpoint may be left out',
        help: 'write at least 1%, or leave `outlier` out',
      });
    }
    if (failure?.threshold === 0) {
      return this.#contradicts([...path, 'failure_rate', 'threshold'], {
        message: 'endpoints without a single failure would be left out',
        help: 'write at least 1%',
      });
    }
    return true;
  }

  #healthIsSound({ interval = 10_000, timeout }: HealthCheckBlock, path: Path): boolean {
    if (interval < 100) {
      return this.#contradicts([...path, 'interval'], {
        message: 'endpoints would be asked more than ten times a second',
        help: 'write at least 100ms',
      });
    }
    if (timeout !== undefined && timeout > interval) {
      return this.#contradicts([...path, 'timeout'], {
        message: '`timeout` of a check is longer than `interval`',
        label: 'the next check is due before this one may end',
      });
    }
    return true;
  }

  #tlsIsSound(
    written: UpstreamTlsBlock,
    urls: readonly (string | undefined)[],
    path: Path,
  ): boolean {
    const { cert, key } = written;
    if (Object.keys(written).length === 0) {
      return this.#contradicts(path, {
        message: '`tls` says nothing',
        help: 'write `ca`, `cert` with `key`, or `server_name`; or leave `tls` out',
      });
    }
    if ((cert === undefined) !== (key === undefined)) {
      const [given, missing] = key === undefined ? ['cert', 'key'] : ['key', 'cert'];
      return this.#contradicts([...path, given], {
        message: `\`${given}\` needs \`${missing}\``,
        label: 'a certificate is shown together with its key',
      });
    }
    const plain = urls.find((url) => url?.startsWith('http:'));
    if (plain === undefined) return true;
    return this.#contradicts(path, {
      message: '`tls` of a service that is reached without TLS',
      label: `${plain} is plain HTTP: nobody is recognised, and no certificate is shown`,
      help: 'write https in its URLs, or leave `tls` out',
    });
  }

  #contradicts(path: Path, problem: Omit<Problem, 'code'>): false {
    this.#report(this.#positions.value(path), { code: 'FM038', ...problem });
    return false;
  }
}

function isSound<T>(value: Sound<T> | undefined): value is T {
  return value !== undefined && value !== unsound;
}
