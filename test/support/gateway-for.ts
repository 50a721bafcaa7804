import { createGateway, type GatewayOptions } from '../../src/gateway/gateway.ts';
import { rulesFrom } from './rules.ts';

/** What reached an upstream. */
export interface Sent {
  readonly url: string;
  readonly init: RequestInit;
  readonly headers: Headers;
}

/** A gateway whose upstreams answer by function, and what was sent to them. */
export function gatewayFor(
  text: string,
  answer: (sent: Sent) => Response | Promise<Response> = () => new Response('ok'),
  options: GatewayOptions = {},
) {
  const sent: Sent[] = [];
  const gateway = createGateway(rulesFrom(text, { mode: 'gateway' }), {
    transport: async (url, init) => {
      const one = { url, init, headers: new Headers(init.headers) };
      sent.push(one);
      return answer(one);
    },
    ...options,
  });
  const get = (path: string, init?: RequestInit): Promise<Response> =>
    gateway.fetch(new Request(`http://shop.example${path}`, init));
  return { gateway, get, sent };
}

/** Two services, one of them with a path in front. */
export const twoServices = 'services: { a: "http://a.test", b: "http://b.test/base/" }\n';
