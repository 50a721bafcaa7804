/**
 * `fetchmesh completion`: verbs and options for the shells' completion.
 *
 * @module
 */

import { codes } from '../rules/codes.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { type Options, options } from './options.ts';
import { readArguments, UsageError } from './usage.ts';

const help = `fetchmesh completion: let the shell complete verbs and options

  source <(npx fetchmesh completion bash)
  npx fetchmesh completion fish > ~/.config/fish/completions/fetchmesh.fish

  SHELL   bash, zsh, fish or powershell`;

/** Makes the verb. */
export function completion(summaries: Readonly<Record<string, string>>): Verb {
  return async (args) => {
    const { values, positionals } = readArguments({
      args: [...args],
      options: options.completion,
      allowPositionals: true,
    });
    if (values.help) {
      printHelp(help);
      return 0;
    }
    const [shell = '', ...rest] = positionals;
    const script = Object.hasOwn(scripts, shell)
      ? scripts[shell as keyof typeof scripts]
      : undefined;
    if (script === undefined || rest.length > 0) {
      throw new UsageError(`which shell? one of ${Object.keys(scripts).join(', ')}`);
    }
    console.log(script(summaries));
    return 0;
  };
}

/** Words by what they are offered for. */
type Words = Readonly<Record<string, readonly string[]>>;

type Summaries = Readonly<Record<string, string>>;

/** By verb: its options, with the one that all verbs take. */
const optionsByVerb = Object.entries<Options>(options).map(
  ([verb, own]) => [verb, { ...own, 'no-color': { type: 'boolean' } } as Options] as const,
);

/** The same, as they are written. */
const written: Words = Object.fromEntries(
  optionsByVerb.map(([verb, own]) => [verb, Object.keys(own).map((name) => `--${name}`)]),
);

/** What options take that take one of a few words. */
const values: Words = {
  ...Object.fromEntries(
    optionsByVerb.flatMap(([, own]) =>
      Object.entries(own).flatMap(([name, { words }]) => (words ? [[`--${name}`, words]] : [])),
    ),
  ),
  '--explain': Object.keys(codes),
  '--suppress': Object.keys(codes),
};

/** Words that stand behind a verb, beside options. */
function argumentsOf(summaries: Summaries): Words {
  return {
    explain: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'curl'],
    completion: Object.keys(scripts),
    help: Object.keys(summaries),
  };
}

const scripts = { bash, zsh, fish, powershell } as const;

/** Lines of a `case` of a shell, one for each entry. */
function cases(words: Words, line: (words: readonly string[]) => string): string {
  return Object.entries(words)
    .map(([name, list]) => `    ${name}) ${line(list)} ;;`)
    .join('\n');
}

function bash(summaries: Summaries): string {
  return `_fetchmesh() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${Object.keys(summaries).join(' ')} help --help --version" -- "$word"))
    return
  fi
  case "$before" in
${cases(values, (words) => `words="${words.join(' ')}"`)}
  esac
  if [ -z "$words" ]; then
    case "$word" in
      -*) case "\${COMP_WORDS[1]}" in
${cases(written, (words) => `words="${words.join(' ')}"`)}
      esac ;;
      *) case "\${COMP_WORDS[1]}" in
${cases(argumentsOf(summaries), (words) => `words="${words.join(' ')}"`)}
      esac
      [ -z "$words" ] || [ "$COMP_CWORD" -eq 2 ] || words="" ;;
    esac
  fi
  if [ -n "$words" ]; then
    COMPREPLY=($(compgen -W "$words" -- "$word"))
  else
    COMPREPLY=($(compgen -f -- "$word"))
  fi
}
complete -o filenames -F _fetchmesh fetchmesh`;
}

function zsh(summaries: Summaries): string {
  const verbs = Object.entries(summaries)
    .map(([verb, summary]) => `    '${verb}:${summary.replaceAll("'", "'\\''")}'`)
    .join('\n');
  const add = (words: readonly string[]): string => `compadd -- ${words.join(' ')}; return`;
  return `#compdef fetchmesh
_fetchmesh() {
  local -a verbs
  verbs=(
${verbs}
  )
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  case $words[CURRENT-1] in
${cases(values, add)}
  esac
  if [[ $words[CURRENT] == -* ]]; then
    case $words[2] in
${cases(written, add)}
    esac
  elif (( CURRENT == 3 )); then
    case $words[2] in
${cases(argumentsOf(summaries), add)}
    esac
  fi
  _files
}
# Read by a shell, or the first time from a directory of fpath.
if [[ $funcstack[1] == _fetchmesh ]]; then _fetchmesh; else compdef _fetchmesh fetchmesh; fi`;
}

function fish(summaries: Summaries): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "\\'")}'`;
  const verbs = Object.entries(summaries).map(
    ([verb, summary]) =>
      `complete -c fetchmesh -n __fish_use_subcommand -f -a ${verb} -d ${quoted(summary)}`,
  );
  const behind = (verb: string): string =>
    `complete -c fetchmesh -n '__fish_seen_subcommand_from ${verb}'`;
  const ofVerbs = optionsByVerb.flatMap(([verb, own]) =>
    Object.entries(own).map(([name, { type }]) => {
      const words = values[`--${name}`];
      // Files, for want of anything better.
      const taken = words ? ` -x -a ${quoted(words.join(' '))}` : type === 'string' ? ' -r' : '';
      return `${behind(verb)} -l ${name}${taken}`;
    }),
  );
  const words = Object.entries(argumentsOf(summaries)).map(
    ([verb, list]) => `${behind(verb)} -f -a ${quoted(list.join(' '))}`,
  );
  return [...verbs, ...ofVerbs, ...words].join('\n');
}

function powershell(summaries: Summaries): string {
  const quoted = (words: readonly string[]): string => words.map((word) => `'${word}'`).join(', ');
  const entries = (words: Words): string =>
    Object.entries(words)
      .map(([name, list]) => `    '${name}' = ${quoted(list)}`)
      .join('\n');
  return `Register-ArgumentCompleter -Native -CommandName fetchmesh -ScriptBlock {
  param($word, $ast, $position)
  $options = @{
${entries(written)}
  }
  $values = @{
${entries(values)}
  }
  $before = @($ast.CommandElements | ForEach-Object { $_.ToString() })
  $verb = if ($before.Count -gt 1) { $before[1] } else { '' }
  $isFirst = $before.Count -lt 2 -or ($before.Count -eq 2 -and $word -ne '')
  $last = if ($word -ne '') { $before[-2] } else { $before[-1] }
  $words = if ($isFirst) { @(${quoted(Object.keys(summaries))}) }
    elseif ($values.ContainsKey($last)) { $values[$last] }
    else { $options[$verb] }
  $words | Where-Object { $_ -like "$word*" } |
    ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}`;
}
