/**
 * Where drills take place.
 */

import type { Rules } from '../../src/rules/model.ts';
import { parseRules } from '../../src/rules/parse.ts';
import { renderDiagnostics } from '../../src/rules/render.ts';
import type { Behaviour } from './upstream.ts';

/** Somewhere to open services and gateways; whatever was opened there is closed at its end. */
export interface Platform {
  /** Opens a service that behaves like this. Before the gateway that is to reach it. */
  service(behaviour: Behaviour): Promise<Service>;
  /** Opens a gateway with these rules. */
  gateway(rules: string): Promise<OpenGateway>;
  /** Opens the shop. */
  shop(): Promise<OpenShop>;
  /** Opens a collector for processes that a drill starts itself; resolves to its origin. What it gets is among the spans. */
  collector(): Promise<string>;
  /** Spans that have ended so far, and are known here. */
  readonly spans: readonly SeenSpan[];
  /** Something else to be ended. */
  onEnd(close: () => Promise<void>): void;
  end(): Promise<void>;
}

/** A service of a drill. */
export interface Service {
  /** Its address in rules: what stands in `services: { name: { … } }`. */
  readonly at: string;
  readonly url: string;
  /** From now on it behaves like this. */
  behave(behaviour: Behaviour): Promise<void>;
  /** How often it was asked. */
  asked(): Promise<number>;
}

/** A gateway that listens. */
export interface OpenGateway {
  readonly url: string;
  /** Puts other rules in force. */
  replace(rules: string): Promise<void>;
  /** The sum of all series of a metric that have these labels. */
  total(name: string, labels?: Readonly<Record<string, string>>): Promise<number>;
  /** From now on the store of its limits fails. */
  killStore(): Promise<void>;
}

/** The shop, its gateway listening. */
export interface OpenShop {
  readonly url: string;
  /** Asks an instance of a service, such as `inventory-stable`, past the gateway; resolves to what it says. */
  ask(instance: string, path: string, method?: string): Promise<string>;
}

/** What is looked for in a span. */
export interface SeenSpan {
  readonly traceId: string;
  /** Since 1970. */
  readonly endedAtMs: number;
  /** Attributes of what made it. */
  readonly resource: Readonly<Record<string, unknown>>;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly events: readonly SeenEvent[];
}

/** Something that happened within a span. */
export interface SeenEvent {
  readonly name: string;
  /** Since 1970. */
  readonly atMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** @throws {Error} which says all that is wrong with them. */
export function rulesOf(text: string): Rules {
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
