import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test';
import { expect, test } from 'vitest';
import { kvRules, worker } from '../../src/runtimes/workers.ts';
import { rulesFrom } from '../support/rules.ts';

interface Env {
  readonly RULES: KVNamespace;
}

test('fits the types of Workers: a KV namespace, an execution context, what is exported', async () => {
  const handler = worker<Env>({
    bundled: rulesFrom('services: { a: { binding: A } }\nroutes: [{ path: /**, to: a }]'),
    source: ({ RULES }) => (RULES === undefined ? undefined : kvRules(RULES)),
  }) satisfies ExportedHandler<Env>;
  const upstream = { fetch: async (url: string) => new Response(url) };
  const context = createExecutionContext();
  const env = { A: upstream } as unknown as Env;
  const response = await handler.fetch(new Request('http://shop.example/x'), env, context);
  await waitOnExecutionContext(context);
  expect(await response.text()).toBe('http://a/x');
});
