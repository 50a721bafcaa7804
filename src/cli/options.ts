/**
 * What each verb may be given: by this table they are read, and completed in a shell.
 *
 * @module
 */

import type { ParseArgsOptionsConfig } from 'node:util';

const flag = { type: 'boolean', default: false } as const;
const value = { type: 'string' } as const;
const everyVerb = { help: { ...flag, short: 'h' } } as const;

/** Rules, with the changes of an environment. */
const rules = { rules: { type: 'string', short: 'f' }, env: value } as const;

/** The same, with the `--upstream` of the gateway that they are for. */
const gatewayRules = { ...rules, upstream: value } as const;

/** Of the verbs that change rules in a store. */
const change = {
  to: value,
  name: { type: 'string', default: 'default' },
  'dry-run': flag,
  yes: { ...flag, short: 'y' },
  json: flag,
  ...everyVerb,
} as const;

/** Options as `node:util` reads them, with the `words` that one takes where it takes but a few. */
export type Options = Readonly<
  Record<string, ParseArgsOptionsConfig[string] & { readonly words?: readonly string[] }>
>;

/** By verb. */
export const options = {
  serve: {
    ...gatewayRules,
    port: { type: 'string', default: '8080' },
    host: { type: 'string', default: '127.0.0.1' },
    'admin-port': { type: 'string', default: '9321' },
    'admin-host': { type: 'string', default: '127.0.0.1' },
    watch: flag,
    'tls-cert': value,
    'tls-key': value,
    'tls-client-ca': value,
    'tls-client-cert': { type: 'string', words: ['required', 'optional'] },
    'rules-name': { type: 'string', default: 'default' },
    'rules-cache': value,
    'otlp-endpoint': value,
    store: value,
    'store-mode': { type: 'string', words: ['leased', 'exact'] },
    breakers: { type: 'string', words: ['quorum', 'any', 'alone'] },
    instances: value,
    'drain-delay': { type: 'string', default: '0.2' },
    'drain-timeout': { type: 'string', default: '10' },
    ...everyVerb,
  },
  check: {
    ...gatewayRules,
    strict: flag,
    format: { type: 'string', default: 'text', words: ['text', 'json', 'github'] },
    json: flag,
    fix: flag,
    suppress: { type: 'string', short: 'S', multiple: true, default: [] as string[] },
    explain: value,
    quiet: { ...flag, short: 'q' },
    ...everyVerb,
  },
  explain: {
    header: { type: 'string', short: 'H', multiple: true, default: [] as string[] },
    cookie: { type: 'string', short: 'b' },
    ip: { type: 'string', default: '127.0.0.1' },
    claims: value,
    ...gatewayRules,
    json: flag,
    ...everyVerb,
  },
  routes: { ...gatewayRules, wide: flag, json: flag, ...everyVerb },
  diff: { 'exit-code': flag, json: flag, ...everyVerb },
  init: {
    runtime: { type: 'string', default: 'node', words: ['node', 'deno', 'bun', 'workers'] },
    upstream: { type: 'string', default: 'http://localhost:3000' },
    ...everyVerb,
  },
  doctor: {
    ...gatewayRules,
    store: value,
    'otlp-endpoint': value,
    'admin-port': { type: 'string', default: '9321' },
    timeout: { type: 'string', default: '3s' },
    json: flag,
    ...everyVerb,
  },
  reload: { pid: value, ...gatewayRules, ...everyVerb },
  publish: { ...rules, ...change },
  rollback: { revision: value, ...change },
  build: { ...rules, output: { type: 'string', short: 'o' }, ...everyVerb },
  completion: everyVerb,
} as const satisfies Readonly<Record<string, Options>>;
