/**
 * `fetchmesh routes`: all routes of a file in a table.
 *
 * @module
 */

import process from 'node:process';
import { type RouteSummary, summarizeRoutes } from '../rules/explain/summary.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { readRules } from './read-rules.ts';
import { environmentName } from './rules-file.ts';
import { table } from './table.ts';
import { columnsOf } from './terminal.ts';
import { readArguments, readUpstream } from './usage.ts';

const help = `fetchmesh routes: all routes in a table, in the order in which they are tried

  npx fetchmesh routes
  npx fetchmesh routes -f rules.yaml --wide

  -f, --rules FILE    rules, YAML or JSON; - reads standard input (default: fetchmesh.yaml, then rules.yaml)
      --env NAME      with the changes of an environment: fetchmesh.NAME.yaml (default: $FETCHMESH_ENV)
      --upstream URL  where requests go that no rule sends elsewhere, as for serve
      --wide          everything, however wide
      --json          the same as JSON`;

/** Runs the verb: 0, or 2 where the rules cannot be used. */
export const routes: Verb = async (args) => {
  const { values } = readArguments({
    args: [...args],
    options: options.routes,
    allowPositionals: false,
  });
  if (values.help) {
    printHelp(help);
    return 0;
  }
  const upstream =
    values.upstream === undefined ? undefined : readUpstream('--upstream', values.upstream);
  const read = await readRules(values.rules, upstream, environmentName(values.env));
  if (read === undefined) return 2;
  const summaries = summarizeRoutes(read.rules, read.text);
  if (values.json) {
    console.log(JSON.stringify(summaries.map(record), undefined, 2));
    return 0;
  }
  const width = values.wide ? Number.POSITIVE_INFINITY : columnsOf(process.stdout);
  const head = ['LINE', 'ROUTE', 'PATH', 'WHEN', 'TO', 'TIMEOUT', 'RETRIES'];
  const rest = [...new Set(summaries.flatMap(({ effective }) => effective.map(({ key }) => key)))]
    .filter((key) => !shown.includes(key))
    .sort();
  const rows = summaries.map((route) => [
    route.file === undefined ? String(route.line) : `${route.file}:${route.line}`,
    route.name,
    route.path,
    when(route),
    route.to || answered(route),
    value(route, 'timeout'),
    value(route, 'retries'),
    ...(values.wide ? rest.map((key) => value(route, key)) : []),
  ]);
  const wide = values.wide ? rest.map((key) => key.replaceAll('_', ' ').toUpperCase()) : [];
  console.log(table([...head, ...wide], rows, width));
  return 0;
};

/** Blocks that have a column of their own, or stand in for a destination. */
const shown: readonly string[] = ['timeout', 'retries', 'redirect', 'respond'];

function value({ effective }: RouteSummary, wanted: string): string {
  return effective.find(({ key }) => key === wanted)?.value ?? '-';
}

/** All conditions beside the path. */
function when({ hosts, methods, match }: RouteSummary): string {
  return [methods, hosts, match].filter(Boolean).join(' · ') || '-';
}

/** What a route says by itself. */
function answered(route: RouteSummary): string {
  const key = ['redirect', 'respond'].find((each) => value(route, each) !== '-');
  return key === undefined ? '(as it comes)' : `${key} ${value(route, key)}`;
}

function record({ effective, ...route }: RouteSummary): unknown {
  return {
    ...route,
    effective: Object.fromEntries(
      effective.map(({ key, value, origin }) => [key, { value, origin }]),
    ),
  };
}
