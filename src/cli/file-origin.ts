/**
 * Rules in files, and the files under watch.
 *
 * @module
 */

import { dirname } from 'node:path';
import { allTexts, type RulesTexts } from '../rules/files.ts';
import { watchContent } from '../runtimes/file-watch.ts';
import {
  jobFor,
  type LoadedRules,
  loadRules,
  loadRulesAside,
  type RulesJob,
} from './load-rules.ts';
import { environmentName, missingRules, readRulesFile, watchedPlaces } from './rules-file.ts';
import { type NamedRules, putInForceGradually, type RulesOrigin } from './rules-origin.ts';
import { UsageError } from './usage.ts';

/** Settings of {@link fileOrigin}. */
export interface FileOriginOptions {
  /** Whose overlay is laid over the rules, as the option says. */
  readonly environment: string | undefined;
  /** Where requests go that no rule sends elsewhere; without a file, one route to it. */
  readonly upstream: string | undefined;
  /** Whether changes are looked for; where not, SIGHUP alone asks for it. */
  readonly automatic: boolean;
}

/**
 * Finds the files.
 *
 * @throws {UsageError} where there are none.
 */
export async function fileOrigin(
  path: string | undefined,
  { environment: option, upstream, automatic }: FileOriginOptions,
): Promise<RulesOrigin> {
  const hasFile = path !== undefined || upstream === undefined;
  if (!hasFile && option !== undefined) {
    throw new UsageError('--env: an environment needs rules: give a file with -f');
  }
  const environment = hasFile ? environmentName(option) : undefined;
  const texts = hasFile ? await textsOf(path, environment) : routeToUpstream;
  const isFile = texts.file !== '' && texts.file !== '-';

  /** Says what is wrong. */
  async function read(
    texts: RulesTexts,
    load: (job: RulesJob) => Promise<LoadedRules>,
  ): Promise<NamedRules | undefined> {
    const { found, said } = await load(jobFor(texts, upstream));
    if (said !== '') console.error(said);
    return found;
  }

  return {
    directory: dirname(texts.file),
    first: () => read(texts, loadRules),
    close: async () => {},
    follow(gateway, inForce) {
      if (!isFile) {
        if (automatic) {
          console.error('fetchmesh: --watch is ignored: there is no rules file to watch');
        }
        return undefined;
      }
      return watchContent(
        {
          places: watchedPlaces(texts, path, environment),
          known: texts,
          read: () => textsOf(path ?? texts.file, environment),
          isSame: areSame,
          onUnreadable(error) {
            const why = error instanceof Error ? error.message : error;
            console.error(`fetchmesh: ${why}; revision ${gateway.revision} stays in force`);
          },
          onReadable(hasChanged) {
            const same = hasChanged ? '' : ', and has not changed';
            console.error(`fetchmesh: ${path ?? texts.file} is back${same}`);
          },
          // Most of those who save empty the file first.
          isUnfinished: (changed) => allTexts(changed).some(({ text }) => text.trim() === ''),
        },
        async (changed) => {
          const found = await read(changed, loadRulesAside);
          if (found === undefined) {
            console.error(
              `fetchmesh: rules not loaded; revision ${gateway.revision} stays in force`,
            );
          } else if (await putInForceGradually(gateway, found)) {
            inForce(found.rules);
          }
        },
        { automatic },
      );
    },
  };
}

const routeToUpstream: RulesTexts = { file: '', text: 'routes: [{ path: "/**" }]' };

async function textsOf(
  path: string | undefined,
  environment: string | undefined,
): Promise<RulesTexts> {
  const found = await readRulesFile(path, environment);
  if (found !== undefined) return found;
  throw new UsageError(`${missingRules}; or give an upstream with --upstream`);
}

function areSame(a: RulesTexts, b: RulesTexts): boolean {
  const [these, those] = [allTexts(a), allTexts(b)];
  return (
    these.length === those.length &&
    (a.parts?.length ?? 0) === (b.parts?.length ?? 0) &&
    these.every(
      ({ file, text }, index) => file === those[index]?.file && text === those[index].text,
    )
  );
}
