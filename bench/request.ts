/** Requests as a server gives them: a new one for each call, with eight headers. */

export const headers: Readonly<Record<string, string>> = {
  accept: 'application/json',
  'accept-language': 'en',
  authorization: 'Bearer abc',
  'content-type': 'application/json',
  cookie: 'sid=1234',
  traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  'user-agent': 'bench',
  'x-env': 'canary',
};

export function freshRequest(): Request {
  return new Request('http://shop.example/api/users', { headers });
}

/** An upstream in memory. A body would cost more than everything that is measured here. */
export async function upstream(_url: unknown, _init?: unknown): Promise<Response> {
  return new Response(null);
}
