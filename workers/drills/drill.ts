/**
 * Drills: something goes wrong on purpose, and figures from the gateway's own metrics say what came of it.
 */

import { setTimeout } from 'node:timers/promises';
import type { OpenGateway, OpenShop, Platform, SeenSpan, Service } from './platform.ts';
import type { Behaviour } from './upstream.ts';

/** One drill. */
export interface Drill {
  readonly name: string;
  /** One sentence: what is done, and what should come of it. */
  readonly summary: string;
  /** Why it means nothing where the gateway is a Worker. Default: it does. */
  readonly notOnWorkers?: string;
  run(stage: Stage): Promise<void>;
}

/** A figure before and after, and whether it is what it should be. */
export interface Finding {
  readonly what: string;
  readonly figures: string;
  readonly holds: boolean;
}

/** Where a drill takes place, and what was found there. */
export class Stage {
  readonly findings: Finding[] = [];
  readonly #platform: Platform;
  readonly #spansWithinMs: number;

  /** @param options `spansWithinMs`: how long spans may take until they are here. Workers send theirs after the response. */
  constructor(platform: Platform, { spansWithinMs = 60_000 } = {}) {
    this.#platform = platform;
    this.#spansWithinMs = spansWithinMs;
  }

  /** Opens a service that behaves like this. Before the gateway that is to reach it. */
  service(behaviour: Behaviour = {}): Promise<Service> {
    return this.#platform.service(behaviour);
  }

  /** Opens a gateway with these rules. */
  gateway(rules: string): Promise<OpenGateway> {
    return this.#platform.gateway(rules);
  }

  /** Opens the shop. */
  shop(): Promise<OpenShop> {
    return this.#platform.shop();
  }

  /** Opens a collector for processes that a drill starts itself; resolves to its origin. */
  collector(): Promise<string> {
    return this.#platform.collector();
  }

  /** Something else to be ended. */
  onEnd(close: () => Promise<void>): void {
    this.#platform.onEnd(close);
  }

  /** Notes a figure, and whether it is as it should be. */
  expect(what: string, figures: string, holds: boolean): void {
    this.findings.push({ what, figures, holds });
  }

  /** Notes how many answers have a status, which all of them should have. */
  expectAll(what: string, answers: readonly Answer[], status: number): void {
    const found = having(answers, status);
    this.expect(
      what,
      `${found} of ${answers.length} answered ${status}`,
      answers.length > 0 && found === answers.length,
    );
  }

  /**
   * Looks how many answers with status 503 a gateway has counted. What comes back looks again, and notes both figures: so many
   * more there should be.
   */
  async counting503(gateway: OpenGateway): Promise<(expected: number) => Promise<void>> {
    const counted = () => gateway.total('istio_requests_total', { response_code: '503' });
    const before = await counted();
    return async (expected) => {
      const after = await counted();
      this.expect(
        'istio_requests_total{response_code="503"}',
        `${before} → ${after}`,
        after - before === expected,
      );
    };
  }

  /** Notes traces to look at. */
  async trace(what: string, isWanted: (span: SeenSpan) => boolean): Promise<void> {
    const found = (await this.spansOnce((spans) => spans.some(isWanted))).find(isWanted);
    this.expect(what, found ? `trace ${found.traceId}` : 'no such span', found !== undefined);
  }

  /** Spans, as soon as they are enough; at the latest after a minute, whatever there is. */
  async spansOnce(
    areEnough: (spans: readonly SeenSpan[]) => boolean,
  ): Promise<readonly SeenSpan[]> {
    const until = performance.now() + this.#spansWithinMs;
    for (;;) {
      const { spans } = this.#platform;
      if (areEnough(spans) || performance.now() > until) return spans;
      await setTimeout(20);
    }
  }

  end(): Promise<void> {
    return this.#platform.end();
  }
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

/** The states that circuits came to, in order, by the events of these spans. */
export function breakerPhases(spans: readonly SeenSpan[]): readonly string[] {
  return spans
    .flatMap(({ events }) => events)
    .filter(({ name }) => name.endsWith('circuit_breaker_transition'))
    .sort((one, other) => one.atMs - other.atMs)
    .map(({ attributes }) => String(attributes['to']));
}
