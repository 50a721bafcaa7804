/**
 * What differs between two sets of rules, for people and for programs.
 *
 * @module
 */

import type { Change, Difference } from '../rules/explain/difference.ts';
import { printable } from '../rules/quote.ts';
import { withoutSecrets } from '../rules/secrets.ts';

const signs = { added: '+', removed: '-', changed: '~', moved: '>' } as const;

/** One line for each thing that differs, those that changed in it below, and how many there are of which kind. */
export function renderDifferences(found: readonly Difference[]): string {
  if (found.length === 0) return 'no difference';
  return [...found.map(render), summary(found)].join('\n');
}

/** The same for programs. Secrets are masked here as well: this goes into logs of pipelines. */
export function differencesRecord(found: readonly Difference[]): readonly Difference[] {
  return found.map((difference) => ({
    ...difference,
    changes: difference.changes.map((change) => ({
      ...change,
      before: change.before && shown(change, change.before),
      after: change.after && shown(change, change.after),
    })),
  }));
}

function render({ subject, kind, changes }: Difference): string {
  const lines = changes.map((change) => {
    const { key, before, after } = change;
    const name = key.replaceAll('_', ' ').padEnd(13);
    return `    ${name} ${shown(change, before)} → ${shown(change, after)}`;
  });
  const remark = kind === 'moved' ? ' is tried earlier than before' : '';
  return [`${signs[kind]} ${subject}${remark}`, ...lines].map(printable).join('\n');
}

function summary(found: readonly Difference[]): string {
  const kinds = Object.keys(signs) as (keyof typeof signs)[];
  return kinds
    .map((kind) => [found.filter((each) => each.kind === kind).length, kind] as const)
    .filter(([count]) => count > 0)
    .map(([count, kind]) => `${count} ${kind}`)
    .join(', ');
}

function shown({ key }: Change, value: string | undefined): string {
  if (value === undefined) return '(none)';
  // The key is a part of what tells a secret.
  const front = `${key}: `;
  const masked = withoutSecrets(front + value);
  return masked.startsWith(front) ? masked.slice(front.length) : '***';
}
