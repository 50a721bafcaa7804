import { expect, test } from 'vitest';
import { parseRules } from '../../src/rules/parse.ts';

const helpFor = (text: string) => parseRules(text).diagnostics.map(({ help }) => help);

test('E3 a key that nothing is near to is told what could stand there, less what does', () => {
  expect(
    helpFor(
      '{ telemetry: { service: shop, exporter: otlp }, routes: [{ path: /**, respond: { status: 200 } }] }',
    ),
  ).toEqual(['it takes metrics, traces, logs, baggage, revision_header']);
});

test('E3 of many keys the first are told, and how many more there are', () => {
  expect(helpFor('{ routes: [{ path: /**, respond: { status: 200 }, wibble: 1 }] }')).toEqual([
    expect.stringMatching(/^it takes name, methods, hosts, (?:\w+, ){16}\w+ and \d+ more$/),
  ]);
});
