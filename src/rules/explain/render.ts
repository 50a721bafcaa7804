/**
 * Explanations as text, and as a record for machines.
 *
 * @module
 */

import { displayWidth } from '../display.ts';
import { printable } from '../quote.ts';
import type { Origin } from './effective.ts';
import { bucketCount, type Explanation, type MatchedRoute, type SplitChoice } from './explain.ts';

/** Columns in which things begin, so that rows stand under each other. */
const nameColumn = 20;
const keyColumn = 12;
const shortColumn = 16;
const longColumn = 34;

/** A line of text, and the column under which the rest of it goes on where it has to be folded. */
export interface ExplainedLine {
  readonly text: string;
  readonly indent: number;
}

/**
 * Renders an explanation, one thing a line.
 *
 * @param file The name of the rules file.
 */
export function renderExplanation(explanation: Explanation, file: string): string {
  return explanationLines(explanation, file)
    .map(({ text }) => text)
    .join('\n');
}

/** The lines of {@link renderExplanation}. */
export function explanationLines(explanation: Explanation, file: string): readonly ExplainedLine[] {
  const { method, path, answer, rejected, matched, later } = explanation;
  const lines: ExplainedLine[] = [];
  function add(text: string, indent = 2): void {
    lines.push({ text: printable(text), indent });
  }
  add(`${method} ${path}`);
  if (answer !== undefined) {
    add(`  > ${answer}`, 4);
    return lines;
  }
  for (const { route, detail } of rejected) {
    add(`  - ${column(route, nameColumn)}${detail}`, 4 + nameColumn);
  }
  if (matched === undefined) {
    add('  no route takes it: the gateway answers 404');
    return lines;
  }
  add(
    `  > ${column(matched.route, nameColumn)}${matched.file ?? file}:${matched.line}`,
    4 + nameColumn,
  );
  for (const line of renderMatched(matched)) add(`      ${line}`, 6 + keyColumn);
  if (later.length > 0) {
    const routes = later.length === 1 ? '1 later route' : `${later.length} later routes`;
    add(`  ${routes} would also match: ${later.join(', ')}`);
  }
  return lines;
}

function renderMatched({ split, effective }: MatchedRoute): string[] {
  const lines: string[] = [];
  if (split !== undefined) {
    lines.push(row('to', split.choice ?? split.shares.map(share).join(' or '), toText(split)));
  }
  for (const { key, value, origin } of effective) {
    lines.push(row(key.replaceAll('_', ' '), value, place(origin)));
  }
  return lines;
}

function place({ place, line, file }: Origin): string {
  // Of one file all lines are; of several none says by itself which.
  const where = file === undefined ? 'line ' : `${file}:`;
  return `${place === 'defaults' ? 'defaults, ' : ''}${where}${line}`;
}

function row(key: string, value: string, remark: string): string {
  const width = displayWidth(value) < shortColumn ? shortColumn : longColumn;
  return `${column(key, keyColumn)}${remark === '' ? value : column(value, width)}${remark}`.trimEnd();
}

function column(text: string, width: number): string {
  const room = width - displayWidth(text);
  return `${text}${' '.repeat(room > 0 ? room : 2)}`;
}

function share({ to, percent }: SplitChoice['shares'][number]): string {
  return `${to} ${percent}%`;
}

/** A route's own destination stands where the route does. */
function toText(split: SplitChoice): string {
  const { origin } = split;
  return [splitText(split), origin?.place === 'defaults' && place(origin)]
    .filter(Boolean)
    .join('; ');
}

function splitText({ by, key, bucket, choice, shares }: SplitChoice): string {
  if (by === 'only') return '';
  if (by === 'chance') return choice === undefined ? 'by chance' : 'all of it';
  if (bucket === undefined)
    return `by ${key}, which the request has not: a cookie stands in for it`;
  const others = shares.filter(({ to, buckets }) => to !== choice && buckets !== undefined);
  const taken = others.map(
    ({ to, percent, buckets }) => `${to} takes ${buckets?.join('-')} (${percent}%)`,
  );
  return [`bucket ${bucket} of ${bucketCount} by ${key}`, ...taken].join('; ');
}

/** An explanation as `fetchmesh explain --json` prints it. */
export function explanationRecord(explanation: Explanation): unknown {
  const { method, path, answer, rejected, matched, later } = explanation;
  const split = matched?.split;
  return {
    request: { method, path },
    ...(answer !== undefined && { answer }),
    matched: matched === undefined ? null : { route: matched.route, ...placeOf(matched) },
    rejected: rejected.map(({ route, code, detail, ...place }) => ({
      route,
      ...placeOf(place),
      reason_code: code,
      detail,
    })),
    effective: Object.fromEntries(
      (matched?.effective ?? []).map(({ key, value, origin }) => [key, { value, origin }]),
    ),
    split:
      split === undefined
        ? null
        : {
            by: split.by,
            key: split.key ?? null,
            bucket: split.bucket ?? null,
            weights: Object.fromEntries(split.shares.map(({ to, percent }) => [to, percent])),
            choice: split.choice ?? null,
            origin: split.origin ?? null,
          },
    later,
  };
}

function placeOf({ line, file }: Pick<MatchedRoute, 'line' | 'file'>): Partial<MatchedRoute> {
  return file === undefined ? { line } : { line, file };
}
