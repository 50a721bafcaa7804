/**
 * `fetchmesh completion`: verbs and options for the shells' completion.
 *
 * @module
 */

import type { Verb } from './main.ts';
import { readArguments, UsageError } from './usage.ts';

const help = `fetchmesh completion: let the shell complete verbs and options

  source <(npx fetchmesh completion bash)
  npx fetchmesh completion fish > ~/.config/fish/completions/fetchmesh.fish

  SHELL   bash, zsh, fish or powershell`;

/** Words that options of a verb begin with, read from its own help: what is documented is what is completed. */
export type OptionsOf = Readonly<Record<string, readonly string[]>>;

/** Makes the verb. */
export function completion(summaries: Readonly<Record<string, string>>): Verb {
  return async (args) => {
    const { values, positionals } = readArguments({
      args: [...args],
      options: { help: { type: 'boolean', short: 'h', default: false } },
      allowPositionals: true,
    });
    if (values.help) {
      console.log(help);
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

/** Options that most verbs have; files are what else is completed. */
const common = ['--rules', '--env', '--upstream', '--json', '--help'];
/** Of the verbs that change rules in a store. */
const change = ['--to', '--name', '--dry-run', '--yes', '--json', '--help'];
const ofVerb: OptionsOf = {
  serve: [
    ...['--rules', '--env', '--upstream', '--port', '--host', '--admin-port', '--admin-host'],
    ...['--watch'],
    ...['--tls-cert', '--tls-key', '--tls-client-ca', '--tls-client-cert'],
    ...['--rules-name', '--rules-cache'],
    ...['--otlp-endpoint', '--store', '--store-mode', '--breakers', '--instances'],
    ...['--drain-delay', '--drain-timeout', '--help'],
  ],
  check: [
    ...['--rules', '--env', '--upstream', '--strict', '--format', '--json', '--fix'],
    ...['--suppress', '--explain', '--quiet', '--no-color', '--help'],
  ],
  explain: ['--header', '--cookie', '--ip', '--claims', ...common],
  routes: ['--wide', ...common],
  diff: ['--exit-code', '--json', '--help'],
  publish: ['--rules', '--env', ...change],
  rollback: ['--revision', ...change],
  build: ['--rules', '--env', '--output', '--help'],
  init: ['--runtime', '--upstream', '--help'],
  reload: ['--pid', '--rules', '--env', '--help'],
};

type Summaries = Readonly<Record<string, string>>;

const scripts = { bash, zsh, fish, powershell } as const;

function bash(summaries: Summaries): string {
  const cases = Object.entries(ofVerb)
    .map(([verb, options]) => `    ${verb}) words="${options.join(' ')}" ;;`)
    .join('\n');
  return `_fetchmesh() {
  local word="\${COMP_WORDS[COMP_CWORD]}" words=""
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${Object.keys(summaries).join(' ')} --help --version" -- "$word"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${cases}
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
    *) COMPREPLY=($(compgen -f -- "$word")) ;;
  esac
}
complete -o filenames -F _fetchmesh fetchmesh`;
}

function zsh(summaries: Summaries): string {
  const verbs = Object.entries(summaries)
    .map(([verb, summary]) => `    '${verb}:${summary.replaceAll("'", "'\\''")}'`)
    .join('\n');
  const cases = Object.entries(ofVerb)
    .map(([verb, options]) => `    ${verb}) compadd -- ${options.join(' ')} ;;`)
    .join('\n');
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
  case $words[2] in
${cases}
  esac
  _files
}
compdef _fetchmesh fetchmesh`;
}

function fish(summaries: Summaries): string {
  const verbs = Object.entries(summaries).map(
    ([verb, summary]) =>
      `complete -c fetchmesh -n __fish_use_subcommand -f -a ${verb} -d '${summary.replaceAll("'", "\\'")}'`,
  );
  const options = Object.entries(ofVerb).flatMap(([verb, list]) =>
    list.map(
      (option) =>
        `complete -c fetchmesh -n '__fish_seen_subcommand_from ${verb}' -l ${option.slice(2)}`,
    ),
  );
  return [...verbs, ...options].join('\n');
}

function powershell(summaries: Summaries): string {
  const verbs = Object.keys(summaries)
    .map((verb) => `'${verb}'`)
    .join(', ');
  const options = Object.entries(ofVerb)
    .map(([verb, list]) => `    '${verb}' = ${list.map((option) => `'${option}'`).join(', ')}`)
    .join('\n');
  return `Register-ArgumentCompleter -Native -CommandName fetchmesh -ScriptBlock {
  param($word, $ast, $position)
  $options = @{
${options}
  }
  $before = @($ast.CommandElements | ForEach-Object { $_.ToString() })
  $verb = if ($before.Count -gt 1) { $before[1] } else { '' }
  $isFirst = $before.Count -lt 2 -or ($before.Count -eq 2 -and $word -ne '')
  $words = if ($isFirst) { @(${verbs}) } else { $options[$verb] }
  $words | Where-Object { $_ -like "$word*" } |
    ForEach-Object { [System.Management.Automation.CompletionResult]::new($_) }
}`;
}
