import { expect, test } from 'vitest';
import { outbound } from '../../src/core/outbound.ts';
import { rejectionOf } from '../../src/core/rejection.ts';
import { systemResolver } from '../../src/runtimes/system-resolver.ts';
import { upstreamGuard } from '../../src/security/upstream-guard.ts';

const { navigator } = globalThis as { navigator?: { userAgent?: string } };

if (navigator?.userAgent === 'Cloudflare-Workers') {
  test('UG-09 Workers have none, and say so', () => {
    expect(() => systemResolver()).toThrow('there is none here');
  });
} else {
  test('says what the operating system says', async () => {
    const { resolve } = systemResolver();
    const addresses = await resolve('localhost', new AbortController().signal);
    expect(addresses).not.toEqual([]);
    for (const address of addresses) expect(['127.0.0.1', '::1']).toContain(address);
  });

  test('UG-03 a name that leads to this machine is refused, by the platform’s own fetch', async () => {
    const guarded = outbound(
      fetch,
      upstreamGuard({ resolver: systemResolver(), hosts: ['localhost'], ports: 'any' }),
    );
    const response = await guarded('http://localhost:9/');
    expect(rejectionOf(response)?.reason).toBe('url_denied');
  });

  test('ends with the caller, before it has asked or while it is asking', async () => {
    const { resolve } = systemResolver();
    const reason = new Error('left');
    await expect(resolve('localhost', AbortSignal.abort(reason))).rejects.toBe(reason);
    const caller = new AbortController();
    const asking = resolve('localhost', caller.signal);
    caller.abort(reason);
    await expect(asking).rejects.toBe(reason);
  });
}
