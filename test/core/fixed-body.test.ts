import { expect, test } from 'vitest';
import { fixedBody } from '../../src/core/fixed-body.ts';
import { prepareRejection } from '../../src/core/rejection.ts';

const text = '{"title":"Zu früh"}';

test('a body is the same text each time, which may be none', async () => {
  expect(await new Response(fixedBody('')()).text()).toBe('');
  const body = fixedBody(text);
  for (let time = 0; time < 3; time++) expect(await new Response(body()).text()).toBe(text);
});

test('a response with it can be copied, and cancelled unread', async () => {
  const body = fixedBody(text);
  const response = new Response(body());
  const copy = response.clone();
  expect(await copy.text()).toBe(text);
  expect(await response.text()).toBe(text);
  const unread = new Response(body());
  await unread.body?.cancel();
  expect(await new Response(body()).text()).toBe(text);
});

test('it is a stream of bytes, each reader with bytes of its own', async () => {
  const body = fixedBody(text);
  for (let time = 0; time < 2; time++) {
    const { body: stream } = new Response(body());
    const reader = (stream as ReadableStream<Uint8Array>).getReader();
    const { value = new Uint8Array() } = await reader.read();
    expect(new TextDecoder().decode(value)).toBe(text);
    value.fill(0);
    expect((await reader.read()).done).toBe(true);
  }
});

test('answers of one kind share nothing that can be changed', async () => {
  const busy = prepareRejection('bulkhead_full', { headers: { vary: '*' } });
  const bodies: unknown[] = [];
  for (let time = 0; time < 3; time++) {
    const { headers } = busy(1_500);
    expect(headers.get('retry-after')).toBe('2');
    expect(headers.get('vary')).toBe('*');
    headers.delete('vary');
    const other = busy();
    expect(other.headers.get('vary')).toBe('*');
    expect(other.headers.has('retry-after')).toBe(false);
    bodies.push(await other.json());
  }
  expect(bodies[1]).toEqual(bodies[0]);
});
