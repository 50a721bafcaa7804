/**
 * Services as a whole, and references to them.
 *
 * @module
 */

import type { ServiceWritten } from './blocks/services.ts';
import {
  destinationsOf,
  type Reference,
  referencesOf,
  type SplitBlock,
  weightsOf,
} from './blocks/split.ts';
import type { Destination, Service } from './model.ts';
import type { Path } from './nodes.ts';
import type { Positions } from './positions.ts';
import { either, quote } from './quote.ts';
import { type Sound, unsound } from './read.ts';
import type { Report } from './report.ts';
import { ServiceReader, type Versions, versionOf } from './service-reader.ts';
import type { ServiceSettings } from './service-settings.ts';
import { suggest } from './suggest.ts';

/** The service that the command line can define. */
export const upstreamService = 'upstream';

/** Where more services are known, the rest is counted. */
const mostNames = 10;

/** The services of a file. */
export class ServiceTable {
  readonly #services = new Map<string, Versions>();
  readonly #settings = new Map<string, ServiceSettings>();
  readonly #used = new Set<string>();
  readonly #positions: Positions;
  readonly #report: Report;
  /** Whether nothing can be said of what is missing. */
  #isUnsound = false;

  constructor(positions: Positions, report: Report) {
    this.#positions = positions;
    this.#report = report;
  }

  /** Takes in what the file defines under `services`. */
  define(written: Sound<Readonly<Record<string, Sound<ServiceWritten>>>>): void {
    if (written === unsound) {
      this.#isUnsound = true;
      return;
    }
    const reader = new ServiceReader(this.#positions, this.#report);
    for (const [name, service] of Object.entries(written)) {
      if (service === unsound) {
        this.#services.set(name, unsound);
        continue;
      }
      const versions = reader.versions(name, service);
      this.#services.set(name, versions);
      this.#settings.set(name, reader.settings(name, service, versions));
    }
  }

  /** Takes in the upstream of the command line. */
  defineUpstream(url: string): void {
    if (this.#services.has(upstreamService)) {
      this.#report(this.#positions.key(['services', upstreamService]), {
        code: 'FM029',
        severity: 'warning',
        message: `service \`${upstreamService}\` is replaced by the upstream of the command line`,
        label: 'nothing of it is used',
        help: 'call it something else, or start without --upstream',
      });
    }
    this.#services.set(upstreamService, new Map([['', versionOf('', [url])]]));
    this.#settings.delete(upstreamService);
  }

  /** Where the upstream of the command line is. */
  upstream(): Destination {
    return { service: upstreamService, version: '', weight: 100 };
  }

  /** The only service of the file, if there is one and it has one version. */
  only(): Sound<Destination> | undefined {
    const [first, second] = this.#services;
    if (first === undefined || second !== undefined) return undefined;
    const [name, versions] = first;
    if (versions === unsound) return unsound;
    if (versions.size !== 1) return undefined;
    this.#used.add(name);
    return { service: name, version: [...versions.keys()][0] ?? '', weight: 100 };
  }

  /** Reads a destination or split that stands at a path; reports what it refers to in vain. */
  resolve(written: SplitBlock, path: Path): Sound<readonly Destination[]> {
    const weights = weightsOf(written);
    if ('code' in weights) this.#report(this.#positions.value(path), weights);
    const found = new Map<string, string>();
    let isSound = true;
    const references = referencesOf(written).map((reference) => {
      const version = this.#find(reference, path);
      if (version === unsound) {
        isSound = false;
        return { service: '', version: '' };
      }
      const { service } = reference;
      const same = found.get(`${service}@${version}`);
      if (same !== undefined) {
        isSound = false;
        this.#report(this.#positions.key([...path, reference.text]), {
          code: 'FM028',
          message: `${quote(reference.text)} and ${quote(same)} are the same destination`,
          label: 'a second time',
          help: 'give one of them the weights of both',
          related: [{ span: this.#positions.key([...path, same]), label: 'the first time' }],
        });
      }
      found.set(`${service}@${version}`, reference.text);
      return { service, version };
    });
    return isSound && !('code' in weights) ? destinationsOf(references, weights) : unsound;
  }

  /** Reports the services that nothing refers to. */
  reportUnused(): void {
    for (const [name, versions] of this.#services) {
      if (this.#used.has(name) || name === upstreamService || versions === unsound) continue;
      this.#report(this.#positions.key(['services', name]), {
        code: 'FM024',
        severity: 'info',
        message: `service ${quote(name)} is not used`,
        label: 'no route leads there',
        help: `name it in \`to\` of a route, or remove it`,
      });
    }
  }

  /** All services, provided that none is wrong. */
  toServices(): readonly Service[] {
    return Array.from(this.#services, ([name, versions]) => ({
      name,
      ...this.#settings.get(name),
      versions:
        versions === unsound ? [] : [...versions.values()].filter((version) => version !== unsound),
    }));
  }

  /** The version that a reference means. */
  #find({ text, service, version, isKey }: Reference, path: Path): Sound<string> {
    const versions = this.#services.get(service);
    this.#used.add(service);
    if (versions === unsound) return unsound;
    const span = isKey ? this.#positions.key([...path, text]) : this.#positions.value(path);
    if (versions === undefined) {
      if (this.#isUnsound) return unsound;
      const meant = suggest(text, this.#references());
      this.#report(span, {
        code: 'FM020',
        message: `unknown service ${quote(text)}`,
        label: 'not defined under `services`',
        help: meant === undefined ? this.#knownServices() : `did you mean ${quote(meant)}?`,
      });
      return unsound;
    }
    const names = [...versions.keys()].filter((name) => name !== '');
    if (version === undefined) {
      const [only] = versions.keys();
      if (versions.size === 1 && only !== undefined) return only;
      this.#report(span, {
        code: 'FM027',
        message: `${quote(service)} has several versions`,
        label: `${either(names)}?`,
        help: `write ${service}@${names[0]}, or weights for several of them`,
      });
      return unsound;
    }
    if (versions.has(version)) return version;
    const meant = suggest(version, names);
    this.#report(span, {
      code: 'FM020',
      message: `unknown version ${quote(text)}`,
      label:
        names.length === 0
          ? `${quote(service)} has no versions`
          : `${quote(service)} has ${either(names).replace(' or ', ' and ')}`,
      help:
        meant !== undefined
          ? `did you mean ${quote(`${service}@${meant}`)}?`
          : names.length === 0
            ? `write ${service} alone`
            : 'write one of them, or define the version under `services`',
    });
    return unsound;
  }

  /** What to write where nothing is near. */
  #knownServices(): string {
    const names = [...this.#services.keys()].map(quote);
    if (names.length === 0) {
      return 'define it: services: { NAME: "http://…" }';
    }
    const shown = names.slice(0, mostNames).join(', ');
    const rest = names.length > mostNames ? ` and ${names.length - mostNames} more` : '';
    return `there ${names.length === 1 ? 'is' : 'are'} ${shown}${rest}`;
  }

  /** Everything that can be referred to. */
  #references(): readonly string[] {
    const references: string[] = [];
    for (const [name, versions] of this.#services) {
      references.push(name);
      if (versions === unsound) continue;
      for (const version of versions.keys()) {
        if (version !== '') references.push(`${name}@${version}`);
      }
    }
    return references;
  }
}
