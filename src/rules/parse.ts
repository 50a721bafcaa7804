/**
 * Rules files: from text to rules, or to what is wrong with it.
 *
 * @module
 */

import { httpUrl } from './blocks/url.ts';
import { checkFile, checkUpstreams } from './checks.ts';
import { compareDiagnostics, type Diagnostic } from './diagnostics.ts';
import type { Environment } from './env.ts';
import { allTexts, type RulesText, type RulesTexts, readFiles } from './files.ts';
import { deepFreeze, type Rules } from './model.ts';
import { Positions } from './positions.ts';
import { type Draft, read, unsound } from './read.ts';
import { reportTo } from './report.ts';
import { type ResolvedFile, resolveFile } from './resolve.ts';
import { RoutePlaces } from './route-places.ts';
import { type RulesFile, rulesFile } from './schema.ts';
import { Refusal } from './shape.ts';
import { checkForWorker } from './worker-checks.ts';

/** Settings of {@link parseRules}. */
export interface ParseOptions {
  /** The name of the file, for diagnostics. Default: `'rules.yaml'`. */
  readonly file?: string;
  /** More files of the same set: see {@link RulesTexts.parts}. Default: none. */
  readonly parts?: readonly RulesText[];
  /** Files that change what is in the others: see {@link RulesTexts.overlays}. Default: none. */
  readonly overlays?: readonly RulesText[];
  /** Values for `${NAME}`. Default: none. */
  readonly environment?: Environment;
  /**
   * `'gateway'`: every route needs a destination. `'library'`: a route without one leaves the request to what it goes to
   * by itself. Default: `'library'`.
   */
  readonly mode?: 'library' | 'gateway';
  /** Where routes lead that name no destination: a service called `upstream`. Default: none. */
  readonly upstream?: string;
  /**
   * What a block is that the language has and this version does not (FM060). `'warning'` is for looking at a file only: rules
   * that leave out an `auth` are an open door. Default: `'error'`.
   */
  readonly unavailable?: 'error' | 'warning';
  /** Who is going to carry them out, beside whoever can. Default: nobody in particular. */
  readonly target?: 'worker';
  /** A longer text is not read, in UTF-16 code units of all files together. Default: 10000000. */
  readonly maxLength?: number;
}

/** What became of a rules file. */
export interface ParsedRules {
  /** Frozen, and equal to itself after a trip through JSON; `undefined` exactly if there is an error. */
  readonly rules: Rules | undefined;
  /** All that was found, in the order of the file, or of the files. */
  readonly diagnostics: readonly Diagnostic[];
}

/**
 * Reads a rules file, YAML 1.2 or JSON.
 *
 * All problems are found in one go: a part that is wrong does not keep the others from being checked. Never throws,
 * whatever the text.
 *
 * @throws {RangeError} where `upstream` is no http or https URL.
 *
 * @example
 * ```ts
 * const { rules } = parseRules('routes: [{ path: "/api/**", timeout: 3s, retries: 2 }]');
 * rules?.routes[0]?.timeoutMs; // 3000
 * ```
 */
export function parseRules(text: string, options: ParseOptions = {}): ParsedRules {
  const { file = 'rules.yaml', environment = {}, mode = 'library', maxLength } = options;
  const upstream = options.upstream === undefined ? undefined : upstreamOption(options.upstream);
  const { unavailable = 'error' } = options;
  const { parts = [], overlays = [] } = options;
  const texts: RulesTexts = { file, text, parts, overlays };
  const document = readFiles(texts, maxLength === undefined ? {} : { maxLength });
  const { source, root } = document;
  const diagnostics = [...document.diagnostics];
  if (root === undefined) {
    return { rules: undefined, diagnostics: diagnostics.sort(inOrderOf(texts)) };
  }

  const report = reportTo(diagnostics, source);
  const written = read(rulesFile, root, file, { source, environment, report });
  for (const [index, diagnostic] of diagnostics.entries()) {
    if (diagnostic.code === 'FM060') diagnostics[index] = { ...diagnostic, severity: unavailable };
  }
  let resolved: ResolvedFile | undefined;
  if (written !== unsound) {
    const around = { mode, upstream, source, positions: new Positions(root), report };
    resolved = resolveFile(written as Draft<RulesFile>, around);
    checkFile(resolved, around);
    checkUpstreams(resolved.routes, around, isSound(diagnostics));
  }
  const rules = isSound(diagnostics) ? resolved?.toRules() : undefined;
  if (rules !== undefined && options.target === 'worker') {
    checkForWorker(rules, new Positions(root), report);
  }
  const names = new Map(resolved?.routes.map(({ index, name }) => [index, name]));
  const places = new RoutePlaces(root, names);
  const found = diagnostics.map((diagnostic): Diagnostic => {
    const route = places.at(source.offsetOf(diagnostic));
    return route === undefined ? diagnostic : { ...diagnostic, route };
  });
  return { rules: deepFreeze(rules), diagnostics: found.sort(inOrderOf(texts)) };
}

function inOrderOf(texts: RulesTexts): (a: Diagnostic, b: Diagnostic) => number {
  const order = new Map(allTexts(texts).map(({ file }, index) => [file, index]));
  return (a, b) => {
    const before = (order.get(a.file) ?? 0) - (order.get(b.file) ?? 0);
    return before === 0 ? compareDiagnostics(a, b) : before;
  };
}

function isSound(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.every(({ severity }) => severity !== 'error');
}

function upstreamOption(value: string): string {
  const url = httpUrl(value);
  if (url instanceof Refusal || url.search !== '' || url.hash !== '') {
    throw new RangeError(
      `upstream: '${value}' is not an http or https URL without credentials, query, fragment and blocked port`,
    );
  }
  return `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}
