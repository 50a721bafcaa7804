/**
 * Reading rules while a gateway serves: small ones at once, big ones on a thread of their own.
 *
 * @module
 */

import process from 'node:process';
import { Worker } from 'node:worker_threads';
import { allTexts, type RulesTexts } from '../rules/files.ts';
import type { Route, Rules } from '../rules/model.ts';
import { parseRules } from '../rules/parse.ts';
import { renderDiagnostics } from '../rules/render.ts';
import { parseCompiledRulesGradually } from '../rules/sources/compiled.ts';
import { InvalidRulesError } from '../rules/sources/source.ts';
import type { NamedRules } from './rules-origin.ts';
import { looksOf } from './terminal.ts';
import { inYoungPortions } from './young-garbage.ts';

/** What is to be read, and how. */
export interface RulesJob {
  readonly texts: RulesTexts;
  readonly upstream: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Of what is said. */
  readonly looks: { readonly color: boolean; readonly columns: number };
}

/** What came of it. */
export interface LoadedRules {
  /** `undefined` where they are wrong. */
  readonly found: NamedRules | undefined;
  /** What is to be said of them; empty where nothing is. */
  readonly said: string;
}

/** What the thread is given: files, or the JSON of rules that were compiled. */
export type ThreadJob = { readonly files: RulesJob } | { readonly json: string };

/**
 * What the thread answers to each `next`: all but the routes first, then the routes, some at a time, as JSON: what
 * `JSON.parse` makes takes less time and a third less memory than what was cloned.
 */
export type ThreadAnswer =
  | { readonly kind: 'head'; readonly loaded: LoadedRules; readonly count: number }
  | { readonly kind: 'routes'; readonly json: string };

/**
 * A text of this many UTF-16 code units takes some 20 ms to read, which is what a thread takes from the others while it
 * starts.
 */
const bigLength = 20_000;

/** The same of JSON. */
const bigJsonLength = 500_000;

/** Reads rules, here and now. */
export async function loadRules(job: RulesJob): Promise<LoadedRules> {
  const { texts, upstream, environment, looks } = job;
  const { rules, diagnostics } = parseRules(texts.text, {
    ...texts,
    file: texts.file === '' ? '--upstream' : texts.file,
    environment,
    mode: 'gateway',
    ...(upstream !== undefined && { upstream }),
  });
  return {
    found: rules && { rules, revision: await revisionOf(texts) },
    said: renderDiagnostics(diagnostics, texts, looks),
  };
}

/**
 * Reads rules without keeping the requests of this thread waiting.
 *
 * @param memoryMb The most memory that the thread may take. Default: that of the runtime.
 */
export async function loadRulesAside(job: RulesJob, memoryMb?: number): Promise<LoadedRules> {
  const length = allTexts(job.texts).reduce((sum, { text }) => sum + text.length, 0);
  if (length < bigLength) return loadRules(job);
  const loaded = await onThread({ files: job }, memoryMb);
  if (loaded === 'too big') {
    return { found: undefined, said: `${job.texts.file}: ${takesTooMuch}` };
  }
  return loaded ?? loadRules(job);
}

/**
 * Reads rules that were compiled, without keeping the requests of this thread waiting.
 *
 * @throws {InvalidRulesError} that names the place.
 */
export async function readCompiledAside(json: string): Promise<Rules> {
  const loaded = json.length < bigJsonLength ? undefined : await onThread({ json });
  if (loaded === 'too big') throw new InvalidRulesError(takesTooMuch);
  if (loaded === undefined) return inYoungPortions(() => parseCompiledRulesGradually(json));
  if (loaded.found === undefined) throw new InvalidRulesError(loaded.said);
  return loaded.found.rules;
}

const takesTooMuch = 'reading it takes more memory than there is';

/** @returns `undefined` where there is no thread to be had, which has been said. */
async function onThread(
  job: ThreadJob,
  memoryMb?: number,
): Promise<LoadedRules | 'too big' | undefined> {
  try {
    return await readOnThread(job, memoryMb);
  } catch (error) {
    // Here they would end the process.
    if ((error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY') return 'too big';
    console.error(`fetchmesh: rules are read among the requests: ${(error as Error).message}`);
    return undefined;
  }
}

async function readOnThread(job: ThreadJob, memoryMb: number | undefined): Promise<LoadedRules> {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  const worker = new Worker(new URL(`./load-rules-thread.${extension}`, import.meta.url), {
    workerData: job,
    ...(memoryMb !== undefined && { resourceLimits: { maxOldGenerationSizeMb: memoryMb } }),
  });
  // A gateway that ends does not wait for it.
  worker.unref();
  try {
    const head = await ask(worker);
    if (head.kind !== 'head') throw new Error('the thread answered out of turn');
    const { found, said } = head.loaded;
    if (found === undefined) return { found, said };
    const routes = await inYoungPortions(() => routesOf(worker, head.count));
    return { found: { ...found, rules: { ...found.rules, routes } }, said };
  } finally {
    await worker.terminate();
  }
}

async function routesOf(worker: Worker, count: number): Promise<readonly Route[]> {
  const routes: Route[] = [];
  while (routes.length < count) {
    // One message a turn: what comes at once would be taken in at once.
    const part = await ask(worker);
    const some = part.kind === 'routes' ? (JSON.parse(part.json) as readonly Route[]) : [];
    if (some.length === 0) throw new Error('the thread answered out of turn');
    for (const route of some) routes.push(route);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return routes;
}

function ask(worker: Worker): Promise<ThreadAnswer> {
  return new Promise((resolve, reject) => {
    function settle(): void {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
    }
    function onMessage(answer: ThreadAnswer): void {
      settle();
      resolve(answer);
    }
    function onError(error: Error): void {
      settle();
      reject(error);
    }
    function onExit(code: number): void {
      settle();
      reject(new Error(`the thread ended with ${code}`));
    }
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage('next');
  });
}

/** The rules without their routes, which are many. */
export function withoutRoutes(rules: Rules): Rules {
  return { ...rules, routes: [] };
}

/** The first twelve digits of the content's SHA-256. */
async function revisionOf(source: RulesTexts): Promise<string> {
  const texts = allTexts(source);
  // A single file has the digest that `sha256sum` prints; of several the names count too.
  const text =
    texts.length === 1 ? source.text : JSON.stringify(texts.map(({ file, text }) => [file, text]));
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
  return Buffer.from(digest).toString('hex').slice(0, 12);
}

/** The job of this process. */
export function jobFor(texts: RulesTexts, upstream: string | undefined): RulesJob {
  return {
    texts,
    upstream,
    environment: { ...process.env },
    looks: looksOf(process.stderr),
  };
}
