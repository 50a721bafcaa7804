/**
 * `fetchmesh check`: everything that is wrong with rules files, in one run.
 *
 * @module
 */

import process from 'node:process';
import { codes, isCode } from '../rules/codes.ts';
import type { Diagnostic } from '../rules/diagnostics.ts';
import { allTexts, type RulesText, type RulesTexts } from '../rules/files.ts';
import { applyFixes } from '../rules/fixes.ts';
import { toAnnotation, toRecord } from '../rules/formats.ts';
import { type ParsedRules, parseRules } from '../rules/parse.ts';
import { renderDiagnostics, summarizeDiagnostics } from '../rules/render.ts';
import { fileProblem } from './file-problem.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { environmentName, missingRules, readRulesFile } from './rules-file.ts';
import { looksOf } from './terminal.ts';
import { counted, didYouMean, readArguments, readUpstream, UsageError } from './usage.ts';

const help = `fetchmesh check: say all that is wrong with rules files

  npx fetchmesh check
  npx fetchmesh check rules.yaml --strict --format github

  FILE…                 rules, YAML or JSON, or a directory of such files; - reads standard input (default: fetchmesh.yaml, then rules.yaml)
  -f, --rules FILE      the same
      --env NAME        with the changes of an environment: fetchmesh.NAME.yaml (default: $FETCHMESH_ENV)
      --upstream URL    where requests go that no rule sends elsewhere, as for serve
      --strict          warnings are a no as well
      --format FORMAT   text, json or github (default: text)
      --json            the same as --format json
      --fix             carry out the fixes that leave no doubt, and check what comes out
  -S, --suppress CODE   leave out a warning: -S FM040, or of one route alone: -S FM040=route:users
      --explain CODE    what a code means
  -q, --quiet           nothing but errors
      --no-color        no colours

Exit code: 0 the rules can be used, 1 they cannot, 2 they could not be read.`;

/** Rules with what was found in them. */
interface Checked {
  readonly source: RulesTexts;
  readonly diagnostics: readonly Diagnostic[];
}

/** Of more files the rest is counted. */
const mostNamed = 3;

const formats = options.check.format.words;

