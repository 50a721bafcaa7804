/**
 * The forms in which a route has retries: a number with settings beside it, a block, or the default's.
 *
 * @module
 */

import { type RetryBlock, resolveRetries, retrySettings } from './blocks/retries.ts';
import type { DefaultsBlock, RouteBlock } from './blocks/route.ts';
import type { Retries } from './model.ts';
import type { Path } from './nodes.ts';
import { either, quote } from './quote.ts';
import { type Draft, unsound } from './read.ts';
import { type Sourced, type Surroundings, sourced } from './surroundings.ts';

/** The retries of a route, and where they are written; reports a mixture of forms (FM031). */
export function retriesOf(
  written: Draft<RouteBlock>,
  path: Path,
  defaults: Draft<DefaultsBlock>,
  around: Surroundings,
): Sourced<Retries> | undefined {
  const { retries } = written;
  const beside = Object.keys(retrySettings).filter((key) => Object.hasOwn(written, key));
  if (beside.length > 0 && (retries === undefined || typeof retries === 'object')) {
    reportMixture(beside, path, retries !== undefined, around);
    return undefined;
  }
  if (retries === undefined) {
    const shared = sourced(defaults.retries, ['defaults', 'retries']);
    return shared && { path: shared.path, value: resolveRetries(asBlock(shared.value)) };
  }
  const settings = beside.map((key) => [key, written[key as keyof RouteBlock]] as const);
  if (retries === unsound || settings.some(([, value]) => value === unsound)) return undefined;
  const block: RetryBlock = { ...Object.fromEntries(settings), ...asBlock(retries) };
  return { path: [...path, 'retries'], value: resolveRetries(block) };
}

function reportMixture(
  beside: readonly string[],
  path: Path,
  isBlock: boolean,
  { positions, report }: Surroundings,
): void {
  const names = either(beside.map(quote)).replace(' or ', ' and ');
  const span = positions.key([...path, beside[0] as string]);
  if (!isBlock) {
    report(span, {
      code: 'FM031',
      message: `${names} without \`retries\``,
      label: 'settings of nothing',
      help: 'write `retries: 2` beside it',
    });
    return;
  }
  report(span, {
    code: 'FM031',
    message: `${names} beside a block \`retries\``,
    label: 'stands beside the block',
    help: 'move it into the block',
    related: [{ span: positions.key([...path, 'retries']), label: 'the block' }],
  });
}

function asBlock(retries: number | RetryBlock): RetryBlock {
  return typeof retries === 'number' ? { max: retries } : retries;
}
