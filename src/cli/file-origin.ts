/**
 * Rules in a file, and the file under watch.
 *
 * @module
 */

import { dirname } from 'node:path';
import process from 'node:process';
import { type ParsedRules, parseRules } from '../rules/parse.ts';
import { renderDiagnostics } from '../rules/render.ts';
import { watchFile } from '../runtimes/file-watch.ts';
import { type RulesText, readRulesFile } from './rules-file.ts';
import { type NamedRules, putInForce, type RulesOrigin } from './rules-origin.ts';
import { UsageError } from './usage.ts';

/** Settings of {@link fileOrigin}. */
export interface FileOriginOptions {
  /** Where requests go that no rule sends elsewhere; without a file, one route to it. */
  readonly upstream: string | undefined;
  /** Whether changes are looked for; where not, SIGHUP alone asks for it. */
  readonly automatic: boolean;
}

/**
 * Finds the file.
 *
 * @throws {UsageError} where there is none.
 */
export async function fileOrigin(
  path: string | undefined,
  { upstream, automatic }: FileOriginOptions,
): Promise<RulesOrigin> {
  const { file, text } = await textOf(path, upstream);
  const isFile = file !== '' && file !== '-';

  /** Says what is wrong. */
  async function read(text: string): Promise<NamedRules | undefined> {
    const { rules, diagnostics } = parse({ file, text }, upstream);
    report(diagnostics, text);
    return rules && { rules, revision: await revisionOf(text) };
  }

  return {
    directory: dirname(file),
    first: () => read(text),
    follow(gateway) {
      if (!isFile) {
        if (automatic) {
          console.error('fetchmesh: --watch is ignored: there is no rules file to watch');
        }
        return undefined;
      }
      return watchFile(
        file,
        text,
        async (changed) => {
          const found = await read(changed);
          if (found !== undefined) putInForce(gateway, found);
          else {
            console.error(
              `fetchmesh: rules not loaded; revision ${gateway.revision} stays in force`,
            );
          }
        },
        { automatic },
      );
    },
  };
}

async function textOf(file: string | undefined, upstream: string | undefined): Promise<RulesText> {
  if (file === undefined && upstream !== undefined) {
    return { file: '', text: 'routes: [{ path: "/**" }]' };
  }
  const found = await readRulesFile(file);
  if (found !== undefined) return found;
  throw new UsageError(
    'no rules: give a file with -f, an upstream with --upstream, or write fetchmesh.yaml',
  );
}

function parse({ file, text }: RulesText, upstream: string | undefined): ParsedRules {
  return parseRules(text, {
    file: file === '' ? '--upstream' : file,
    environment: process.env,
    mode: 'gateway',
    ...(upstream !== undefined && { upstream }),
  });
}

/** The first twelve digits of the content's SHA-256. */
async function revisionOf(text: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Buffer.from(digest).toString('hex').slice(0, 12);
}

function report(diagnostics: ParsedRules['diagnostics'], text: string): void {
  if (diagnostics.length === 0) return;
  const color = process.stderr.isTTY && !process.env['NO_COLOR'];
  console.error(renderDiagnostics(diagnostics, text, { color }));
}