/** Runs the verb. */
export const check: Verb = async (args) => {
  const { values, positionals } = readArguments({
    args: [...args],
    options: options.check,
    allowPositionals: true,
  });
  if (values.help) {
    printHelp(help);
    return 0;
  }
  if (values.explain !== undefined) return explainCode(values.explain);
  const format = values.json ? 'json' : formats.find((known) => known === values.format);
  if (format === undefined) {
    throw new UsageError(`--format: '${values.format}' is none of ${formats.join(', ')}`);
  }
  const upstream =
    values.upstream === undefined ? undefined : readUpstream('--upstream', values.upstream);
  const environment = environmentName(values.env);
  const suppressions = values.suppress.map(readSuppression);

  const files = [...(values.rules === undefined ? [] : [values.rules]), ...positionals];
  const checked: Checked[] = [];
  for (const file of files.length === 0 ? [undefined] : files) {
    const source = await readRulesFile(file, environment);
    if (source === undefined) {
      throw new UsageError(missingRules);
    }
    checked.push(await checkOne(source));
  }
  print(checked);
  return checked.some(({ diagnostics }) => diagnostics.some(isNo)) ? 1 : 0;

  async function checkOne(source: RulesTexts): Promise<Checked> {
    const parsed = parse(source);
    if (!values.fix) return { source, diagnostics: remaining(parsed) };
    const mended = new Map<string, RulesText>();
    for (const { file, text: before } of allTexts(source)) {
      const own = parsed.diagnostics.filter((diagnostic) => diagnostic.file === named(file));
      const { text, count } = applyFixes(before, own);
      mended.set(file, { file, text });
      if (file === '-') process.stdout.write(text);
      else if (count > 0) await write(file, text);
      console.error(`${named(file)}: ${counted(count, 'problem')} fixed`);
    }
    function after(each: RulesText): RulesText {
      return mended.get(each.file) ?? each;
    }
    const { parts, overlays } = source;
    const fixed: RulesTexts = {
      ...after(source),
      ...(parts && { parts: parts.map(after) }),
      ...(overlays && { overlays: overlays.map(after) }),
    };
    return { source: fixed, diagnostics: remaining(parse(fixed)) };
  }

  function parse(source: RulesTexts): ParsedRules {
    return parseRules(source.text, {
      ...source,
      file: named(source.file),
      environment: process.env,
      mode: 'library',
      // Well written all the same; serve, build and reload refuse it.
      unavailable: 'warning',
      ...(upstream !== undefined && { upstream }),
    });
  }

  function remaining(parsed: ParsedRules): readonly Diagnostic[] {
    return parsed.diagnostics.filter(
      (diagnostic) =>
        diagnostic.severity === 'error' ||
        !(values.quiet || suppressions.some((suppresses) => suppresses(diagnostic))),
    );
  }

  function isNo({ severity }: Diagnostic): boolean {
    return severity === 'error' || (values.strict && severity === 'warning');
  }

  function print(checked: readonly Checked[]): void {
    const all = checked.flatMap(({ diagnostics }) => diagnostics);
    // Standard output then holds the mended file.
    const isFilter = values.fix && checked.some(({ source }) => source.file === '-');
    const say = isFilter ? console.error : console.log;
    if (format === 'json') {
      say(JSON.stringify(all.map(toRecord), undefined, 2));
      return;
    }
    if (format === 'github') {
      for (const diagnostic of all) say(toAnnotation(diagnostic));
      return;
    }
    const output = isFilter ? process.stderr : process.stdout;
    const looks = looksOf(output);
    for (const { source, diagnostics } of checked) {
      if (diagnostics.length > 0) {
        say(renderDiagnostics(diagnostics, { ...source, file: named(source.file) }, looks));
      } else if (!values.quiet) {
        say(summarizeDiagnostics(filesOf(source), diagnostics));
      }
    }
  }
};

/** Such as `a.yaml, b.yaml and 3 more files`. */
function filesOf(source: RulesTexts): string {
  const files = allTexts(source).map(({ file }) => file);
  const rest = files.length - mostNamed;
  const shown = files.slice(0, mostNamed).join(', ');
  return rest > 0 ? `${shown} and ${counted(rest, 'more file')}` : shown;
}

function named(file: string): string {
  return file === '-' ? '<stdin>' : file;
}

/** Prints what a code means. */
function explainCode(text: string): number {
  const code = text.toUpperCase();
  if (!isCode(code)) {
    throw new UsageError(
      `--explain: there is no code '${text}'${didYouMean(code, Object.keys(codes))}`,
    );
  }
  console.log(`${code}: ${codes[code].title}\n\n${codes[code].explanation}`);
  return 0;
}

type Suppression = (diagnostic: Diagnostic) => boolean;

/** `FM040` everywhere, or `FM040=route:users` within one route. Errors are never left out. */
function readSuppression(text: string): Suppression {
  const found = /^(FM\d{3})(?:=route:(.+))?$/i.exec(text);
  const code = found?.[1]?.toUpperCase() ?? '';
  if (!isCode(code)) {
    throw new UsageError(`-S: '${text}' is not a code such as FM040, or FM040=route:NAME`);
  }
  const route = found?.[2];
  return (diagnostic) =>
    diagnostic.code === code && (route === undefined || diagnostic.route === route);
}

async function write(file: string, text: string): Promise<void> {
  // Takes a while to load, and is seldom needed.
  const { writeFile } = await import('node:fs/promises');
  try {
    await writeFile(file, text);
  } catch (error) {
    throw new UsageError(`cannot write ${file}: ${fileProblem(error, 'write')}`);
  }
}
