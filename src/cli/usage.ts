/**
 * Reading arguments, with errors that a person can act on.
 *
 * @module
 */

import process from 'node:process';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { parseDuration } from '../core/duration.ts';
import { shownUrl } from '../core/option.ts';
import { hasBlockedPort } from '../rules/blocks/blocked-ports.ts';
import { suggest } from '../rules/suggest.ts';

/** The arguments make no sense; the message says which, and what would. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Whether it is a {@link UsageError}, be it of another bundle, which has a class of its own. */
export function isUsageError(error: unknown): error is UsageError {
  return error instanceof Error && error.name === 'UsageError';
}

/** Options that speak to a running gateway. */
const later: readonly string[] = ['--live', '--at', '--admin', '--token-file'];

/**
 * `node:util`'s `parseArgs`, strict, its errors turned into {@link UsageError}; an option that is not known brings the one to
 * mind that was meant. `--no-color` is taken by every verb, and counts as `NO_COLOR` does; not even `FORCE_COLOR` wins over it.
 */
export function readArguments<T extends ParseArgsConfig>(
  config: T,
): ReturnType<typeof parseArgs<T & { strict: true }>> {
  const options = { ...config.options, 'no-color': { type: 'boolean' } } as const;
  try {
    const found = parseArgs({ ...config, options, strict: true });
    if ((found.values as Readonly<Record<string, unknown>>)['no-color'] === true) {
      process.env['NO_COLOR'] = '1';
      delete process.env['FORCE_COLOR'];
    }
    return found as ReturnType<typeof parseArgs<T & { strict: true }>>;
  } catch (error) {
    throw new UsageError(optionProblem(error as NodeJS.ErrnoException, Object.keys(options)));
  }
}

function optionProblem({ code, message }: NodeJS.ErrnoException, known: readonly string[]): string {
  const written = /'(-[^' ]*)/.exec(message)?.[1] ?? '';
  switch (code) {
    case 'ERR_PARSE_ARGS_UNKNOWN_OPTION':
      if (later.includes(written)) return `${written} is not available in this version`;
      return `unknown option ${written}${didYouMean(written, known, '--')}`;
    case 'ERR_PARSE_ARGS_UNEXPECTED_POSITIONAL': {
      const [, argument = ''] = /'(.*?)'/s.exec(message) ?? [];
      return `unexpected argument '${argument}': this verb takes options alone`;
    }
    default: {
      const [, name] = /'(?:-\w, )?(--[\w-]+)(?: <value>)?' (?:argument|does)/.exec(message) ?? [];
      if (name === undefined) return message;
      return message.includes('not take') ? `${name} takes no value` : `${name} needs a value`;
    }
  }
}

/** `; did you mean --strict?`, or nothing where no candidate is near. */
export function didYouMean(word: string, candidates: readonly string[], front = ''): string {
  const meant = suggest(word, candidates);
  return meant === undefined ? '' : `; did you mean ${front}${meant}?`;
}

/** Such as `1 route` and `2 routes`. */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`;
}

/** A port: a whole number from 0 to 65535; 0 takes any free one. */
export function readPort(option: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : Number.NaN;
  if (!(port <= 65_535)) {
    throw new UsageError(`${option}: '${text}' is not a port, a whole number from 0 to 65535`);
  }
  return port;
}

/** A whole number above 0. */
export function readCount(option: string, text: string): number {
  const count = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (count === 0) throw new UsageError(`${option}: '${text}' is not a whole number above 0`);
  return count;
}

/** An `http:` or `https:` URL. */
export function readUrl(option: string, text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(
      `${option}: ${shownUrl(text)} is not a URL that begins with http:// or https://`,
    );
  }
  return url;
}

/** A URL that paths are appended to, without what must not be in front of them or be seen in logs. */
export function readUpstream(option: string, text: string): string {
  const url = readUrl(option, text);
  const { href, username, password, search, hash } = url;
  if (username !== '' || password !== '' || search !== '' || hash !== '') {
    // Not shown: it may hold a password.
    throw new UsageError(`${option}: give a URL without user, password, query and fragment`);
  }
  if (hasBlockedPort(url)) {
    throw new UsageError(`${option}: the Fetch Standard blocks port ${url.port}; choose another`);
  }
  return href;
}

/** The longest that a timer of Node waits; beyond it, one ends at once. */
const longestSeconds = 2_147_483;

/** A number of seconds that a timer can wait, or a duration such as `500ms`. */
export function readSeconds(option: string, text: string): number {
  const bare = text.trim() === '' ? Number.NaN : Number(text);
  const seconds = Number.isNaN(bare) ? durationSeconds(text) : bare;
  if (!(seconds >= 0 && seconds <= longestSeconds)) {
    throw new UsageError(
      `${option}: '${text}' is neither a number of seconds from 0 to ${longestSeconds} nor a duration such as 500ms`,
    );
  }
  return seconds;
}

function durationSeconds(text: string): number {
  const milliseconds = parseDuration(text);
  return milliseconds === undefined ? Number.NaN : milliseconds / 1_000;
}
