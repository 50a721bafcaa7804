/**
 * What a service says of its versions and of where they are.
 *
 * @module
 */

import type {
  EndpointWritten,
  ServiceWritten,
  Upstream,
  UpstreamBlock,
} from './blocks/services.ts';
import type { ServiceVersion } from './model.ts';
import type { Path } from './nodes.ts';
import type { Positions } from './positions.ts';
import { quote } from './quote.ts';
import { type Draft, type Sound, unsound } from './read.ts';
import type { Report } from './report.ts';
import { type ServiceSettings, SettingsReader, type SettingsWritten } from './service-settings.ts';
import { asList } from './shape.ts';

/** What is known of a service: its versions by name, those that are wrong as {@link unsound}. */
export type Versions = Sound<ReadonlyMap<string, Sound<ServiceVersion>>>;

/** Reads services, and reports those that there is nothing to call at, or too much (FM022). */
export class ServiceReader {
  readonly #positions: Positions;
  readonly #report: Report;

  constructor(positions: Positions, report: Report) {
    this.#positions = positions;
    this.#report = report;
  }

  /** The versions of a service; one that has none has a single one without a name. */
  versions(name: string, written: ServiceWritten): Versions {
    const path = ['services', name];
    if (!isBlock(written)) return single(this.#upstream('', written, path));
    const { versions, balance, outlier, health, tls, ...upstream } = written as Draft<
      typeof written
    >;
    if (versions === undefined) return single(this.#upstream('', upstream as UpstreamBlock, path));
    for (const key of ['url', 'urls', 'binding', 'env']) {
      if (!Object.hasOwn(upstream, key)) continue;
      this.#report(this.#positions.key([...path, key]), {
        code: 'FM022',
        message: `${quote(name)} has versions and \`${key}\` besides`,
        label: 'this belongs to one of the versions',
        help: `move it into a version, or leave \`versions\` out`,
        related: [{ span: this.#positions.key([...path, 'versions']), label: 'the versions' }],
      });
    }
    if (versions === unsound) return unsound;
    return new Map(
      Object.entries(versions as Readonly<Record<string, Sound<Upstream>>>).map(([version, at]) => [
        version,
        at === unsound ? unsound : this.#upstream(version, at, [...path, 'versions', version]),
      ]),
    );
  }

  /** What it says beside its versions. */
  settings(name: string, written: ServiceWritten, versions: Versions): ServiceSettings {
    if (!isBlock(written)) return {};
    const urls =
      versions === unsound
        ? [undefined]
        : Array.from(versions.values(), (version) =>
            version === unsound ? undefined : version.urls,
          );
    const reader = new SettingsReader(this.#positions, this.#report);
    return reader.read(written as SettingsWritten, ['services', name], urls);
  }

  /** At least one of the endpoints gets requests. */
  #endpoints(version: ServiceVersion, path: Path): Sound<ServiceVersion> {
    const { weights } = version;
    if (weights === undefined || weights.some((weight) => weight > 0)) return version;
    this.#report(this.#positions.value(path), {
      code: 'FM038',
      message: 'no endpoint has a weight',
      label: 'a weight of 0 is never',
    });
    return unsound;
  }

  #upstream(name: string, written: Upstream, path: Path): Sound<ServiceVersion> {
    if (!isBlock(written)) return this.#endpoints(versionOf(name, asList(written)), path);
    const { url, urls, binding, env, ...others } = written as Draft<UpstreamBlock>;
    if (Object.values(others).includes(unsound)) return unsound;
    if (url === undefined && urls === undefined && binding === undefined) {
      this.#report(this.#positions.key(path), {
        code: 'FM022',
        message: `${quote(String(path.at(-1)))} has nothing to call`,
        help: 'write `url`, `urls` or `binding`',
      });
      return unsound;
    }
    if (url !== undefined && urls !== undefined) {
      this.#report(this.#positions.key([...path, 'urls']), {
        code: 'FM022',
        message: '`url` and `urls` exclude each other',
        label: 'several endpoints stand here',
        help: 'list all of them under `urls`',
        related: [{ span: this.#positions.key([...path, 'url']), label: 'the other one' }],
      });
      return unsound;
    }
    if (url === unsound || urls === unsound) return unsound;
    if (binding === unsound || env === unsound) return unsound;
    const endpoints = url === undefined ? (urls ?? []) : [url];
    const version = this.#endpoints(versionOf(name, endpoints, env), [...path, 'urls']);
    if (version === unsound) return unsound;
    return binding === undefined ? version : { ...version, binding };
  }
}

function isBlock<T extends object>(written: string | readonly EndpointWritten[] | T): written is T {
  return typeof written === 'object' && !Array.isArray(written);
}

/** A version with these endpoints. */
export function versionOf(
  name: string,
  endpoints: readonly EndpointWritten[],
  environment = 'stable',
): ServiceVersion {
  const parts = endpoints.map((one) => (typeof one === 'string' ? { url: one } : one));
  const urls = parts.map(({ url }) => url);
  const weights = parts.map(({ weight = 1 }) => weight);
  const areEqual = weights.every((weight) => weight === 1);
  return { name, urls, ...(!areEqual && { weights }), environment };
}

function single(version: Sound<ServiceVersion>): Versions {
  return new Map([['', version]]);
}
