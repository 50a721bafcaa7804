import { endAll, type Runtime, startScript } from './serving.ts';

/** What order writes for each order that it takes. */
export interface OrderLine {
  readonly version: string;
  readonly 'inventory.host': string;
}

/** A running shop, wherever it runs. */
export interface RunningShop {
  /** Asks the gateway. */
  ask(path: string, init?: RequestInit): Promise<Response>;
  /** Asks an instance of a service, such as `inventory-canary`, past the gateway. */
  askInstance(name: string, path: string): Promise<Response>;
  /** What order wrote so far; resolves when there are so many lines. */
  orders(count: number): Promise<readonly OrderLine[]>;
  /** Ends it as the platform ends things. What it kept is out then: its last spans are at the collector. */
  stop(): Promise<void>;
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
        askInstance: (name, path) => fetch(services.get(name) + path),
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

/** Every platform that the shop is tested on. */
export const shopPlatforms: readonly ShopPlatform[] = [
  processOn('node'),
  processOn('bun'),
  processOn('deno'),
];
