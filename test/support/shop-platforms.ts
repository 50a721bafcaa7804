import { setTimeout } from 'node:timers/promises';
import { createTestHarness } from 'wrangler';
import { gateway, workers } from '../../tools/workers/shop.ts';
import { endAll, type Runtime, startScript } from './serving.ts';

/** What order writes for each order that it takes. */
export interface OrderLine {
  readonly version: string;
  readonly 'inventory.host': string;
}

/** What a request may be made of. */
export interface AskInit {
  readonly method?: string;
  readonly body?: string;
  readonly headers?: Record<string, string>;
}

/** What is asked of a response: each platform has its own type of them. */
export interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { cancel(): Promise<void> } | null;
  text(): Promise<string>;
  json(): Promise<unknown>;
}

/** A running shop, wherever it runs. */
export interface RunningShop {
  /** Asks the gateway. */
  ask(path: string, init?: AskInit): Promise<Answer>;
  /** Asks an instance of a service, such as `inventory-canary`, past the gateway. */
  askInstance(name: string, path: string, init?: AskInit): Promise<Answer>;
  /** What order wrote so far; resolves when there are so many lines. */
  orders(count: number): Promise<readonly OrderLine[]>;
  /**
   * Ends it as the platform ends things: its last spans are at the collector then. Fails where something went wrong in it.
   *
   * @param complete Resolves when they are. Nobody tells a Worker that it ends, so that is waited for there, and only there.
   */
  stop(complete: () => Promise<void>): Promise<void>;
}

/** Somewhere to run the shop. */
export interface ShopPlatform {
  readonly name: string;
  start(options: { readonly otlpEndpoint: string; readonly seed: number }): Promise<RunningShop>;
  /** Ends whatever a failed test left running. */
  endAll(): void | Promise<void>;
}

const script = new URL('../../workers/start.ts', import.meta.url).pathname;

function processOn(runtime: Runtime): ShopPlatform {
  return {
    name: runtime,
    endAll,
    async start({ otlpEndpoint, seed }) {
      const options = ['--free-ports', `--seed=${seed}`, `--otlp-endpoint=${otlpEndpoint}`];
      const shop = startScript(script, options, runtime);
      await shop.said(/Ctrl-C ends it/);
      const origin = /The shop is open: (\S+)/.exec(shop.output())?.[1] ?? '';
      const services = new Map<string, string>();
      for (const [, name, url] of shop.output().matchAll(/^ {2}(\w+-\w+) +(http\S+)$/gm)) {
        services.set(name as string, url as string);
      }
      return {
        ask: (path, init) => fetch(origin + path, init),
        askInstance: (name, path, init) => fetch(services.get(name) + path, init),
        async orders(count) {
          await shop.said(new RegExp(`(?:^\\{.*\\}\\n[^]*?){${count}}`, 'm'));
          const lines = shop.output().match(/^\{.*\}$/gm) ?? [];
          return lines.map((line) => JSON.parse(line));
        },
        async stop() {
          shop.process.kill('SIGTERM');
          const code = await shop.exited();
          if (code !== 0) throw new Error(`The shop ended with ${code}: ${shop.output()}`);
        },
      };
    },
  };
}

let harness: ReturnType<typeof createTestHarness> | undefined;

/** Seven Workers from their own configuration files, joined by service bindings, with their rules in KV. */
const workerd: ShopPlatform = {
  name: 'workerd',
  async endAll() {
    await harness?.close();
    harness = undefined;
  },
  // Workers draw by the platform's own randomness: there is no seed.
  async start({ otlpEndpoint }) {
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' };
    const { privateKey } = await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
    const AUTH_PRIVATE_JWK = JSON.stringify(await crypto.subtle.exportKey('jwk', privateKey));
    const shop = createTestHarness({
      root: '.',
      workers: [gateway, ...workers.filter((worker) => worker !== gateway)].map(({ config }) => ({
        configPath: config,
        vars: { OTEL_EXPORTER_OTLP_ENDPOINT: otlpEndpoint },
        ...(config.includes('auth') && { secrets: { AUTH_PRIVATE_JWK } }),
      })),
    });
    harness = shop;
    await shop.listen();
    const logged = (start: string) =>
      shop
        .getLogs()
        .map(({ message }) => String(message))
        .filter((line) => line.startsWith(start));
    return {
      ask: (path, init) => shop.fetch(`http://shop.example${path}`, init),
      askInstance: (name, path, init) =>
        shop
          .getWorker(`shop-${name.replace('-stable', '')}`)
          .fetch(`http://shop.internal${path}`, init),
      async orders(count) {
        let lines = logged('{"service":"order"');
        for (; lines.length < count; lines = logged('{"service":"order"')) await setTimeout(20);
        return lines.map((line) => JSON.parse(line));
      },
      async stop(complete) {
        await complete();
        const bad = shop.getLogs().filter(({ level }) => level === 'error');
        if (bad.length > 0) throw new Error(`A Worker logged errors: ${JSON.stringify(bad)}`);
      },
    };
  },
};

/** Every platform that the shop is tested on. */
export const shopPlatforms: readonly ShopPlatform[] = [
  processOn('node'),
  processOn('bun'),
  processOn('deno'),
  workerd,
];
