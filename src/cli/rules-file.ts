/**
 * Finding the rules that a verb is about: a file or a directory of files, and what is laid over them for an environment.
 *
 * @module
 */

import { readdir, readFile } from 'node:fs';
import { dirname, join, parse } from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import type { RulesText, RulesTexts } from '../rules/files.ts';
import type { WatchedPlace } from '../runtimes/file-watch.ts';
import { fileProblem, nearbyFile } from './file-problem.ts';
import { standardInput } from './standard-input.ts';
import { UsageError } from './usage.ts';

/** More files are no set of rules but a mistake in the path. */
const mostFiles = 1_000;

// The module of promises takes longer to load than a file to read.
const [filesIn, textIn] = [promisify(readdir), promisify(readFile)];

const extensions: readonly string[] = ['.yaml', '.yml', '.json'];

/** The environment that is asked for: the option, or else `FETCHMESH_ENV`; `undefined` for none. */
export function environmentName(option: string | undefined): string | undefined {
  const name = option ?? process.env['FETCHMESH_ENV'];
  if (name === undefined || name === '') return undefined;
  if (/^[A-Za-z0-9_-]{1,64}$/.test(name)) return name;
  const origin = option === undefined ? 'FETCHMESH_ENV' : '--env';
  throw new UsageError(`${origin}: '${name}' is no name; it takes letters, digits, _ and -`);
}

/** Where the changes for an environment stand: `fetchmesh.prod.yaml` beside `fetchmesh.yaml`. */
export function overlayPath(path: string, environment: string): string {
  const { dir, name, ext } = parse(path);
  return join(dir, `${name}.${environment}${ext}`);
}

/**
 * Reads rules.
 *
 * @param file A file, or a directory of files, which are read in the order of their names; `-` is standard input. Default:
 * `fetchmesh.yaml`, then `rules.yaml`.
 * @param environment Whose overlay is read too. Default: none.
 * @returns `undefined` where none was named and there is none.
 */
export async function readRulesFile(
  file: string | undefined,
  environment?: string | undefined,
): Promise<RulesTexts | undefined> {
  if (file === '-') {
    if (environment === undefined) return { file, text: await standardInput() };
    throw new UsageError('an environment needs a rules file beside which its own one stands');
  }
  const candidates = file === undefined ? ['fetchmesh.yaml', 'rules.yaml'] : [file];
  for (const candidate of candidates) {
    const [first, ...parts] =
      (await readPath(candidate, { mayBeMissing: file === undefined })) ?? [];
    if (first === undefined) continue;
    if (environment === undefined) return { ...first, ...(parts.length > 0 && { parts }) };
    const over = overlayPath(candidate, environment);
    const overlays = (await readPath(over, { mayBeMissing: true })) ?? [];
    if (overlays.length === 0) {
      throw new UsageError(`there is no ${over}, which the environment '${environment}' needs`);
    }
    return { ...first, ...(parts.length > 0 && { parts }), overlays };
  }
  return undefined;
}

/**
 * Where changes of rules would show.
 *
 * @param texts What {@link readRulesFile} read.
 * @param path The file or directory that it was asked for; absent for the default.
 */
export function watchedPlaces(
  texts: RulesTexts,
  path: string | undefined,
  environment: string | undefined,
): readonly WatchedPlace[] {
  const base = path ?? texts.file;
  const places = [placeOf(base, texts.file)];
  const [over] = texts.overlays ?? [];
  if (environment !== undefined && over !== undefined) {
    places.push(placeOf(overlayPath(base, environment), over.file));
  }
  return places;
}

/** A directory as a whole where what was read lies in it. */
function placeOf(path: string, read: string): WatchedPlace {
  return path === read ? { directory: dirname(path), name: parse(path).base } : { directory: path };
}

async function readPath(
  path: string,
  { mayBeMissing }: { readonly mayBeMissing: boolean },
): Promise<readonly RulesText[] | undefined> {
  try {
    return [{ file: path, text: await textIn(path, 'utf8') }];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' && mayBeMissing) return undefined;
    if (code !== 'EISDIR') {
      const meant = code === 'ENOENT' ? nearbyFile(path, extensions) : '';
      throw new UsageError(`cannot read ${path}: ${fileProblem(error, 'read')}${meant}`);
    }
  }
  return readDirectory(path);
}

async function readDirectory(path: string): Promise<readonly RulesText[]> {
  const names = (await filesIn(path))
    .filter((name) => !name.startsWith('.') && extensions.includes(parse(name).ext))
    .sort();
  if (names.length === 0) {
    throw new UsageError(`${path} holds no rules: no file in it ends in ${extensions.join(', ')}`);
  }
  if (names.length > mostFiles) {
    throw new UsageError(
      `${path} holds ${names.length} files; more than ${mostFiles} are not read`,
    );
  }
  const texts: RulesText[] = [];
  for (const name of names) {
    const file = join(path, name);
    try {
      texts.push({ file, text: await textIn(file, 'utf8') });
    } catch (error) {
      throw new UsageError(`cannot read ${file}: ${fileProblem(error, 'read')}`);
    }
  }
  return texts;
}

/** What to do where no file was named and there is none. */
export const missingRules =
  'no rules: there is neither fetchmesh.yaml nor rules.yaml here; name a file, or write one with: fetchmesh init';
