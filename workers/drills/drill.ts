/**
 * Drills: something goes wrong on purpose, and figures from the gateway's own metrics say what came of it.
 */

import type { TracerProvider } from '@opentelemetry/api';
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  WebTracerProvider,
} from '@opentelemetry/sdk-trace-web';
import { createGateway, type Gateway } from '../../src/gateway/gateway.ts';
import type { Handler } from '../../src/index.ts';
import type { Rules } from '../../src/rules/model.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';
import { type Listener, listen } from '../../src/runtimes/listen.ts';
import { expose } from '../../src/telemetry/exposition.ts';
import { createRegistry } from '../../src/telemetry/registry.ts';
import { seeded } from '../seeded.ts';

/** One drill. */
export interface Drill {
  readonly name: string;
  /** One sentence: what is done, and what should come of it. */
  readonly summary: string;
  run(stage: Stage): Promise<void>;
}

/** A figure before and after, and whether it is what it should be. */
export interface Finding {
  readonly what: string;
  readonly figures: string;
  readonly holds: boolean;
}

/** Where a drill takes place: real sockets on loopback, and everything that was opened is closed at its end. */
export class Stage {
  readonly findings: Finding[] = [];
  readonly #listeners: Listener[] = [];
  readonly #closers: (() => Promise<void>)[] = [];
  readonly #spans = new InMemorySpanExporter();
  readonly #provider = new WebTracerProvider({
    spanProcessors: [new SimpleSpanProcessor(this.#spans)],
  });

  /** Opens a service; resolves to its URL. */
  async open(handler: Handler): Promise<string> {
    const listener = await listen(handler, { port: 0 });
    this.#listeners.push(listener);
    return listener.url;
  }

  /** Opens a gateway with these rules. */
  async gateway(text: string): Promise<OpenGateway> {
    const registry = createRegistry();
    const gateway = createGateway(rulesOf(text), {
      registry,
      tracerProvider: this.#provider,
      random: seeded(1),
    });
    const url = await this.open(gateway.fetch);
    return {
      gateway,
      url,
      replace: (next) => gateway.replace(rulesOf(next), `drill-${next.length}`),
      total: (name, labels = {}) => sumOf(expose(registry, 'text'), name, labels),
    };
  }

  /** Whose spans are {@link spans}. */
  get tracerProvider(): TracerProvider {
    return this.#provider;
  }

  /** Something else to be ended. */
  onEnd(close: () => Promise<void>): void {
    this.#closers.push(close);
  }

  /** Spans that have ended so far. */
  get spans(): readonly ReadableSpan[] {
    return this.#spans.getFinishedSpans();
  }

  /** Notes a figure, and whether it is as it should be. */
  expect(what: string, figures: string, holds: boolean): void {
    this.findings.push({ what, figures, holds });
  }

  /** Notes traces to look at. */
  trace(what: string, isWanted: (span: ReadableSpan) => boolean): void {
    const found = this.spans.find(isWanted);
    this.expect(
      what,
      found ? `trace ${found.spanContext().traceId}` : 'no such span',
      found !== undefined,
    );
  }

  async end(): Promise<void> {
    await Promise.all(this.#closers.map((close) => close()));
    await Promise.all(this.#listeners.map((listener) => listener.close(true)));
    await this.#provider.shutdown();
  }
}

/** A gateway that listens. */
export interface OpenGateway {
  readonly gateway: Gateway;
  readonly url: string;
  /** Puts other rules in force. */
  replace(rules: string): void;
  /** The sum of all series of a metric that have these labels. */
  total(name: string, labels?: Readonly<Record<string, string>>): number;
}

function rulesOf(text: string): Rules {
  const { rules, diagnostics } = parseRules(text, { file: 'drill.yaml', mode: 'gateway' });
  if (rules === undefined) throw new Error(renderDiagnostics(diagnostics, text));
  return rules;
}

/** Sums up series as Prometheus would read them. */
export function sumOf(
  exposition: string,
  name: string,
  labels: Readonly<Record<string, string>>,
): number {
  let sum = 0;
  for (const line of exposition.split('\n')) {
    const [, found, written = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
    if (found !== name) continue;
    const has = Object.entries(labels).every(([key, wanted]) =>
      `,${written},`.includes(`,${key}="${wanted}",`),
    );
    if (has) sum += Number(value);
  }
  return sum;
}

/** Sends so many requests, so many at a time; resolves to the statuses that came back, -1 for a connection that broke. */
export async function send(
  count: number,
  url: string,
  { init = {}, atOnce = 16 }: { readonly init?: RequestInit; readonly atOnce?: number } = {},
): Promise<readonly Answer[]> {
  const answers: Answer[] = [];
  let left = count;
  async function work(): Promise<void> {
    while (left > 0) {
      left -= 1;
      try {
        const response = await fetch(url, init);
        const body = await response.text();
        answers.push({ status: response.status, headers: response.headers, body });
      } catch {
        answers.push({ status: -1, headers: new Headers(), body: '' });
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, work));
  return answers;
}

/** What came back. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: string;
}

/** How many answers have this status. */
export function having(answers: readonly Answer[], status: number): number {
  return answers.filter((answer) => answer.status === status).length;
}
