/**
 * Files that are wrong, and all that is to be said of them: `line:column severity[code] message`.
 *
 * @module
 */

import type { ParseOptions } from '../../src/rules/parse.ts';

/** A file and its diagnostics, in the order of the file. */
export interface BadFile {
  readonly name: string;
  readonly text: string;
  /** Default: none, which is library mode. */
  readonly options?: ParseOptions;
  readonly expected: readonly string[];
}

/** A few services to refer to. */
const services = `services:
  web: http://web.internal
  users: { versions: { v1: "http://u1.internal", v2: "http://u2.internal" } }
`;

/** A file with these services, all in use, and this route. */
function withRoute(route: string): string {
  return `${services}routes:
  - { path: /a, to: web }
  - { path: /u, to: users@v1 }
  - ${route}
`;
}

export const badFiles: readonly BadFile[] = [
  {
    name: 'an empty file',
    text: '',
    expected: ['1:1 error[FM014] the file is empty'],
  },
  {
    name: 'a file of comments',
    text: '# nothing yet\n',
    expected: ['1:1 error[FM014] the file is empty'],
  },
  {
    name: 'a file that is null',
    text: 'null\n',
    expected: ['1:1 error[FM014] the file is empty'],
  },
  {
    name: 'a file that is a list',
    text: '- path: /a\n',
    expected: ['1:1 error[FM013] `rules.yaml` must be a map, not a list'],
  },
  {
    name: 'a file that is a word',
    text: 'routes\n',
    expected: ['1:1 error[FM013] `rules.yaml` must be a map, not text'],
  },
  {
    name: 'a quote that is not closed',
    text: `routes:
  - path: "/a
`,
    expected: ['2:11 error[FM002] a quote is never closed'],
  },
  {
    name: 'a tab as indentation',
    text: `routes:
\t- path: /a
`,
    expected: ['2:1 error[FM002] a tab is no indentation in YAML'],
  },
  {
    name: 'a second key on a line',
    text: `routes:
  - path: /a: b
`,
    expected: ['2:11 error[FM002] a second `key:` on one line'],
  },
  {
    name: 'braces of a path in a map of braces',
    text: 'routes: [{path: /users/{id}}]\n',
    expected: ['1:24 error[FM002] unexpected `{`'],
  },
  {
    name: 'a character that no value starts with',
    text: `routes:
  - path: @a
`,
    expected: ['2:11 error[FM002] a value cannot start with this character'],
  },
  {
    name: 'a list that is not closed',
    text: 'routes: [{ path: /a }\n',
    expected: [
      '1:9 error[FM002] a bracket is not closed with `]`, or what is in it is not indented',
    ],
  },
  {
    name: 'an alias that was meant as a path',
    text: `routes:
  - path: **
`,
    expected: ['2:11 error[FM003] `**` is read by YAML as an alias'],
  },
  {
    name: 'an alias that was meant as a host',
    text: `routes:
  - path: /a
    hosts: *.example.com
`,
    expected: ['3:12 error[FM003] `*.example.com` is read by YAML as an alias'],
  },
  {
    name: 'a star alone',
    text: `routes:
  - path: /a
    match: { query: { q: * } }
`,
    expected: ['3:26 error[FM003] `*` is read by YAML as an alias'],
  },
  {
    name: 'an anchor and its alias',
    text: `defaults: &shared { timeout: 3s }
routes: [{ path: /a, retries: *shared }]
`,
    expected: [
      '1:11 error[FM003] `&shared` is read by YAML as an anchor',
      '2:31 error[FM003] `*shared` is read by YAML as an alias',
    ],
  },
  {
    name: 'a merge key',
    text: `defaults: { timeout: 3s }
routes: [{ path: /a, <<: { retries: 2 } }]
`,
    expected: ['2:22 error[FM005] merge keys are not part of the rules language'],
  },
  {
    name: 'a duplicate key',
    text: `routes:
  - path: /a
    timeout: 1s
    timeout: 2s
`,
    expected: ['4:5 error[FM004] duplicate key `timeout`'],
  },
  {
    name: 'two documents',
    text: `routes: [{ path: /a }]
---
routes: []
`,
    expected: ['2:1 error[FM006] a second YAML document begins here'],
  },
  {
    name: 'a directive',
    text: `%YAML 1.1
---
routes: [{ path: /a }]
`,
    expected: ['1:1 error[FM008] directives are not part of the rules language'],
  },
  {
    name: 'a tag',
    text: 'routes: [{ path: !regexp /a, timeout: !!str 3s }]\n',
    expected: [
      '1:18 error[FM008] tags are not part of the rules language',
      '1:39 error[FM008] tags are not part of the rules language',
    ],
  },
  {
    name: 'a key that is a list',
    text: 'routes: [{ path: /a, [b]: c }]\n',
    expected: ['1:22 error[FM009] a key must be text'],
  },
  {
    name: 'a key that is nothing',
    text: 'routes: [{ path: /a, ~: c }]\n',
    expected: ['1:22 error[FM009] a key must be text'],
  },
  {
    name: '`__proto__` as a key',
    text: 'routes: [{ path: /a, __proto__: { timeout: 3s } }]\n',
    expected: ['1:22 error[FM001] unknown key `__proto__`'],
  },
  {
    name: '`constructor` as a key',
    text: 'routes: [{ path: /a, constructor: 1 }]\n',
    expected: ['1:22 error[FM001] unknown key `constructor` in a route'],
  },
  {
    name: 'a nest that is too deep',
    text: `routes: ${'['.repeat(80)}\n`,
    expected: ['1:74 error[FM007] the file is nested more than 64 levels deep'],
  },
  {
    name: 'no routes',
    text: 'version: 1\n',
    expected: ['1:1 error[FM014] the file needs `routes`'],
  },
  {
    name: 'no routes in the list',
    text: 'routes: []\n',
    expected: ['1:9 error[FM016] `routes` is an empty list'],
  },
  {
    name: 'routes that are a map',
    text: `routes:
  path: /a
`,
    expected: ['2:3 error[FM013] `routes` must be a list, not a map'],
  },
  {
    name: 'a route that is a word',
    text: `routes:
  - /a
  - path: /b
    timeout: 1
`,
    expected: [
      '2:5 error[FM013] a route must be a map, not text',
      '4:14 error[FM011] `timeout` needs a unit',
    ],
  },
  {
    name: 'a route without a path',
    text: `routes:
  - timeout: 3s
`,
    expected: ['2:5 error[FM014] a route needs `path`'],
  },
  {
    name: 'another version of the language',
    text: `version: 2
routes: [{ path: /a }]
`,
    expected: ['1:10 error[FM015] `version` must be 1, not `2`'],
  },
  {
    name: 'a version in quotes',
    text: `version: "1"
routes: [{ path: /a }]
`,
    expected: ['1:10 error[FM013] `version` must be 1, not text'],
  },
  {
    name: 'keys in camelCase',
    text: 'routes: [{ path: /a, trailingSlash: ignore, retries: { maxDelay: 2s } }]\n',
    expected: [
      '1:22 error[FM001] unknown key `trailingSlash` in a route',
      '1:56 error[FM001] unknown key `maxDelay` in `retries`',
    ],
  },
  {
    name: 'misspelled keys',
    text: `route: []
routes:
  - path: /a
    host: a.example
    methosd: [GET]
    wibble: 1
`,
    expected: [
      '1:1 error[FM001] unknown key `route` in the file',
      '4:5 error[FM001] unknown key `host` in a route',
      '5:5 error[FM001] unknown key `methosd` in a route',
      '6:5 error[FM001] unknown key `wibble` in a route',
    ],
  },
  {
    name: 'a bare number as a duration',
    text: `routes:
  - path: /a
    timeout: 3
`,
    expected: ['3:14 error[FM011] `timeout` needs a unit'],
  },
  {
    name: 'a quoted number as a duration',
    text: `routes:
  - path: /a
    timeout: "3"
`,
    expected: ['3:14 error[FM011] `timeout` needs a unit'],
  },
  {
    name: 'a negative duration',
    text: `routes:
  - path: /a
    timeout: -3
`,
    expected: ['3:14 error[FM016] `timeout` must be a duration such as 3s'],
  },
  {
    name: 'words as a duration',
    text: `routes:
  - path: /a
    timeout: 3 seconds
  - path: /b
    timeout: soon
`,
    expected: [
      '3:14 error[FM010] `3 seconds` is not a duration',
      '5:14 error[FM010] `soon` is not a duration',
    ],
  },
  {
    name: 'a timeout and retries that are switched off in words',
    text: 'routes: [{ path: /a, timeout: off, retries: off }]\n',
    expected: [
      '1:31 error[FM010] `off` is not a duration',
      '1:45 error[FM013] `retries` must be a whole number from 0 to 100 or a map, not text',
    ],
  },
  {
    name: 'a duration of a month',
    text: `routes:
  - path: /a
    timeout: 30d
`,
    expected: ['3:14 error[FM016] `30d` is too long for `timeout`'],
  },
  {
    name: 'a key without a value',
    text: `routes:
  - path: /a
    timeout:
`,
    expected: ['3:13 error[FM013] `timeout` has no value'],
  },
  {
    name: 'a list as a duration',
    text: 'routes: [{ path: /a, timeout: [3s] }]\n',
    expected: ['1:31 error[FM013] `timeout` must be a duration such as 3s or a map, not a list'],
  },
  {
    name: 'a misspelled word',
    text: 'routes: [{ path: /a, retries: { backoff: exponentail, jitter: some } }]\n',
    expected: [
      '1:42 error[FM015] `backoff` must be one of exponential, linear, constant, not `exponentail`',
      '1:63 error[FM015] `jitter` must be one of full, equal, decorrelated, none, not `some`',
    ],
  },
  {
    name: 'too many retries, too few, broken ones',
    text: 'routes: [{ path: /a, retries: 1000 }, { path: /b, retries: -1 }, { path: /c, retries: 1.5 }, { path: /d, retries: "2" }]\n',
    expected: [
      '1:31 error[FM016] `retries` must be a whole number from 0 to 100, not `1000`',
      '1:60 error[FM016] `retries` must be a whole number from 0 to 100, not `-1`',
      '1:87 error[FM016] `retries` must be a whole number from 0 to 100, not `1.5`',
      '1:115 error[FM013] `retries` must be a whole number from 0 to 100 or a map, not text',
    ],
  },
  {
    name: 'conditions of a retry that do not exist',
    text: 'routes: [{ path: /a, retries: { retry_on: [conect, 200, 501] } }]\n',
    expected: [
      '1:44 error[FM015] an entry of `retry_on` must be one of 5xx, connect, reset, timeout, retriable-4xx, envoy-ratelimited, not `conect`',
      '1:52 error[FM016] an entry of `retry_on` must be a status from 400 to 599, and not 501 or 505, which are never retried, not `200`',
      '1:57 error[FM016] an entry of `retry_on` must be a status from 400 to 599, and not 501 or 505, which are never retried, not `501`',
    ],
  },
  {
    name: 'two forms of retries',
    text: `routes:
  - path: /a
    retries: { max: 2 }
    backoff: constant
    jitter: none
`,
    expected: ['4:5 error[FM031] `backoff` and `jitter` beside a block `retries`'],
  },
  {
    name: 'settings of retries without retries',
    text: `defaults: { retries: 2 }
routes:
  - path: /a
    backoff: constant
`,
    expected: ['4:5 error[FM031] `backoff` without `retries`'],
  },
  {
    name: 'a match value that is no text',
    text: `routes:
  - path: /a
    match:
      headers: { x-tester: true }
      query: { page: 1, q: null }
`,
    expected: [
      '4:28 error[FM012] `x-tester` is compared with text',
      '5:22 error[FM012] `page` is compared with text',
      '5:28 error[FM012] `q` is compared with text',
    ],
  },
  {
    name: 'an unknown kind of condition',
    text: 'routes: [{ path: /a, match: { header: { a: b } } }]\n',
    expected: ['1:31 error[FM001] unknown key `header` in `match`'],
  },
  {
    name: 'a header name with a space',
    text: 'routes: [{ path: /a, match: { headers: { "x tester": "1" } } }]\n',
    expected: ['1:42 error[FM017] `x tester` is not a header name'],
  },
  {
    name: 'an empty list of conditions',
    text: 'routes: [{ path: /a, match: [] }]\n',
    expected: ['1:29 error[FM016] `match` is an empty list'],
  },
  {
    name: 'methods in lower case, misspelled and impossible',
    text: 'routes: [{ path: /a, methods: [get, POTS, CONNECT, PROPFIND, GET, GET] }]\n',
    expected: [
      '1:32 error[FM017] `get` is not an HTTP method',
      '1:37 error[FM017] `POTS` is not an HTTP method',
      '1:43 error[FM017] `CONNECT` is not an HTTP method',
      '1:67 warning[FM028] `GET` is listed twice',
    ],
  },
  {
    name: 'hosts that are URLs, have ports, stars or spaces',
    text: `routes:
  - { path: /a, hosts: ["http://a.example", "a.example:80", "a.*.example", "*", "a b", "a.example/x"] }
`,
    expected: [
      '2:25 error[FM018] `http://a.example` is not a host',
      '2:45 error[FM018] `a.example:80` is not a host',
      '2:61 error[FM018] `a.*.example` is not a host',
      '2:76 error[FM018] `*` is not a host',
      '2:81 error[FM018] `a b` is not a host',
      '2:88 error[FM018] `a.example/x` is not a host',
    ],
  },
  {
    name: 'names with spaces',
    text: `services: { "my web": "http://web.internal" }
routes: [{ path: /a, name: first one }]
`,
    expected: [
      '1:13 error[FM017] `my web` is not a service name',
      '2:28 error[FM017] `first one` is not a route name',
    ],
  },
  {
    name: 'a route name that is a number',
    text: 'routes: [{ path: /a, name: 5 }]\n',
    expected: ['1:28 error[FM013] `name` must be a route name, not a number'],
  },
  {
    name: 'a path without a slash',
    text: 'routes: [{ path: users }]\n',
    expected: ['1:18 error[FM019] `users` is not a path'],
  },
  {
    name: 'a path with a query',
    text: 'routes: [{ path: "/users?page=1" }]\n',
    expected: ['1:18 error[FM019] `/users?page=1` is not a path'],
  },
  {
    name: 'stars in the middle of a path',
    text: 'routes: [{ path: /a/**/b }, { path: /c*/d }, { path: /e/:id/:id }]\n',
    expected: [
      '1:18 error[FM019] `/a/**/b` is not a path',
      '1:37 error[FM019] `/c*/d` is not a path',
      '1:54 error[FM019] `/e/:id/:id` is not a path',
    ],
  },
  {
    name: 'a path that is not canonical',
    text: 'routes: [{ path: /a//b }, { path: /a/../b }, { path: "/a%zz" }]\n',
    expected: [
      '1:18 error[FM019] `/a//b` is not a path',
      '1:35 error[FM019] `/a/../b` is not a path',
      '1:54 error[FM019] `/a%zz` is not a path',
    ],
  },
  {
    name: 'an expression that does not compile',
    text: 'routes: [{ path: "~^/(a" }]\n',
    expected: ['1:18 error[FM041] the regular expression `~^/(a` does not compile'],
  },
  {
    name: 'expressions that may take very long',
    text: 'routes: [{ path: "~^/(a+)+$" }, { path: /b, match: { headers: { a: "~(x|x)*y" } } }]\n',
    expected: [
      '1:18 error[FM042] the regular expression `~^/(a+)+$` may take very long',
      '1:68 error[FM042] the regular expression `~(x|x)*y` may take very long',
    ],
  },
  {
    name: 'an unknown service, nearly right',
    text: withRoute('{ path: /b, to: wbe }'),
    expected: ['7:21 error[FM020] unknown service `wbe`'],
  },
  {
    name: 'an unknown service, nothing like it',
    text: withRoute('{ path: /b, to: inventory }'),
    expected: ['7:21 error[FM020] unknown service `inventory`'],
  },
  {
    name: 'an unknown version',
    text: withRoute('{ path: /b, to: users@v3 }'),
    expected: ['7:21 error[FM020] unknown version `users@v3`'],
  },
  {
    name: 'a version of a service without versions',
    text: withRoute('{ path: /b, to: web@v1 }'),
    expected: ['7:21 error[FM020] unknown version `web@v1`'],
  },
  {
    name: 'a version that is not said',
    text: withRoute('{ path: /b, to: users }'),
    expected: ['7:21 error[FM027] `users` has several versions'],
  },
  {
    name: 'a URL in place of a name',
    text: withRoute('{ path: /b, to: "http://web.internal" }'),
    expected: ['7:21 error[FM017] `http://web.internal` is not a destination'],
  },
  {
    name: 'a destination that is no text',
    text: withRoute('{ path: /b, to: 5 }'),
    expected: [
      '7:21 error[FM013] `to` must be a destination such as users@v2 or a map, not a number',
    ],
  },
  {
    name: 'weights that add up to more',
    text: withRoute('{ path: /b, to: { users@v1: 90, users@v2: 20 } }'),
    expected: ['7:21 error[FM030] weights add up to 110, not 100'],
  },
  {
    name: 'a single weight below 100',
    text: withRoute('{ path: /b, to: { users@v1: 90 } }'),
    expected: ['7:21 error[FM030] weights add up to 90, not 100'],
  },
  {
    name: 'two rests',
    text: withRoute('{ path: /b, to: { users@v1: rest, users@v2: rest } }'),
    expected: ['7:21 error[FM030] 2 of the weights are `rest`'],
  },
  {
    name: 'a rest of less than nothing',
    text: withRoute('{ path: /b, to: { users@v1: 60.5, users@v2: 60, web: rest } }'),
    expected: ['7:21 error[FM030] weights add up to 120.5, not 100'],
  },
  {
    name: 'weights that are no weights',
    text: withRoute('{ path: /b, to: { users@v1: 90%, users@v2: -10, web: 33.33 } }'),
    expected: [
      '7:33 error[FM016] `90%` is not a weight',
      '7:48 error[FM016] `users@v2` must be a weight from 0 to 100, with at most one decimal, not `-10`',
      '7:58 error[FM016] `web` must be a weight from 0 to 100, with at most one decimal, not `33.33`',
    ],
  },
  {
    name: 'weights for nobody',
    text: withRoute('{ path: /b, to: {} }'),
    expected: ['7:21 error[FM016] `to` is an empty map'],
  },
  {
    name: 'one destination under two names',
    text: `services: { users: { versions: { v1: "http://u1.internal" } } }
routes: [{ path: /a, to: { users: 50, users@v1: 50 } }]
`,
    expected: ['2:39 error[FM028] `users@v1` and `users` are the same destination'],
  },
  {
    name: 'an unknown service in the defaults',
    text: `services: { web: "http://web.internal" }
defaults: { to: wep }
routes: [{ path: /a }, { path: /b }]
`,
    expected: ['2:17 error[FM020] unknown service `wep`'],
  },
  {
    name: 'upstreams that are no URLs',
    text: `services:
  a: web.internal:3000
  b: ftp://web.internal
  c: "http://"
  d: http://web.internal/?a=b
  e: not a url
routes: [{ path: /a, to: { a: 50, b: 20, c: 10, d: 10, e: 10 } }]
`,
    expected: [
      '2:6 error[FM023] `web.internal:3000` has no scheme',
      '3:6 error[FM023] `ftp://web.internal` is neither http nor https',
      '4:6 error[FM023] `http://` is not a URL',
      '5:6 error[FM023] `http://web.internal/?a=b` has a query',
      '6:6 error[FM023] `not a url` is not a URL',
    ],
  },
  {
    name: 'a port that Fetch blocks',
    text: 'services: { web: http://web.internal:6000 }\nroutes: [{ path: /, to: web }]',
    expected: ['1:18 error[FM023] `http://web.internal:6000` has port 6000'],
  },
  {
    name: 'a password in a URL',
    text: `services: { web: "http://admin:hunter2@web.internal" }
routes: [{ path: /a }]
`,
    expected: ['1:18 error[FM023] `http://***@web.internal` carries credentials'],
  },
  {
    name: 'a service with nothing to call',
    text: `services:
  web: {}
  users: { versions: { v1: { env: canary }, v2: [] } }
routes: [{ path: /a, to: web }, { path: /u, to: users@v1 }]
`,
    expected: [
      '2:3 error[FM022] `web` has nothing to call',
      '3:24 error[FM022] `v1` has nothing to call',
      '3:49 error[FM016] `v2` is an empty list',
    ],
  },
  {
    name: 'a service with too much to call',
    text: `services:
  web: { url: "http://a.internal", urls: ["http://b.internal"] }
  users: { url: "http://a.internal", versions: { v1: "http://b.internal" } }
routes: [{ path: /a, to: web }, { path: /u, to: users }]
`,
    expected: [
      '2:36 error[FM022] `url` and `urls` exclude each other',
      '3:12 error[FM022] `users` has versions and `url` besides',
    ],
  },
  {
    name: 'a service that nobody uses',
    text: `services: { web: "http://web.internal", old: "http://old.internal" }
routes: [{ path: /a, to: web }]
`,
    expected: ['1:41 info[FM024] service `old` is not used'],
  },
  {
    name: 'an upstream that is misspelled',
    text: `services: { web: { ulr: "http://web.internal" } }
routes: [{ path: /a, to: web }]
`,
    expected: ['1:20 error[FM001] unknown key `ulr` in a service'],
  },
  {
    name: 'no upstream, in a library',
    text: 'routes: [{ path: /a }, { path: /b }]\n',
    options: { mode: 'library' },
    expected: ['1:18 info[FM021] 2 routes name no upstream, this one first'],
  },
  {
    name: 'no upstream, in a gateway',
    text: 'routes: [{ path: /a }, { path: /b }]\n',
    options: { mode: 'gateway' },
    expected: [
      '1:18 error[FM021] route `/a` has no upstream',
      '1:32 error[FM021] route `/b` has no upstream',
    ],
  },
  {
    name: 'a service that the command line defines too',
    text: `services: { upstream: "http://a.internal" }
routes: [{ path: /a }]
`,
    options: { upstream: 'http://b.internal' },
    expected: [
      '1:13 warning[FM029] service `upstream` is replaced by the upstream of the command line',
    ],
  },
  {
    name: 'two routes of one name',
    text: 'routes: [{ path: /a, name: x }, { path: /b, name: x }]\n',
    expected: ['1:51 error[FM025] a second route is called `x`'],
  },
  {
    name: 'a route behind a wider one',
    text: `routes:
  - path: /users/**
  - path: /users/:id
  - path: /users
`,
    expected: [
      '2:11 info[FM021] 3 routes name no upstream, this one first',
      '3:11 warning[FM040] route `/users/:id` can never match',
      '4:11 warning[FM040] route `/users` can never match',
    ],
  },
  {
    name: 'a route behind the same one',
    text: `routes:
  - path: /users/{id}
  - path: /users/:name
`,
    expected: [
      '2:11 info[FM021] 2 routes name no upstream, this one first',
      '3:11 warning[FM040] route `/users/:name` can never match',
    ],
  },
  {
    name: 'a route behind one of fewer conditions',
    text: `routes:
  - { path: /a, methods: [GET, POST], hosts: "*.shop.example", match: { headers: { X-Env: canary } } }
  - { path: /a, methods: GET, hosts: [a.shop.example], match: { headers: { x-env: canary }, query: { q: "*" } } }
`,
    expected: [
      '2:13 info[FM021] 2 routes name no upstream, this one first',
      '3:13 warning[FM040] route `/a#2` can never match',
    ],
  },
  {
    name: 'a try as long as all of them',
    text: `routes:
  - path: /a
    timeout: 1s
    retries: 2
    per_try: 1s
`,
    expected: [
      '2:11 info[FM021] a route names no upstream',
      '5:14 warning[FM032] a single try may take 1s, all of them together 1s',
    ],
  },
  {
    name: 'waits longer than the timeout',
    text: `routes:
  - path: /a
    timeout: 2s
    retries: { max: 3, base_delay: 1s }
`,
    expected: [
      '2:11 info[FM021] a route names no upstream',
      '4:21 warning[FM033] the waits between 4 tries can add up to 7s, the timeout is 2s',
    ],
  },
  {
    name: 'tries and waits longer than the timeout',
    text: `defaults: { timeout: 1s, retries: { max: 3, per_try: 300ms } }
routes: [{ path: /a }, { path: /b }]
`,
    expected: [
      '1:42 info[FM033] 4 tries of 300ms and the waits between them can take 1.9s, the timeout is 1s',
      '2:18 info[FM021] 2 routes name no upstream, this one first',
    ],
  },
  {
    name: 'a timeout too short for the default retries',
    text: `defaults: { retries: { max: 2, per_try: 500ms } }
routes:
  - path: /a
    timeout: 500ms
`,
    expected: [
      '3:11 info[FM021] a route names no upstream',
      '4:14 warning[FM032] a single try may take 500ms, all of them together 500ms',
    ],
  },
  {
    name: 'a base delay above the longest',
    text: 'routes: [{ path: /a, retries: { base_delay: 5s, max_delay: 1s } }]\n',
    expected: [
      '1:18 info[FM021] a route names no upstream',
      '1:60 warning[FM035] `base_delay` is 5s, longer than `max_delay`',
    ],
  },
  {
    name: 'a hedge that is none',
    text: `routes:
  - { path: /a, hedge: { max: 5, delay: p0, budget: 20 } }
  - { path: /b, hedge: { dely: 3s, delay: soon } }
  - { path: /c, hedge: on }
`,
    expected: [
      '2:31 error[FM016] `max` must be a whole number from 1 to 4, not `5`',
      '2:41 error[FM010] `p0` is neither a duration nor a percentile',
      '2:53 error[FM011] `budget` needs a percent sign',
      '3:26 error[FM001] unknown key `dely` in `hedge`',
      '3:43 error[FM010] `soon` is neither a duration nor a percentile',
      '4:24 error[FM015] `hedge` must be `off` or a map, not `on`',
    ],
  },
  {
    name: 'budgets and timeouts that are none',
    text: `routes:
  - { path: /a, retries: { budget: { ratio: 20, ttl: 500ms, min_per_second: -1, share: true } } }
  - { path: /b, hedge: { budget: { shared: 1 } }, timeout: { body: yes } }
  - { path: /c, timeout: { limit: 3 } }
`,
    expected: [
      '2:45 error[FM011] `ratio` needs a percent sign',
      '2:54 error[FM016] `500ms` is not from 1s to 60s',
      '2:77 error[FM016] `min_per_second` must be a number from 0 to 1000000, not `-1`',
      '2:81 error[FM001] unknown key `share` in `budget`',
      '3:44 error[FM013] `shared` must be true or false, not a number',
      '3:62 error[FM014] `timeout` needs `limit`',
      '3:68 error[FM013] `body` must be true or false, not text',
      '4:35 error[FM011] `limit` needs a unit',
    ],
  },
  {
    name: 'keys of callers that no token says',
    text: 'routes: [{ path: /a, bulkhead: { limit: 1, by: ["jwt:sub", ip] } }, { path: /b, bulkhead: { limit: 1, by: me } }]\n',
    expected: [
      '1:49 error[FM101] `jwt:sub` without `auth`',
      '1:107 error[FM017] `me` is not a key expression',
    ],
  },
  {
    name: 'limits that let nobody in, or say different things of themselves',
    text: `routes:
  - { path: /a, rate_limit: { limit: 5, per: 1s, cost: 6 } }
  - { path: /b, rate_limit: [{ limit: 5, per: 1s, fields: never }, { limit: 50, per: 1m, fields: always }] }
  - { path: /c, rate_limit: { name: a, limit: 5, per: 10s, mode: platform, cost: 2 } }
`,
    expected: [
      '2:56 error[FM016] `cost` is more than ever comes at once, 5',
      '3:98 error[FM083] the limits of a route have one `fields` for all',
      '4:82 error[FM093] to a platform all requests are the same',
    ],
  },
  {
    name: 'steps of a breaker that do not fit its window',
    text: `routes:
  - { path: /a, breaker: { window: 1s, bucket: 2s } }
  - { path: /b, breaker: { bucket: 1ms } }
  - { path: /c, breaker: { failures: 3, bucket: 1s } }
  - { path: /d, breaker: { last_requests: 50, bucket: 1s } }
`,
    expected: [
      '2:40 error[FM090] `bucket` is longer than `window`, 1s',
      '3:28 error[FM090] `bucket` makes more than 1000 of the window, 10s',
      '4:41 error[FM090] `bucket` beside `failures`',
      '5:47 error[FM090] `bucket` beside `last_requests`',
    ],
  },
  {
    name: 'sizes and counts of further tries, and a deadline, that are none',
    text: `routes:
  - { path: /a, hedge: { min_samples: -1, max_replay_bytes: 1 } }
  - { path: /b, retries: { max_replay_bytes: much } }
  - { path: /c, deadline: { trusted_ips: me, header: "a b", forward: 1, trust: true } }
  - { path: /d, deadline: on }
`,
    expected: [
      '2:39 error[FM016] `min_samples` must be a whole number from 0 to 100000, not `-1`',
      '2:61 error[FM011] `max_replay_bytes` needs a unit',
      '3:46 error[FM017] `much` is not a size',
      '4:42 error[FM017] `me` is neither an address nor a network',
      '4:54 error[FM017] `a b` is not a header name',
      '4:70 error[FM013] `forward` must be true or false, not a number',
      '4:73 error[FM001] unknown key `trust` in `deadline`',
      '5:27 error[FM015] `deadline` must be `off` or a map, not `on`',
    ],
  },
  {
    name: 'a hedge beside retries',
    text: `defaults: { retries: 2 }
routes:
  - { path: /a, hedge: { delay: p95 } }
  - { path: /b, retries: 1, hedge: { delay: 1s } }
  - { path: /c, retries: 0, hedge: { delay: 1s } }
  - { path: /d, hedge: off }
`,
    expected: [
      '3:17 error[FM080] a route has both `hedge` and `retries`: the tries would multiply',
      '4:29 error[FM080] a route has both `hedge` and `retries`: the tries would multiply',
    ],
  },
  {
    name: 'POST sent twice',
    text: `routes:
  - { path: /a, retries: { unsafe_methods: always } }
  - { path: /b, methods: GET, retries: 1, unsafe_methods: always }
`,
    expected: [
      '2:13 info[FM021] 2 routes name no upstream, this one first',
      '2:44 warning[FM034] requests like POST are sent again even if the first one was carried out',
    ],
  },
  {
    name: 'sticky without a split',
    text: withRoute('{ path: /b, to: web, sticky: { by: ip } }'),
    expected: ['7:26 warning[FM036] `sticky` has nothing to decide'],
  },
  {
    name: 'sticky by what all have in common',
    text: withRoute(
      '{ path: /b, to: { users@v1: 50, users@v2: 50 }, sticky: { by: [route, global] } }',
    ),
    expected: ['7:67 warning[FM037] all callers would get the same version'],
  },
  {
    name: 'sticky by a cookie that pages of other origins do not send',
    text: `${services}routes:
  - { path: /a, to: web }
  - { path: /b, to: { users@v1: 50, users@v2: 50 }, sticky: { by: "cookie:sid" }, cors: { origins: "https://a.example" } }
  - { path: /c, to: { users@v1: 50, users@v2: 50 }, sticky: { by: ip }, cors: { origins: "https://a.example" } }
  - { path: /d, to: { users@v1: 50, users@v2: 50 }, sticky: { by: "cookie:sid" }, cors: { origins: "https://a.example", credentials: true } }
`,
    expected: ['6:67 info[FM047] pages of other origins send no `cookie:sid`'],
  },
  {
    name: 'sticky by nonsense',
    text: withRoute(
      '{ path: /b, to: { users@v1: 50, users@v2: 50 }, sticky: { by: [cokie:sid, "cookie:", ipp, "jwt:sub"], ttl: 0s } }',
    ),
    expected: [
      '7:68 error[FM017] `cokie:sid` is not a key expression',
      '7:79 error[FM017] `cookie:` is not a key expression',
      '7:90 error[FM017] `ipp` is not a key expression',
      '7:112 error[FM016] `ttl` must be longer than nothing',
    ],
  },
  {
    name: 'sticky without by',
    text: withRoute('{ path: /b, to: { users@v1: 50, users@v2: 50 }, sticky: { ttl: 1h } }'),
    expected: ['7:63 error[FM014] `sticky` needs `by`'],
  },
  {
    name: 'signs that mean nothing',
    text: 'routes: [{ path: /a, match: { headers: { accept: "*/json", a: "!~b", c: "d*e*" } } }]\n',
    expected: [
      '1:18 info[FM021] a route names no upstream',
      '1:50 warning[FM043] `*` stands for itself here',
      '1:63 warning[FM043] `~` stands for itself here',
      '1:73 warning[FM043] `*` stands for itself here',
    ],
  },
  {
    name: 'a secret in plain text',
    text: 'routes: [{ path: /a, match: { headers: { x-api-key: hunter2, x-token: "*" } } }]\n',
    expected: [
      '1:18 info[FM021] a route names no upstream',
      '1:53 warning[FM072] the value of `x-api-key` looks like a secret in plain text',
    ],
  },
  {
    name: 'a variable that is not set',
    text: `services: { web: "http://\${HOST}:\${PORT:-80}" }
routes: [{ path: /a }]
`,
    expected: ['1:26 error[FM050] environment variable `HOST` is not set'],
  },
  {
    name: 'a malformed reference',
    text: `services: { web: "http://\${HOST" }
routes: [{ path: "/\${1}" }]
`,
    expected: [
      '1:26 error[FM051] malformed reference to the environment',
      '2:20 error[FM051] malformed reference to the environment',
    ],
  },
  {
    name: 'a value from the environment that does not fit',
    text: `routes: [{ path: /a, timeout: "\${T}", match: { headers: { a: "~\${E}" } } }]\n`,
    options: { environment: { T: 's3cret', E: '(s3cret' } },
    expected: [
      `1:31 error[FM010] \`\${T}\` is not a duration`,
      `1:62 error[FM041] the regular expression \`~\${E}\` does not compile`,
    ],
  },
  {
    name: 'a service whose settings make no sense',
    text: `services:
  a:
    urls: ["http://a1", { url: "http://a2", weight: -1 }, { wieght: 2 }]
    balance: fastest
    outlier: { failures: many, max_ejected: 10, interval: 0s, success_rate: { min_endpoints: 1 } }
    health: { interval: 10 }
  b:
    urls: ["http://b1", "http://b2"]
    balance: { policy: random, panik: 50% }
    outlier: true
    health: /healthz
routes: [{ path: /a, to: a }, { path: /b, to: b }]
`,
    expected: [
      '3:53 error[FM016] `weight` must be a number from 0 to 1000000, not `-1`',
      '3:61 error[FM001] unknown key `wieght` in an endpoint',
      '3:61 error[FM014] an endpoint needs `url`',
      '4:14 error[FM015] `balance` must be one of least_request, round_robin, random, peak_ewma, not `fastest`',
      '5:26 error[FM013] `failures` must be a whole number from 0 to 1000000, not text',
      '5:45 error[FM011] `max_ejected` needs a percent sign',
      '5:59 error[FM016] `interval` must be longer than nothing',
      '5:94 error[FM016] `min_endpoints` must be a whole number from 2 to 1000000, not `1`',
      '6:15 error[FM014] `health` of a service needs `path`',
      '6:25 error[FM011] `interval` needs a unit',
      '9:32 error[FM001] unknown key `panik` in `balance`',
      '10:14 error[FM013] `outlier` must be a map, not true or false',
      '11:13 error[FM013] `health` must be a map, not text',
    ],
  },
  {
    name: 'a service whose settings contradict each other',
    text: `services:
  a:
    urls: [{ url: "http://a1", weight: 0 }, { url: "http://a2", weight: 0 }]
    outlier: { failures: 0 }
    health: { path: /healthz, timeout: 20s }
  b:
    urls: ["http://b1", "http://b2"]
    outlier: { max_eject_for: 10s }
    health: { path: /healthz, interval: 50ms }
  c:
    urls: ["http://c1", "http://c2"]
    outlier: { max_ejected: 0% }
  d:
    urls: ["http://d1", "http://d2"]
    outlier: { failure_rate: { threshold: 0% } }
  e:
    url: "http://e1"
    balance: random
    outlier: {}
routes: [{ path: /**, to: { a: 20, b: 20, c: 20, d: 20, e: 20 } }]
`,
    expected: [
      '3:11 error[FM038] no endpoint has a weight',
      '4:14 error[FM038] `outlier` counts nothing',
      '5:40 error[FM038] `timeout` of a check is longer than `interval`',
      '8:31 error[FM038] `max_eject_for` is shorter than `eject_for`',
      '9:41 error[FM038] endpoints would be asked more than ten times a second',
      '12:29 error[FM038] no endpoint may be left out',
      '15:43 error[FM038] endpoints without a single failure would be left out',
      '18:5 warning[FM039] `balance` has nothing to decide',
      '19:5 warning[FM039] `outlier` has nothing to decide',
    ],
  },
  {
    name: 'faults that are wrong',
    text: withRoute(`path: /f
    to: web
    fault: { abort: 99, delay: 5, percent: 0.1, until: tomorrow, max_active: 0, onlyif: {} }
  - { path: /g, to: web, fault: { delay: { percent: 5% }, abort: { status: 204 } } }
  - { path: /h, to: web, fault: { abort: 503, percent: 5%, only_if: { headers: { a: 1 } } } }
`),
    expected: [
      '9:21 error[FM016] `abort` must be a status from 200 to 599 with a body, not `99`',
      '9:32 error[FM011] `delay` needs a unit',
      '9:44 error[FM011] `percent` needs a percent sign',
      '9:56 error[FM017] `tomorrow` is not a moment',
      '9:78 error[FM016] `max_active` must be a whole number of 1 or more, not `0`',
      '9:81 error[FM001] unknown key `onlyif` in `fault`',
      '10:44 error[FM014] `delay` needs `fixed`',
      '10:76 error[FM016] `status` must be a status from 200 to 599 with a body, not `204`',
      '11:85 error[FM012] `a` is compared with text',
    ],
  },
  {
    name: 'faults without a share, an end, or anything to inject',
    text: withRoute(`{ path: /f, to: web, fault: { abort: 503 } }
  - { path: /g, to: web, fault: { percent: 5%, until: 2099-12-31T00:00:00Z } }
  - { path: /h, to: web, fault: { delay: { fixed: 1s, percent: 5% }, only_if: { query: { q: "a*b" } } } }
  - { path: /i, to: web, fault: { header_trigger: true, until: 2099-12-31 } }
`),
    expected: [
      '7:26 error[FM014] `fault` needs `percent`',
      '7:26 warning[FM087] this fault has no end and is for everybody',
      '8:26 error[FM014] `fault` needs `delay` or `abort`',
      '9:93 warning[FM043] `*` stands for itself here',
      '10:26 error[FM014] `fault` needs `percent`',
    ],
  },
  {
    name: 'a fault without an end under defaults, told once',
    text: `defaults: { fault: { delay: 1s, percent: 5% } }
routes: [{ path: /a }, { path: /b }, { path: /c, fault: off }]
`,
    expected: [
      '1:13 warning[FM087] this fault has no end and is for everybody',
      '2:18 info[FM021] 3 routes name no upstream, this one first',
    ],
  },
  {
    name: 'mirrors that lead nowhere, to where requests go anyway, or with the credentials of strangers',
    text: withRoute(`{ path: /m, to: web, mirror: { percent: 5% } }
  - { path: /n, to: users@v1, mirror: users@v3 }
  - { path: /o, to: { users@v1: 50, users@v2: 50 }, mirror: users@v2 }
  - { path: /p, to: web, mirror: [{ to: users@v2, credentials: include }] }
  - { path: /q, to: users@v1, mirror: { to: users@v2, credentials: include } }
  - { path: /r, to: web, mirror: users }
`),
    expected: [
      '7:36 error[FM014] `mirror` needs `to`',
      '8:39 error[FM020] unknown version `users@v3`',
      '9:61 warning[FM081] requests are copied to where they go anyway',
      '10:64 warning[FM086] another service gets the credentials of the callers',
      '12:34 error[FM027] `users` has several versions',
    ],
  },
  {
    name: 'fallbacks of no kind, of both, and of what never happens',
    text: withRoute(`{ path: /f, to: web, fallback: { when: [503] } }
  - { path: /g, to: web, fallback: { to: users@v1, respond: { body: a } } }
  - { path: /h, to: web, fallback: { to: users@v1, when: [200, 4xx] } }
  - { path: /i, to: web, fallback: { respond: { status: 204, body: a } } }
`),
    expected: [
      '7:26 error[FM083] `fallback` needs either `respond` or `to`',
      '8:26 error[FM083] `fallback` needs either `respond` or `to`',
      '9:59 error[FM016] an entry of `when` must be a status from 400 to 599, not `200`',
      '9:64 error[FM015] an entry of `when` must be one of 5xx, connect, reset, timeout, deadline_exceeded, circuit_breaker_open, bulkhead_full, throttled, shed, rate_limited, no_healthy_upstream, store_unavailable, fault_injected, not `4xx`',
      '10:68 error[FM016] a response with status 204 has no body',
    ],
  },
  {
    name: 'headers that cannot be set, and secrets',
    text: withRoute(`path: /h
    to: web
    headers:
      request: { set: { Host: a, connection: b, "a b": c, x: "d\\n" }, remove: [] }
      response: { add: { authorization: Bearer abc } }
  - { path: /i, to: web, headers: { request: { set: { authorization: Bearer abc } } } }
`),
    expected: [
      '10:25 error[FM084] `Host` cannot be set',
      '10:34 error[FM084] `connection` cannot be set',
      '10:49 error[FM017] `a b` is not a header name',
      '10:62 error[FM017] `d\\n` cannot be the value of a header',
      '10:79 error[FM016] `remove` is an empty list',
      '12:70 warning[FM072] the value of `authorization` looks like a secret in plain text',
    ],
  },
  {
    name: 'rewrites and redirects that cannot be',
    text: withRoute(`{ path: "~^/r", to: web, rewrite: { prefix: /a } }
  - { path: /s, to: web, rewrite: { path: /a, prefix: /b, host: "http://c" } }
  - { path: /t, to: web, rewrite: { regex: { match: "(a+)+", to: /b } } }
  - { path: /u2, to: web, rewrite: { path: a } }
  - { path: /v, to: web, rewrite: {} }
  - { path: /w, redirect: { status: 304, port: 0, host: "a:80" } }
  - { path: /x, redirect: "ftp://a" }
  - { path: /y, redirect: { status: 301 } }
  - { path: /z, redirect: { path: /a, regex: { match: a, to: b } } }
`),
    expected: [
      '7:49 error[FM085] the path of this route has no prefix to replace',
      '8:65 error[FM018] `http://c` is not a host',
      '9:53 error[FM042] the regular expression `(a+)+` may take very long',
      '10:44 error[FM019] `a` is not a path',
      '11:26 error[FM014] `rewrite` changes nothing',
      '12:37 error[FM015] `status` must be one of 301, 302, 303, 307, 308, not `304`',
      '12:48 error[FM016] `port` must be a port from 1 to 65535, not `0`',
      '12:57 error[FM018] `a:80` is not a host',
      '13:27 error[FM023] `ftp://a` is neither a path nor an http or https URL',
      '14:17 error[FM014] `redirect` leads nowhere else',
      '15:39 error[FM083] `path` and `regex` exclude each other',
    ],
  },
  {
    name: 'routes that answer by themselves, and more besides',
    text: withRoute(`{ path: /r, respond: { body: a }, redirect: /b }
  - { path: /s, respond: {}, to: web, timeout: 1s, retries: 1, backoff: linear, mirror: web }
  - { path: /t, respond: { status: 204, body: a } }
`),
    expected: [
      '7:17 error[FM083] `redirect` and `respond` exclude each other',
      '8:30 warning[FM082] `to` has no effect beside `respond`',
      '8:39 warning[FM082] `timeout` has no effect beside `respond`',
      '8:52 warning[FM082] `retries` has no effect beside `respond`',
      '8:64 warning[FM082] `backoff` has no effect beside `respond`',
      '8:81 warning[FM082] `mirror` has no effect beside `respond`',
      '9:47 error[FM016] a response with status 204 has no body',
    ],
  },
  {
    name: 'a breaker of two minds',
    text: withRoute('{ path: /b, to: web, breaker: { failures: 5, error_rate: 50% } }'),
    expected: ['7:50 error[FM090] `error_rate` beside `failures`'],
  },
  {
    name: 'breakers that make no sense, on a route and under the defaults',
    text: `${services}defaults: { breaker: { slow_rate: 50%, window: 1m, last_requests: 10 } }
routes:
  - { path: /a, to: web, breaker: { open_for: 1m, max_open_for: 30s, error_rate: 0% } }
  - { path: /u, to: users@v1, breaker: { slow_after: 1s, half_open: 0 } }
`,
    expected: [
      '4:24 error[FM090] `slow_rate` without `slow_after`',
      '4:40 error[FM090] `window` beside `last_requests`',
      '4:52 error[FM090] the breaker can never open: it wants 20 calls and looks at 10',
      '6:51 error[FM090] `max_open_for` is shorter than `open_for`, 1m',
      '6:70 error[FM016] `error_rate` must be more than 0%',
      '7:69 error[FM016] `half_open` must be a whole number from 1 to 1000, not `0`',
    ],
  },
  {
    name: 'a breaker whose numbers have no unit, or too much of one',
    text: withRoute('{ path: /b, to: web, breaker: { error_rate: 50, window: 10, open_for: 5 } }'),
    expected: [
      '7:49 error[FM011] `error_rate` needs a percent sign',
      '7:61 error[FM011] `window` needs a unit',
      '7:75 error[FM011] `open_for` needs a unit',
    ],
  },
  {
    name: 'a breaker that its limit keeps closed, with tries counted, unless callers are told apart',
    text: `${services}defaults: { breaker: { error_rate: 50%, min_requests: 40, window: 10s } }
routes:
  - { path: /a, to: web, rate_limit: { limit: 1, per: 1s, burst: 5, by: route } }
  - { path: /b, to: web, rate_limit: { limit: 1, per: 1s, burst: 5, by: ip } }
  - { path: /c, to: web, rate_limit: { limit: 1, per: 1s, burst: 5, by: global }, retries: 2 }
  - { path: /d, to: users@v1, rate_limit: { limit: 4, per: 1s, by: global } }
`,
    expected: ['4:55 warning[FM092] the breaker can never open: it wants 40 calls in 10s'],
  },
  {
    name: 'origins that are none, and one that is too much',
    text: withRoute(
      '{ path: /b, to: web, cors: { origins: [shop.example, "*"], credentials: true } }',
    ),
    expected: ['7:44 error[FM018] `shop.example` is not an origin'],
  },
  {
    name: 'credentials for every page',
    text: withRoute('{ path: /b, to: web, cors: { origins: "*", credentials: true } }'),
    expected: ['7:61 error[FM083] `credentials: true` and the origin `*` exclude each other'],
  },
  {
    name: 'proxies that are none',
    text: `${services}trusted_proxies: [10.0.0.0/33, proxy.internal, 10.0.0.0/8]
routes: [{ path: /a, to: web }, { path: /b, to: users@v1 }]
`,
    expected: [
      '4:19 error[FM017] `10.0.0.0/33` is neither an address nor a network',
      '4:32 error[FM017] `proxy.internal` is neither an address nor a network',
    ],
  },
  {
    name: 'too many proxies',
    text: `${services}trusted_proxies: { hops: 11 }
routes: [{ path: /a, to: web }, { path: /b, to: users@v1 }]
`,
    expected: ['4:26 error[FM016] `hops` must be a whole number from 1 to 10, not `11`'],
  },
  {
    name: 'a bulkhead where nobody waits, and a throttle that never lets go',
    text: withRoute(
      '{ path: /b, to: web, bulkhead: { limit: 5, max_wait: 1s }, throttle: { max_rejection: 100% } }',
    ),
    expected: [
      '7:48 error[FM091] `max_wait` without a queue',
      '7:76 error[FM016] `max_rejection` must be more than 0% and less than 100%',
    ],
  },
  {
    name: 'a bulkhead without a limit, or none at all',
    text: withRoute('{ path: /b, to: web, bulkhead: { queue: 5 }, throttle: 2 }'),
    expected: [
      '7:38 error[FM014] `bulkhead` needs `limit`',
      '7:60 error[FM013] `throttle` must be a map or `off`, not a number',
    ],
  },
  {
    name: 'blocks of later versions',
    text: `${services}admin: {}
routes:
  - { path: /a, to: web, retries: { max: 1 }, canary: {} }
  - { path: /b, to: users@v1 }
`,
    expected: [
      '4:1 error[FM060] `admin` is not available in this version',
      '6:47 error[FM060] `canary` is not available in this version',
    ],
  },
  {
    name: 'an access log that is wrong in several ways',
    text: withRoute(`path: /b
    to: web
telemetry:
  logs: { format: text, sample: 10, query: 1, headers: ["a b"], redact: [], reduct: [x] }`),
    expected: [
      '10:19 error[FM015] `format` must be `json`, not `text`',
      '10:33 error[FM011] `sample` needs a percent sign',
      '10:44 error[FM013] `query` must be true or false, not a number',
      '10:57 error[FM017] `a b` is not a header name',
      '10:73 error[FM016] `redact` is an empty list',
      '10:77 error[FM001] unknown key `reduct` in `logs`',
    ],
  },
  {
    name: 'a block of a later version, misspelled',
    text: 'routes: [{ path: /a, ratelimit: 5 }]\n',
    expected: ['1:22 error[FM001] unknown key `ratelimit` in a route'],
  },
  {
    name: 'limits that are wrong in several ways',
    text: withRoute(`path: /b
    to: web
    rate_limit:
      - { limit: 0, per: 60, burst: 0.5, by: [cokie:sid, ip/8, "jwt:sub"], anonymous: open }
      - { limit: 10, per: 0s, name: "größer", enforce: 1, on_store_error: deny, bust: 5 }
      - { limit: 10 }`),
    expected: [
      '10:18 error[FM016] `limit` must be a whole number from 1 to 1000000000, not `0`',
      '10:26 error[FM011] `per` needs a unit',
      '10:37 error[FM016] `burst` must be a whole number from 1 to 1000000000, not `0.5`',
      '10:47 error[FM017] `cokie:sid` is not a key expression',
      '10:58 error[FM016] `ip/8` counts no network of IPv6',
      '10:87 error[FM015] `anonymous` must be one of shared, skip, not `open`',
      '11:27 error[FM016] `per` must be longer than nothing',
      '11:37 error[FM017] `größer` cannot be the name of a limit',
      '11:56 error[FM013] `enforce` must be true or false, not a number',
      '11:75 error[FM015] `on_store_error` must be one of local, open, closed, not `deny`',
      '11:81 error[FM001] unknown key `bust` in `rate_limit`',
      '12:11 error[FM014] `rate_limit` needs `per`',
    ],
  },
  {
    name: 'a limit that is no block',
    text: withRoute('{ path: /b, to: web, rate_limit: 100 }'),
    expected: ['7:38 error[FM013] `rate_limit` must be `off`, a map or a list, not a number'],
  },
  {
    name: 'a store that cannot be',
    text: `state: { store: "postgres://db/x", mode: best, breakers: some, instances: 0, name: x }
${services}routes: [{ path: /a, to: users@v1 }, { path: /b, to: web }]
`,
    expected: [
      '1:17 error[FM017] `postgres://db/x` is not the URL of a store, such as redis://10.0.0.5:6379, rediss://…, memory: or deno-kv:PATH',
      '1:42 error[FM015] `mode` must be one of leased, exact, not `best`',
      '1:58 error[FM015] `breakers` must be one of quorum, any, alone, not `some`',
      '1:75 error[FM016] `instances` must be a whole number from 1 to 10000, not `0`',
      '1:78 error[FM001] unknown key `name` in `state`',
    ],
  },
  {
    name: 'a password in the rules',
    text: `state: { store: "redis://:hunter2@10.0.0.5" }
${services}routes: [{ path: /a, to: users@v1 }, { path: /b, to: web }]
`,
    expected: ['1:17 error[FM017] the URL of a store holds a password'],
  },
  {
    name: 'certificates that cannot be',
    text: `tls: { cert: server.pem, client_cert: maybe, ca: x }
${services}trusted_proxies: { client_certificates: true }
routes: [{ path: /a, to: users@v1 }, { path: /b, to: web }]
`,
    expected: [
      '1:8 error[FM014] `tls` needs `key`',
      '1:39 error[FM015] `client_cert` must be one of required, optional, not `maybe`',
      '1:46 error[FM001] unknown key `ca` in `tls`',
      '5:1 error[FM014] `trusted_proxies` needs `hops` or `networks`',
    ],
  },
  {
    name: 'certificates for upstreams that cannot be',
    text: `services:
  plain: { url: "http://plain.internal", tls: { ca: ca.pem } }
  half: { url: "https://half.internal", tls: { cert: web.pem, server_name: "a b" } }
  keyless: { url: "https://keyless.internal", tls: { cert: web.pem } }
  certless: { url: "https://certless.internal", tls: { key: web.key } }
  empty: { url: "https://empty.internal", tls: {} }
routes: [{ path: /, to: { plain: 20, half: 20, keyless: 20, certless: 20, empty: 20 } }]
`,
    expected: [
      '2:47 error[FM038] `tls` of a service that is reached without TLS',
      '3:76 error[FM017] `a b` is not a host name',
      '4:60 error[FM038] `cert` needs `key`',
      '5:61 error[FM038] `key` needs `cert`',
      '6:48 error[FM038] `tls` says nothing',
    ],
  },
  {
    name: 'certificates for upstreams, given to a Worker without a binding',
    text: `services: { web: { url: "https://web.internal", tls: { ca: ca.pem } } }
routes: [{ path: /, to: web }]
`,
    options: { target: 'worker' },
    expected: [
      '1:49 warning[FM046] a Worker cannot carry out `tls` of `web`, and refuses these rules',
    ],
  },
  {
    name: 'proxies that are counted and named',
    text: `trusted_proxies: { hops: 1, networks: 10.0.0.0/8 }
routes: [{ path: /a, respond: { status: 204 } }]
`,
    expected: ['1:1 error[FM083] `hops` and `networks` exclude each other'],
  },
  {
    name: 'maps that are none, where an empty one would do something else',
    text: `${services}routes:
  - { path: /a, to: web, allow: [admin] }
  - { path: /b, to: web, deny: admin }
  - { path: /c, to: users@v1, match: canary, rewrite: /x }
`,
    expected: [
      '5:34 error[FM013] `allow` must be a map, not text',
      '6:32 error[FM015] `deny` must be `off`, a map or a list, not `admin`',
      '7:38 error[FM013] `match` must be a map or a list, not text',
      '7:55 error[FM013] `rewrite` must be a map, not text',
    ],
  },
  {
    name: 'limits of requests that are wrong in several ways',
    text: `limits: { url: 8192, headers: 60 KiB, header_count: 0, concurrent: many, path: 1KiB }
${services}routes:
  - { path: /a, to: users@v1, limits: { body: lots, body_rate: 1kbit, url: 1KiB } }
  - { path: /b, to: users@v1, limits: none }
`,
    expected: [
      '1:16 error[FM011] `url` needs a unit',
      '1:31 error[FM017] `60 KiB` is not a size',
      '1:53 error[FM016] `header_count` must be a whole number from 1 to 1000000, not `0`',
      '1:68 error[FM013] `concurrent` must be a whole number from 1 to 1000000, not text',
      '1:74 error[FM001] unknown key `path` in `limits` of the file',
      '3:3 info[FM024] service `web` is not used',
      '6:47 error[FM017] `lots` is not a size',
      '6:64 error[FM017] `1kbit` is not a size',
      '6:71 error[FM001] unknown key `url` in `limits` of a route',
      '7:39 error[FM015] `limits` must be a map or `off`, not `none`',
    ],
  },
  {
    name: 'limits that a platform cannot keep',
    text: withRoute(
      '{ path: /b, to: web, rate_limit: { limit: 5, per: 1h, burst: 2, max_wait: 1s, mode: platform } }',
    ),
    expected: [
      '7:55 error[FM093] a platform counts over `10s` or over `60s`',
      '7:66 error[FM093] the limit of a platform has no burst',
      '7:79 error[FM093] a platform keeps nobody waiting',
    ],
  },
  {
    name: 'limits that cannot be told apart',
    text: withRoute(`path: /b
    to: web
    rate_limit: [{ limit: 5, per: 60s }, { limit: 5, per: 1m }, { name: x, limit: 1, per: 1s }, { name: x, limit: 2, per: 1s }]`),
    expected: [
      '9:42 error[FM028] the same limit twice',
      '9:97 error[FM028] two limits are called `x`',
    ],
  },
  {
    name: 'a wait that leaves no time for an answer, once for two routes and once for another',
    text: `${services}defaults: { timeout: 1s, rate_limit: { limit: 5, per: 1s, max_wait: 1s } }
routes:
  - { path: /a, to: web }
  - { path: /u, to: users@v1 }
  - { path: /c, to: users@v2, timeout: 2s }
  - { path: /d, to: web, rate_limit: off }
  - { path: /e, to: web, timeout: 500ms, rate_limit: [{ limit: 5, per: 1s, max_wait: 499ms }] }
`,
    expected: ['4:69 warning[FM044] `max_wait` is no shorter than the timeout'],
  },
  {
    name: 'shedding that is wrong in several ways',
    text: `${services}defaults: { shed: { from: 100, full: 100 } }
routes:
  - { path: /a, to: web }
  - { path: /u, to: users@v1 }
  - { path: /v, to: users@v2, shed: { from: 0, full: 2, priority: urgent, retry_after: 0s } }
  - { path: /w, to: web, shed: { full: 2, priority: critical } }
`,
    expected: [
      '4:38 error[FM045] `full` is not above `from`',
      '8:45 error[FM016] `from` must be a whole number from 1 to 1000000, not `0`',
      '8:67 error[FM015] `priority` must be one of background, low, normal, high, critical, not `urgent`',
      '8:88 error[FM016] `retry_after` must be longer than nothing',
      '9:34 error[FM014] `shed` needs `from`',
    ],
  },
  {
    name: 'telemetry that is wrong in several ways',
    text: `telemetry:
  metrics: { path: metrics, names: prometheus }
  traces: { sample: 0.1, propagation: [b4], otlp: localhost:4318 }
  revision_header: yes
routes: [{ path: /a }]
`,
    expected: [
      '2:20 error[FM019] `metrics` is not a path',
      '2:36 error[FM015] `names` must be one of article, otel, istio, not `prometheus`',
      '3:21 error[FM011] `sample` needs a percent sign',
      '3:40 error[FM015] an entry of `propagation` must be one of w3c, b3, b3multi, not `b4`',
      '3:51 error[FM023] `localhost:4318` has no scheme',
      '4:20 error[FM013] `revision_header` must be true or false, not text',
    ],
  },
  {
    name: 'telemetry that is legal and unwise',
    text: `telemetry:
  traces: { sample: 100%, otlp: "http://localhost:4317" }
routes: [{ path: /a }]
`,
    expected: [
      '2:21 warning[FM070] every trace is recorded',
      '2:33 warning[FM071] port 4317 is the gRPC port of OTLP',
      '3:18 info[FM021] a route names no upstream',
    ],
  },
  {
    name: 'a share above 100 %',
    text: `telemetry: { traces: { sample: 110% } }
routes: [{ path: /a }]
`,
    expected: ['1:32 error[FM016] `110%` is more than all'],
  },
  {
    name: 'routes on paths of ours',
    text: `telemetry: { metrics: { path: /metrics } }
health: { path: /healthz, ready_path: /healthz }
routes:
  - path: /metrics/**
  - path: /healthz
  - path: /**
`,
    expected: [
      '2:39 error[FM026] `/healthz` is used for two things',
      '4:11 warning[FM026] route `/metrics/**` claims a path that the gateway answers itself',
      '5:11 warning[FM026] route `/healthz` claims a path that the gateway answers itself',
    ],
  },
  {
    name: 'health without a path',
    text: `health: { ready_path: /readyz }
routes: [{ path: /a }]
`,
    expected: ['1:11 error[FM014] `health` needs `path`'],
  },
  {
    name: 'a pattern as a path of ours',
    text: `health: { path: /health/* }
routes: [{ path: /a }]
`,
    expected: ['1:17 error[FM019] `/health/*` is not a path'],
  },
  {
    name: 'a byte order mark and CRLF',
    text: `\ufeffroutes:\r
  - path: /a\r
    timeout: 3\r
`,
    expected: ['3:14 error[FM011] `timeout` needs a unit'],
  },
  {
    name: 'JSON',
    text: `{
\t"routes": [
\t\t{ "path": "/a", "timeout": 3 }
\t]
}
`,
    expected: ['3:30 error[FM011] `timeout` needs a unit'],
  },
  {
    name: 'characters that steer a terminal',
    text: 'routes: [{ path: /a, "\\e[2J\\u202eevil": 1 }]\n',
    expected: ['1:22 error[FM001] unknown key `\\u001b[2J\\u202eevil` in a route'],
  },
  {
    name: 'an auth that routes misname',
    text: `${services}auth: { main: { issuer: id, jwks: "https://id.example/jwks" } }
routes:
  - { path: /a, to: web, auth: mian }
  - { path: /u, to: users@v1, auth: { jwt: other } }
`,
    expected: ['6:32 error[FM100] unknown auth `mian`', '7:44 error[FM100] unknown auth `other`'],
  },
  {
    name: 'an auth that there is none of',
    text: `${services}routes:
  - { path: /a, to: web, auth: main }
  - { path: /u, to: users@v1, auth: off }
`,
    expected: ['5:32 error[FM100] unknown auth `main`'],
  },
  {
    name: 'claims that nobody verifies',
    text: `${services}defaults: { rate_limit: { limit: 5, per: 1s, by: [ip, "jwt:sub"] } }
routes:
  - { path: /a, to: web, match: { claims: { role: admin } } }
  - { path: /b, to: web, allow: [{ ips: 10.0.0.0/8 }, { claims: { role: admin }, subjects: ada }] }
  - { path: /u, to: { users@v1: 50, users@v2: 50 }, sticky: { by: "jwt:sub" } }
`,
    expected: [
      '4:55 error[FM101] `jwt:sub` without `auth`',
      '6:35 error[FM101] a condition on claims without `auth`',
      '7:57 error[FM101] `claims` without `auth`',
      '7:82 error[FM101] `subjects` without `auth`',
      '8:67 error[FM101] `jwt:sub` without `auth`',
    ],
  },
  {
    name: 'issuers without keys, with two, over http and for nobody',
    text: `${services}auth:
  none: { issuer: id }
  both: { issuer: id, jwks: "https://id.example/jwks", secret: { env: JWT_SECRET } }
  open: { issuer: id, jwks: "http://id.example/jwks" }
  near: { issuer: id, jwks: { url: "http://127.0.0.1:9000/jwks", refresh: 1m } }
routes:
  - { path: /a, to: web, auth: none }
  - { path: /b, to: web, auth: both }
  - { path: /c, to: web, auth: open }
  - { path: /u, to: users@v1 }
`,
    expected: [
      '5:3 error[FM102] an `auth` needs one of `jwks`, `public_key` and `secret`',
      '6:3 error[FM102] an `auth` needs one of `jwks`, `public_key` and `secret`',
      '7:29 warning[FM104] the keys come over http',
      '8:3 info[FM105] no route asks for tokens of `near`',
    ],
  },
  {
    name: 'an issuer that is wrong in many ways',
    text: `${services}auth:
  main:
    issuer: ""
    secret: hunter2hunter2
    jwks: { url: "https://user:pass@id.example/", refresh: 0s, cooldown: 5s }
    public_key: { pem: MIIB, algorithm: HS256 }
    algorithms: [none, RS256]
    from: { headers: { "a b": x } }
    clock_skew: 10m
    forward: "yes"
    claim_headers: { x-user: "a[b]" }
  "a b": { issuer: id }
routes: [{ path: /a, to: web, auth: main }, { path: /u, to: users@v1, auth: [] }]
`,
    expected: [
      '6:13 error[FM017] `` is not a text without space around it',
      '7:13 error[FM013] `secret` must be a map, not text',
      '8:18 error[FM023] `https://***@id.example/` carries credentials',
      '8:60 error[FM016] `refresh` must be longer than nothing',
      '8:64 error[FM001] unknown key `cooldown` in `jwks`',
      '9:24 error[FM017] `pem` is not a public key in PEM',
      '9:41 error[FM015] `algorithm` must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519, not the value',
      '10:18 error[FM015] an entry of `algorithms` must be one of RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, EdDSA, Ed25519, HS256, HS384, HS512, not `none`',
      '11:24 error[FM017] `a b` is not a header name',
      '12:17 error[FM016] `10m` is too long for `clock_skew`',
      '13:14 error[FM013] `forward` must be true or false, not text',
      '14:30 error[FM017] `a[b]` is not the name of a claim',
      '15:3 error[FM017] `a b` is not the name of an `auth`',
      '16:77 error[FM013] `auth` must be the name of an `auth` or a map, not a list',
    ],
  },
  {
    name: 'an allow that is wrong, or lets everybody in',
    text: `${services}auth: { main: { issuer: id, jwks: "https://id.example/jwks" } }
routes:
  - { path: /a, to: web, allow: [{}, { ips: 10.0.0.0/33, methods: get, claim: {} }] }
  - { path: /b, to: web, allow: {} }
  - { path: /c, to: web, auth: { jwt: main, allow: { claims: { a: b } } }, allow: { ips: 10.0.0.1 } }
  - { path: /d, to: web, auth: { allow: [] } }
  - { path: /u, to: users@v1 }
`,
    expected: [
      '6:45 error[FM017] `10.0.0.0/33` is neither an address nor a network',
      '6:67 error[FM017] `get` is not an HTTP method',
      '6:72 error[FM001] unknown key `claim` in `allow`',
      '7:33 warning[FM103] this entry lets everybody in',
      '8:45 error[FM083] `allow` twice',
      '9:34 error[FM014] `auth` needs `jwt`',
      '9:41 error[FM016] `allow` is an empty list',
    ],
  },
  {
    name: 'a deny that is wrong, or keeps everybody out, and lists that are only tried out',
    text: `${services}auth: { main: { issuer: id, jwks: "https://id.example/jwks" } }
routes:
  - { path: /a, to: web, deny: [{}, { ips: 10.0.0.0/33, not: { method: GET, ports: 0 } }] }
  - { path: /b, to: web, deny: { not: {} } }
  - { path: /c, to: web, allow: { methods: GET, dry_run: true } }
  - { path: /d, to: web, allow: [{ methods: GET, dry_run: true }, { methods: PUT }], deny: { dry_run: yes } }
  - { path: /e, to: web, auth: { jwt: main, deny: {} } }
  - { path: /u, to: users@v1 }
`,
    expected: [
      '4:9 info[FM105] no route asks for tokens of `main`',
      '6:44 error[FM017] `10.0.0.0/33` is neither an address nor a network',
      '6:64 error[FM001] unknown key `method` in `not`',
      '6:84 error[FM016] `ports` must be a port from 1 to 65535, not `0`',
      '7:32 warning[FM107] this entry keeps everybody out',
      '8:26 info[FM108] `allow` is only tried out',
      '9:103 error[FM013] `dry_run` must be true or false, not text',
      '10:45 error[FM001] unknown key `deny` in `auth`',
    ],
  },
  {
    name: 'a choice by headers that a token or an authorizer tells afterwards',
    text: `${services}auth: { main: { issuer: a, jwks: "https://a.example/jwks", claim_headers: { X-User: sub }, payload_header: x-token } }
defaults: { auth: main }
routes:
  - { path: /a, to: web, match: { headers: { x-user: ada, x-other: b } }, rate_limit: { limit: 1, per: 1s, by: "header:x-user" } }
  - { path: /b, to: web, match: [{ headers: { x-other: b } }, { headers: { x_token: "*" } }] }
  - { path: /c, to: { users@v1: 50, users@v2: 50 }, sticky: { by: ["cookie:sid", "header:X-User"] } }
  - { path: /d, to: { users@v1: 50, users@v2: 50 }, sticky: { by: "header:x-group" } }
  - { path: /e, to: web, authorizer: { to: web, forward: X-Group }, allow: { headers: { x-user: ada, x-group: staff } } }
`,
    expected: [
      '7:46 warning[FM109] `x-user` is what the client wrote when a route is chosen',
      '8:76 warning[FM109] `x_token` is what the client wrote when a route is chosen',
      '9:82 warning[FM109] `X-User` is what the client wrote when a route is chosen',
      '10:67 warning[FM109] `x-group` is what the client wrote when a route is chosen',
    ],
  },
  {
    name: 'an authorizer that is not there, or wrong',
    text: `${services}defaults: { authorizer: { to: gate } }
routes:
  - { path: /a, to: web }
  - { path: /b, to: web, authorizer: { to: wbe, path: check, headers: a b } }
  - { path: /c, to: web, authorizer: { path: /check, timeout: 0s } }
  - { path: /d, to: web, authorizer: "http://gate.internal" }
  - { path: /e, to: web, authorizer: { to: users } }
  - { path: /u, to: users@v1, authorizer: off }
`,
    expected: [
      '4:31 error[FM020] unknown service `gate`',
      '7:55 error[FM019] `check` is not a path',
      '7:71 error[FM017] `a b` is not a header name',
      '8:40 error[FM014] `authorizer` needs `to`',
      '8:63 error[FM016] `timeout` must be longer than nothing',
      '9:38 error[FM015] `authorizer` must be `off` or a map, not `http://gate.internal`',
      '10:44 error[FM027] `users` has several versions',
    ],
  },
  {
    name: 'a deny by what nobody has',
    text: `routes:
  - { path: /a, deny: [{ roles: guest }, { not: { roles: admin, claims: { a: b } } }] }
  - { path: /b, deny: { subjects: ada } }
`,
    expected: [
      '2:26 error[FM106] `roles` of nowhere',
      '2:51 error[FM106] `roles` of nowhere',
      '2:65 error[FM101] `claims` without `auth`',
      '3:25 error[FM101] `subjects` without `auth`',
    ],
  },
  {
    name: 'roles that stand nowhere, or that anybody can write',
    text: `roles: { trusted_ips: 10.0.0.0/8 }
routes: [{ path: /a, allow: { roles: admin } }]
`,
    expected: ['1:1 error[FM106] `roles` needs `claim` or `header`'],
  },
  {
    name: 'roles in a header of anybody',
    text: `roles: { header: x-user-role }
routes: [{ path: /a, allow: { roles: admin } }]
`,
    expected: ['1:10 error[FM106] a header with roles needs peers that are trusted'],
  },
  {
    name: 'roles that nobody has',
    text: `routes: [{ path: /a, allow: [{ methods: GET }, { roles: admin }] }]
`,
    expected: ['1:50 error[FM106] `roles` of nowhere'],
  },
  {
    name: 'an overlay that changes what is not there',
    text: `${services}routes:
  - { name: web, path: /a, to: web }
  - { name: one, path: /u, to: users@v1, match: { query: { q: a } } }
  - { name: two, path: /u, to: users@v2 }
`,
    options: {
      overlays: [
        {
          file: 'rules.prod.yaml',
          text: `services: { web: ~, wbe: ~ }
routes:
  - { name: wep, timeout: 1s }
  - { path: /u, timeout: 1s }
  - { timeout: 1s }
  - { name: two, timeout: 1s }
  - { name: two, timeout: 2s }
  - { name: web, timeout: 1 }
`,
        },
      ],
    },
    expected: [
      '5:32 error[FM020] unknown service `web`',
      '1:21 error[FM052] there is no `wbe` below to remove',
      '3:13 error[FM052] there is no route `wep` to change',
      '4:13 error[FM052] 2 routes have the path `/u`',
      '5:5 error[FM052] a route of an overlay needs `name` or `path`',
      '7:5 error[FM025] the overlay changes route `two` twice',
      '8:27 error[FM011] `timeout` needs a unit',
    ],
  },
  {
    name: 'an overlay that removes what is not there',
    text: 'services: { a: "http://a" }\nroutes: [{ name: r, path: /a, timeout: 1s }]\n',
    options: {
      overlays: [
        {
          file: 'rules.prod.yaml',
          text: 'routes: [{ name: r, timeout: ~, retries: ~ }]\nservices: { b: null }\n',
        },
      ],
    },
    expected: [
      '1:33 error[FM052] there is no `retries` below to remove',
      '2:13 error[FM052] there is no `b` below to remove',
    ],
  },
  {
    name: 'an overlay that removes what it does not merge with anything below',
    text: `services: { a: "http://a" }
routes: [{ name: r, path: /a, rate_limit: { limit: 1, per: 1s, burst: 2 } }]
x-notes: 1
`,
    options: {
      overlays: [
        {
          file: 'rules.prod.yaml',
          text: `routes:
  - { name: r, rate_limit: { limit: 3, per: 1s, burst: ~ } }
  - { path: /new, to: a, timeout: null, match: [{ headers: { x-env: ~ } }] }
defaults: { retries: { max: ~ } }
services: { b: { url: "http://b", balance: null } }
x-notes: { free: ~ }
`,
        },
      ],
    },
    expected: [
      '2:49 error[FM052] there is no `burst` to remove',
      '3:26 error[FM052] there is no `timeout` to remove',
      '3:62 error[FM052] there is no `x-env` to remove',
      '4:24 error[FM052] there is no `max` to remove',
      '5:13 info[FM024] service `b` is not used',
      '5:35 error[FM052] there is no `balance` to remove',
    ],
  },
  {
    name: 'a percentage with zeros in front',
    text: withRoute(
      '{ path: /b, to: web, fault: { delay: 1s, percent: 050%, only_if: { headers: { x-a: b } } } }',
    ),
    expected: ['7:55 error[FM017] `050%` is not a percentage'],
  },
  {
    name: 'an overlay that is no map',
    text: 'routes: [{ path: /a }]\n',
    options: { overlays: [{ file: 'rules.prod.yaml', text: '- path: /a\n' }] },
    expected: ['1:1 error[FM013] `rules.prod.yaml` must be a map, not a list'],
  },
  {
    name: 'files side by side that define the same twice',
    text: `version: 1
services: { web: "http://web.internal" }
routes: [{ name: a, path: /a, to: web }]
`,
    options: {
      parts: [
        {
          file: '20.yaml',
          text: `version: 1
services: { web: "http://other.internal" }
routes: [{ name: a, path: /b, to: web }]
`,
        },
      ],
    },
    expected: [
      '2:13 error[FM004] duplicate key `web`',
      '3:18 error[FM025] a second route is called `a`',
    ],
  },
  {
    name: 'a bomb of aliases',
    text: 'x-a: &a [x, x]\nx-b: &b [*a, *a]\nx-c: &c [*b, *b]\nroutes: *c\n',
    expected: [
      '1:6 error[FM003] `&a` is read by YAML as an anchor',
      '2:6 error[FM003] `&b` is read by YAML as an anchor',
      '2:10 error[FM003] `*a` is read by YAML as an alias',
      '2:14 error[FM003] `*a` is read by YAML as an alias',
      '3:6 error[FM003] `&c` is read by YAML as an anchor',
      '3:10 error[FM003] `*b` is read by YAML as an alias',
      '3:14 error[FM003] `*b` is read by YAML as an alias',
      '4:9 error[FM003] `*c` is read by YAML as an alias',
    ],
  },
  {
    name: 'a NUL, as it is and escaped',
    text: 'routes:\n  - path: /a\0b\n  - path: "/a\\0c"\n',
    expected: [
      '2:11 error[FM019] `/a\\u0000b` is not a path',
      '3:11 error[FM019] `/a\\u0000c` is not a path',
    ],
  },
  {
    name: 'half of a surrogate pair, as it is, escaped, and in a key',
    text: 'routes:\n  - path: /a\ud800b\n  - path: "/a\\udc00"\n    match: { query: { "q\\ud800": v, a: b } }\n',
    expected: [
      '2:11 error[FM002] half of a surrogate pair is no character',
      '3:11 error[FM002] half of a surrogate pair is no character',
      '4:23 error[FM002] half of a surrogate pair is no character',
    ],
  },
  {
    name: 'more than ten million characters',
    text: ' '.repeat(10_000_001),
    expected: [
      '1:1 error[FM007] the file has 10000001 characters; more than 10000000 are not read',
    ],
  },
  {
    name: 'characters that are wide, joined or combined, before what is wrong',
    text: `routes:
  - { name: 漢字, path: /a, timout: 3s }
  - { name: "😀👩‍👩‍👧", path: /b, timout: 3s }
  - { name: "e\u0301", path: /c, timout: 3s }
`,
    expected: [
      '2:13 error[FM017] `漢字` is not a route name',
      '2:27 error[FM001] unknown key `timout` in a route',
      '3:13 error[FM017] `😀👩‍👩‍👧` is not a route name',
      '3:37 error[FM001] unknown key `timout` in a route',
      '4:13 error[FM017] `e\u0301` is not a route name',
      '4:29 error[FM001] unknown key `timout` in a route',
    ],
  },
  {
    name: 'a tab behind a dash',
    text: 'routes:\n  -\tpath: /a\n\ttimeout: 3s\n',
    expected: [
      '2:4 error[FM002] a tab is no indentation in YAML',
      '3:1 error[FM002] a tab is no indentation in YAML',
    ],
  },
  {
    name: 'a byte order mark in the middle',
    text: 'routes:\n  - path: /a\n\ufeff    timeout: 3s\n',
    expected: ['3:1 error[FM001] unknown key `\\ufeff    timeout` in the file'],
  },
  {
    name: 'lines that end as on old Macintoshes',
    text: 'routes:\r  - path: /a\r    timout: 3s\r',
    expected: ['1:8 error[FM002] lines that end with a carriage return alone are one line in YAML'],
  },
  {
    name: '`__proto__` in quotes, as the name of a service, and `constructor`',
    text: `services: { __proto__: { url: "http://a" }, a: "http://a" }
routes: [{ path: /a, to: a, "__proto__": 1, constructor: {} }]
`,
    expected: [
      '1:13 error[FM001] unknown key `__proto__`',
      '2:29 error[FM001] unknown key `__proto__`',
      '2:45 error[FM001] unknown key `constructor` in a route',
    ],
  },
  {
    name: 'duplicate keys, one of them in quotes, one the name of a service',
    text: `services: { a: "http://a", a: "http://b" }
routes: [{ path: /a, "path": /b, to: a }]
`,
    expected: ['1:28 error[FM004] duplicate key `a`', '2:22 error[FM004] duplicate key `path`'],
  },
  {
    name: 'words that other readers of YAML take for numbers or for yes and no',
    text: 'routes: [{ path: /a, timeout: 1:30, retries: .inf, match: { query: { a: yes, b: ~ } } }]\n',
    expected: [
      '1:31 error[FM010] `1:30` is not a duration',
      '1:46 error[FM016] `retries` must be a whole number from 0 to 100, not `.inf`',
      '1:81 error[FM012] `b` is compared with text',
    ],
  },
];
