/**
 * The thread on which big rules are read. Answers each message with the next part of what came of it.
 *
 * @module
 */

import { parentPort, workerData } from 'node:worker_threads';
import { parseCompiledRules } from '../rules/sources/compiled.ts';
import {
  type LoadedRules,
  loadRules,
  type ThreadAnswer,
  type ThreadJob,
  withoutRoutes,
} from './load-rules.ts';

/** So many routes are taken in by the other thread within a millisecond or two. */
const batch = 200;

const loading = load(workerData as ThreadJob);
let sent = -1;

parentPort?.on('message', async () => {
  const { found, said } = await loading;
  if (sent === -1) {
    sent = 0;
    const head = found && { ...found, rules: withoutRoutes(found.rules) };
    const count = found?.rules.routes.length ?? 0;
    answer({ kind: 'head', loaded: { found: head, said }, count });
    return;
  }
  const routes = found?.rules.routes.slice(sent, sent + batch) ?? [];
  sent += routes.length;
  answer({ kind: 'routes', json: JSON.stringify(routes) });
});

function answer(part: ThreadAnswer): void {
  parentPort?.postMessage(part);
}

async function load(job: ThreadJob): Promise<LoadedRules> {
  if ('files' in job) return loadRules(job.files);
  try {
    return { found: { rules: parseCompiledRules(job.json), revision: '' }, said: '' };
  } catch (error) {
    return { found: undefined, said: (error as Error).message };
  }
}
