/**
 * `fetchmesh completion`: verbs and options for the shells' completion.
 *
 * @module
 */

import { codes } from '../rules/codes.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
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
      options: { help: { type: 'boolean', short: 'h', default: false } },
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

/** Options that all verbs have. */
const every = ['--no-color', '--help'];
/** Options that most verbs have; files are what else is completed. */
const common = ['--rules', '--env', '--upstream', '--json', ...every];
/** Of the verbs that change rules in a store. */
const change = ['--to', '--name', '--dry-run', '--yes', '--json', ...every];
const options: Words = {
  serve: [
    ...['--rules', '--env', '--upstream', '--port', '--host', '--admin-port', '--admin-host'],
    ...['--watch'],
    ...['--tls-cert', '--tls-key', '--tls-client-ca', '--tls-client-cert'],
    ...['--rules-name', '--rules-cache'],
    ...['--otlp-endpoint', '--store', '--store-mode', '--breakers', '--instances'],
    ...['--drain-delay', '--drain-timeout', ...every],
  ],
  check: [
    ...['--rules', '--env', '--upstream', '--strict', '--format', '--json', '--fix'],
    ...['--suppress', '--explain', '--quiet', ...every],
  ],
  explain: ['--header', '--cookie', '--ip', '--claims', ...common],
  routes: ['--wide', ...common],
  diff: ['--exit-code', '--json', ...every],
  init: ['--runtime', '--upstream', ...every],
  doctor: ['--store', '--otlp-endpoint', '--admin-port', '--timeout', ...common],
  reload: ['--pid', '--rules', '--env', '--upstream', ...every],
  publish: ['--rules', '--env', ...change],
  rollback: ['--revision', ...change],
  build: ['--rules', '--env', '--output', ...every],
  completion: every,
};

/** What options take that take one of a few words. */
const values: Words = {
  '--runtime': ['node', 'deno', 'bun', 'workers'],
  '--format': ['text', 'json', 'github'],
  '--explain': Object.keys(codes),
  '--suppress': Object.keys(codes),
  '--store-mode': ['leased', 'exact'],
  '--breakers': ['quorum', 'any', 'alone'],
  '--tls-client-cert': ['required', 'optional'],
};

/** Other options with a value: files, for want of anything better. */
const takeValue = new Set(
  ['rules', 'env', 'upstream', 'port', 'host', 'admin-port', 'admin-host', 'tls-cert', 'tls-key']
    .concat(['tls-client-ca', 'rules-name', 'rules-cache', 'otlp-endpoint', 'store', 'instances'])
    .concat(['drain-delay', 'drain-timeout', 'header', 'cookie', 'ip', 'claims', 'timeout', 'pid'])
    .concat(['to', 'name', 'revision', 'output']),
);

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
${cases(options, (words) => `words="${words.join(' ')}"`)}
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
${cases(options, add)}
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
  const ofVerbs = Object.entries(options).flatMap(([verb, list]) =>
    list.map((option) => {
      const words = values[option];
      const name = option.slice(2);
      const taken =
        words === undefined
          ? takeValue.has(name)
            ? ' -r'
            : ''
          : ` -x -a ${quoted(words.join(' '))}`;
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
${entries(options)}
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
