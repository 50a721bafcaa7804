import { describe, expect, test } from 'vitest';
import { canonicalPathname } from '../../src/core/canonical-path.ts';
import { Context } from '../../src/core/context.ts';
import { type RedirectOptions, redirect } from '../../src/routing/redirect.ts';

const locationOf = async (options: RedirectOptions, url: string): Promise<string | null> => {
  const response = await redirect(options)(new Request(url), Context.background('inbound'));
  return response.headers.get('location');
};

describe('the caller is sent', () => {
  test.each<[RedirectOptions, string, string]>([
    [{ scheme: 'https' }, 'http://a.example/x?q=1', 'https://a.example/x?q=1'],
    [{ scheme: 'https' }, 'http://a.example:8080/x', 'https://a.example/x'],
    [{ scheme: 'http' }, 'https://a.example/', 'http://a.example/'],
    [{ scheme: 'https', port: 8443 }, 'http://a.example/x', 'https://a.example:8443/x'],
    [{ scheme: 'https', port: 443 }, 'http://a.example/x', 'https://a.example/x'],
    [{ port: 80 }, 'http://a.example:8080/x', 'http://a.example/x'],
    [{ host: 'b.example' }, 'http://a.example:8080/x', 'http://b.example/x'],
    [{ host: '[::1]' }, 'http://a.example/x', 'http://[::1]/x'],
    [{ path: '/new' }, 'http://a.example:8080/x?q=1', 'http://a.example:8080/new?q=1'],
    [{ prefix: { from: '/old', to: '/new' } }, 'http://a.example/old/x', 'http://a.example/new/x'],
    [{ regex: { match: '^/(\\w+)$', to: '/\\1/' } }, 'http://a.example/x', 'http://a.example/x/'],
    [{ scheme: 'https' }, 'http://a.example//evil.example/', 'https://a.example/evil.example/'],
  ])('with %j, from %s to %s', async (options, from, to) => {
    expect(await locationOf(options, from)).toBe(to);
  });
});

test('the status is 302 unless given, and there is no body', async () => {
  const context = Context.background('inbound');
  const request = new Request('http://a.example/');
  expect((await redirect({ path: '/x' })(request, context)).status).toBe(302);
  const response = await redirect({ path: '/x', status: 308 })(request, context);
  expect(response.status).toBe(308);
  expect(response.body).toBeNull();
});

test('the path is the canonical one where routing has found it', async () => {
  const context = Context.background('inbound').with(canonicalPathname, '/a/b');
  const response = await redirect({ scheme: 'https' })(
    new Request('http://a.example/%61//b'),
    context,
  );
  expect(response.headers.get('location')).toBe('https://a.example/a/b');
});

test('a path that came to be none is a 400', async () => {
  const end = redirect({ regex: { match: '^/', to: '' } });
  const response = await end(new Request('http://a.example/x'), Context.background('inbound'));
  expect(response.status).toBe(400);
});
