import { setTimeout } from 'node:timers/promises';
import type { TestHarness } from 'wrangler';
import { shopWorkers, startGatewayWorker } from '../../tools/workers/harness.ts';
import { newSigningKey } from '../../workers/auth/signing-key.ts';
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

/** A shop that is a process, and where its instances are. */
interface ShopProcess extends RunningShop {
  readonly services: Readonly<Record<string, string>>;
}

async function startProcess(
  runtime: Runtime,
  { otlpEndpoint, seed }: Parameters<ShopPlatform['start']>[0],
): Promise<ShopProcess> {
  const options = ['--free-ports', `--seed=${seed}`, `--otlp-endpoint=${otlpEndpoint}`];
  const shop = startScript(script, options, runtime);
  await shop.said(/Ctrl-C ends it/);
  const origin = /The shop is open: (\S+)/.exec(shop.output())?.[1] ?? '';
  const services = Object.fromEntries(
    [...shop.output().matchAll(/^ {2}(\w+-\w+) +(http\S+)$/gm)].map(([, name, url]) => [name, url]),
  );
  return {
    services,
    ask: (path, init) => fetch(origin + path, init),
    askInstance: (name, path, init) => fetch(services[name] + path, init),
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
}

function processOn(runtime: Runtime): ShopPlatform {
  return { name: runtime, endAll, start: (options) => startProcess(runtime, options) };
}

let harness: TestHarness | undefined;

async function closeHarness(): Promise<void> {
  await harness?.close();
  harness = undefined;
}

function refuseErrors(workers: TestHarness): void {
  const bad = workers.getLogs().filter(({ level }) => level === 'error');
  if (bad.length > 0) throw new Error(`A Worker logged errors: ${JSON.stringify(bad)}`);
}

/** Seven Workers from their own configuration files, joined by service bindings, with their rules in KV. */
const workerd: ShopPlatform = {
  name: 'workerd',
  endAll: closeHarness,
  // Workers draw by the platform's own randomness: there is no seed.
  async start({ otlpEndpoint }) {
    const shop = shopWorkers({ otlpEndpoint, privateJwk: await newSigningKey() });
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
        refuseErrors(shop);
      },
    };
  },
};

/** The gateway is a Worker with its rules in KV, the services behind it are on Node. */
const mixed: ShopPlatform = {
  name: 'workerd, its services on node',
  async endAll() {
    await closeHarness();
    endAll();
  },
  async start(options) {
    const services = await startProcess('node', options);
    const gateway = await startGatewayWorker(services.services, options.otlpEndpoint);
    harness = gateway;
    return {
      ...services,
      ask: (path, init) => gateway.fetch(`http://shop.example${path}`, init),
      async stop(complete) {
        // Once they end, the services send what they kept; nobody tells the gateway.
        await services.stop(async () => {});
        await complete();
        refuseErrors(gateway);
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
  mixed,
];
