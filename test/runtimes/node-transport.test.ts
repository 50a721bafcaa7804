import { expect, test } from 'vitest';
import { isNode } from '../../src/core/runtime.ts';
import { nodeTransport } from '../../src/runtimes/node-transport.ts';

test('is for Node, can be loaded everywhere, and says so where it is called elsewhere', () => {
  if (isNode) expect(nodeTransport()).toBeTypeOf('function');
  else expect(() => nodeTransport()).toThrow('this is not Node; leave `transport` out here');
});

test.each([
  [{ connectTimeout: '0s' }, "connectTimeout: '0s' is not from 1ms to 2147483647ms (24.8d)"],
  [{ connectTimeout: 10 }, 'connectTimeout: 10 is not a duration'],
  [{ streamIdleTimeout: '25d' }, "streamIdleTimeout: '25d' is not from 1ms"],
  [{ authority: 1 }, 'authority: 1 is not text'],
])('refuses %j', (options, message) => {
  expect(() => nodeTransport(options as never)).toThrow(`nodeTransport.${message}`);
});
