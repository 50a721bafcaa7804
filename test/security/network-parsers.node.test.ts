import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { networkParsers } from './network-parsers.ts';

/** Files that look at what was sent without taking it apart, or hand it to a parser of the list, and those that read what is not sent. */
const notParsers: Readonly<Record<string, string>> = {
  'core/duration.ts': 'settings',
  'core/instant.ts': 'settings',
  'core/network-failure.ts': 'errors of the platform',
  'core/outgoing.ts': 'a value, as it goes on',
  'core/rejection.ts': 'its own answers',
  'core/replay.ts': 'hands the media type to core/form.ts',
  'gateway/forward.ts': 'core/hop-by-hop.ts for requests; of responses, names to delete',
  'policies/breaker/breaker.ts': 'hands Retry-After to core/retry-after.ts',
  'policies/fault-plan.ts': 'one anchored expression of bounded length for each header',
  'policies/limits.ts': 'a number',
  'policies/shed.ts': 'hands the priority to core/priority.ts',
  'routing/conditions.ts': 'compares a value',
  'routing/key-expression.ts': 'a bounded value',
  'routing/path-pattern.ts': 'settings',
  'routing/request-facts.ts': 'hands cookies to core/cookies.ts',
  'rules/sources/compiled.ts': 'JSON within the bounds of its source, then the schema of the rules',
  'rules/sources/http.ts': 'hands an ETag back as it came',
  'runtimes/listen.ts': 'one anchored expression for Host',
  'security/authorize/compile.ts': 'compares a value',
  'security/authorize/external.ts': 'hands values on as they came',
  'security/authorize/roles.ts': 'splits at commas, from peers that are trusted',
  'security/upstream-guard.ts': "hands Location to the platform's URL",
  'telemetry/access-log.ts': 'a value, and a query of bounded length, cut at its ampersands',
  'telemetry/otlp-transport.ts': 'hands Retry-After to core/retry-after.ts',
  'telemetry/server-span.ts': 'a value',
};

const root = new URL('../../src/', import.meta.url);

/** The command line and the rules language read what their user wrote; sources of rules are on the list. */
function isOfUser(file: string): boolean {
  return /^(?:cli|rules)\//.test(file) && !file.startsWith('rules/sources/');
}

test('whatever reads a header, or calls itself a parser, is on the list, or does not parse', () => {
  const reading =
    /headers\??\.get\(|\.header\(|export (?:async )?function (?:parse|read|decode|extract)\w*\(/;
  const listed = new Set(networkParsers.flatMap(({ files }) => files));
  const commentLine = /^ *\*.*$/gm;
  const unlisted = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .map((file) => file.replaceAll('\\', '/'))
    .filter((file) => file.endsWith('.ts') && !isOfUser(file))
    .filter((file) =>
      reading.test(readFileSync(new URL(file, root), 'utf8').replace(commentLine, '')),
    )
    .filter((file) => !listed.has(file) && !Object.hasOwn(notParsers, file));
  expect(unlisted).toEqual([]);
});

test('what the list names is there', () => {
  const files = [...networkParsers.flatMap(({ files }) => files), ...Object.keys(notParsers)];
  for (const file of files) expect(() => readFileSync(new URL(file, root))).not.toThrow();
});
