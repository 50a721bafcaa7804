/**
 * What the codes of diagnostics mean. A code is never given a second meaning.
 *
 * @module
 */

/** Names a kind of finding for good. */
export type Code =
  | 'FM001'
  | 'FM002'
  | 'FM003'
  | 'FM004'
  | 'FM005'
  | 'FM006'
  | 'FM007'
  | 'FM008'
  | 'FM009'
  | 'FM010'
  | 'FM011'
  | 'FM012'
  | 'FM013'
  | 'FM014'
  | 'FM015'
  | 'FM016'
  | 'FM017'
  | 'FM018'
  | 'FM019'
  | 'FM020'
  | 'FM021'
  | 'FM022'
  | 'FM023'
  | 'FM024'
  | 'FM025'
  | 'FM026'
  | 'FM027'
  | 'FM028'
  | 'FM029'
  | 'FM030'
  | 'FM031'
  | 'FM032'
  | 'FM033'
  | 'FM034'
  | 'FM035'
  | 'FM036'
  | 'FM037'
  | 'FM038'
  | 'FM039'
  | 'FM040'
  | 'FM041'
  | 'FM042'
  | 'FM043'
  | 'FM044'
  | 'FM045'
  | 'FM046'
  | 'FM047'
  | 'FM050'
  | 'FM051'
  | 'FM052'
  | 'FM060'
  | 'FM070'
  | 'FM071'
  | 'FM072'
  | 'FM080'
  | 'FM081'
  | 'FM082'
  | 'FM083'
  | 'FM084'
  | 'FM085'
  | 'FM086'
  | 'FM087'
  | 'FM090'
  | 'FM091'
  | 'FM092'
  | 'FM093'
  | 'FM100'
  | 'FM101'
  | 'FM102'
  | 'FM103'
  | 'FM104'
  | 'FM105'
  | 'FM106'
  | 'FM107'
  | 'FM108'
  | 'FM109';

/** What there is to say of a code. */
export interface CodeEntry {
  /** A few words. */
  readonly title: string;
  /** Why it matters and what to do, in plain text. */
  readonly explanation: string;
}

/** All codes, for `check --explain` and the documentation. */
export const codes: Readonly<Record<Code, CodeEntry>> = {
  FM001: {
    title: 'unknown key',
    explanation: `The rules language is strict: a key that it does not know is an error, since a misspelled timeout would otherwise
mean no timeout. Keys are written in snake_case. Keys that begin with x- are yours: they are allowed wherever the language
has keys of its own, and ignored.`,
  },
  FM002: {
    title: 'not YAML',
    explanation: `The file cannot be read as YAML 1.2 (of which JSON is a part). Nothing else is checked until it can. Frequent
causes: a tab in the indentation, a quote that is not closed, a colon within an unquoted text, braces of a path such as
/users/{id} inside a map that is itself written with braces (write /users/:id, or quote the path).`,
  },
  FM003: {
    title: 'read by YAML as an alias or anchor',
    explanation: `A value that starts with * is an alias in YAML, one that starts with & an anchor. What was meant is nearly always
text: "*.example.com", "*". Quote it. Real anchors and aliases are not part of the rules language: they hide where a value
comes from, and a few lines of them can unfold to gigabytes. What routes share goes under defaults.`,
  },
  FM004: {
    title: 'duplicate key',
    explanation: `A map has the same key twice. Readers of YAML disagree on which of the two counts, so neither does.`,
  },
  FM005: {
    title: 'merge key',
    explanation: `The merge key << belongs to YAML 1.1 and has no effect in YAML 1.2. What routes share goes under defaults, where a
route's own block replaces the block of the same name as a whole.`,
  },
  FM006: {
    title: 'several documents in one file',
    explanation: `A line with --- begins another YAML document. A rules file is one document.`,
  },
  FM007: {
    title: 'too large or nested too deeply',
    explanation: `Files of more than ten million characters, or nested more than 64 levels deep, are accidents or attacks.`,
  },
  FM008: {
    title: 'tag or directive',
    explanation: `YAML tags (!name, !!str) and directives (%TAG, %YAML 1.1) change what a value means. The rules language has none of
them: quote a value that shall be text.`,
  },
  FM009: {
    title: 'key is not text',
    explanation: `The keys of a map are plain words. YAML also allows lists, maps or nothing at all as a key.`,
  },
  FM010: {
    title: 'not a duration',
    explanation: `A duration is a number and a unit without a space between: 250ms, 3s, 1.5m, 1h, also 1h30m.`,
  },
  FM011: {
    title: 'unit missing',
    explanation: `A bare number is ambiguous. Traefik and Argo read it as seconds, cockatiel and opossum as milliseconds: that is the
classic error by a factor of 1000. Write 2s or 2ms. Percentages carry their sign for the same reason: 10%, not 0.1 or 10.`,
  },
  FM012: {
    title: 'match value is not text',
    explanation: `Headers, query parameters, cookies and baggage are text. YAML reads true, 1 and null as a truth value, a number and
nothing; quote them: "true", "1", "null".`,
  },
  FM013: {
    title: 'wrong kind of value',
    explanation: `The value is of another kind than the key expects: a list in place of text, a number in quotes, nothing at all.`,
  },
  FM014: {
    title: 'something required is missing',
    explanation: `A file needs routes and a route needs a path; everything else has a default. This is a whole file:

  routes: [{path: "/api/v1/users", timeout: 3s, retries: 2, backoff: "exponential"}]`,
  },
  FM015: {
    title: 'not one of the allowed values',
    explanation: `The key takes one of a few words, which the message lists.`,
  },
  FM016: {
    title: 'out of range',
    explanation: `The value is of the right kind, but too small, too large, or not whole.`,
  },
  FM017: {
    title: 'malformed text',
    explanation: `The text does not follow the grammar of its key: a name, an HTTP method, a header name, or a key expression (ip, route,
global, header:NAME, cookie:NAME, query:NAME, jwt:CLAIM, baggage:NAME).`,
  },
  FM018: {
    title: 'malformed host',
    explanation: `A host is a name without scheme, port or path (shop.example.com), or a suffix (*.example.com), which any number of
labels in front of it fit, but not the suffix alone. Leave hosts out to match every host.`,
  },
  FM019: {
    title: 'malformed path',
    explanation: `A path begins with /, a regular expression with ~. Between slashes, * and :name stand for one whole segment; ** stands
for any suffix, nothing included, and only at the end. There is no query in a path: conditions on it go under match. Paths
are compared in canonical form, so one with //, /./, /../ or a backslash could never match.`,
  },
  FM020: {
    title: 'unknown service or version',
    explanation: `A destination is the name of a service, or name@version, as defined under services.`,
  },
  FM021: {
    title: 'no upstream',
    explanation: `The route does not say where to send a request: it has no \`to\`, defaults has none, and there is not exactly one service.
In a library that is fine: the request goes on to the handler, or to its own URL. A gateway needs an upstream: write \`to\`, or
start it with serve --upstream URL.`,
  },
  FM022: {
    title: 'service with nothing to call, or with too much',
    explanation: `A service, or each of its versions, has a url, several urls, or a binding (a service binding of Workers, which wins over
the URL where it is present). url and urls exclude each other, and a service with versions has no URL of its own.`,
  },
  FM023: {
    title: 'bad URL',
    explanation: `An upstream is an absolute http or https URL, with or without a path in front. Credentials do not belong in it: fetch
refuses such URLs, and they end up in logs. A query or fragment would be lost. Some ports, such as 6000 and 6667, are blocked by
the Fetch Standard: on most runtimes no request ever gets there.`,
  },
  FM024: {
    title: 'unused service',
    explanation: `No route sends anything there.`,
  },
  FM025: {
    title: 'duplicate route name',
    explanation: `Names tell routes apart in metrics, in the state that survives a reload, and on the command line. A route without a
name is called by its path.`,
  },
  FM026: {
    title: 'path that the gateway answers itself',
    explanation: `The paths named by telemetry.metrics.path and health come before all routes, and must differ from each other. A route of
the same path gets no request.`,
  },
  FM027: {
    title: 'version not said',
    explanation: `The service has several versions. Say which one is meant, name@version, or share the requests out by weights.`,
  },
  FM028: {
    title: 'listed twice',
    explanation: `The same destination, host, method or other entry stands there twice. For destinations that is an error, since it is
unclear which weight counts.`,
  },
  FM029: {
    title: 'service replaced by the upstream of the command line',
    explanation: `serve --upstream URL defines a service by the name of upstream. The one of that name in the file is not used.`,
  },
  FM030: {
    title: 'weights do not add up to 100',
    explanation: `The weights of a split are percentages, whole or with one decimal, and add up to exactly 100. One of them may be \`rest\`,
which gets what the others leave.`,
  },
  FM031: {
    title: 'two forms of retries',
    explanation: `Write either a number with its settings beside it,

  retries: 2
  backoff: exponential

or one block, retries: { max: 2, backoff: exponential }. Not both, and no settings without retries.`,
  },
  FM032: {
    title: 'per_try is no shorter than timeout',
    explanation: `The timeout covers all tries and the waits between them. A single try that may take as long leaves no time for another.`,
  },
  FM033: {
    title: 'retries do not fit into the timeout',
    explanation: `The timeout covers all tries and the waits between them. If the waits alone are longer, some retries can never happen
(a warning); if tries and waits together may be, the last ones are cut short in the worst case (an info).`,
  },
  FM034: {
    title: 'retries of methods that are not idempotent',
    explanation: `With unsafe_methods: always a POST is sent again although the first one may have been carried out: an order placed twice.
With idempotency_key only requests that carry the header Idempotency-Key are repeated.`,
  },
  FM035: {
    title: 'base_delay is longer than max_delay',
    explanation: `Every delay is cut to max_delay, so base_delay has no effect.`,
  },
  FM036: {
    title: 'sticky without a split',
    explanation: `The route has a single destination: everybody gets it anyway.`,
  },
  FM037: {
    title: 'sticky by something that is the same for everybody',
    explanation: `route and global do not differ between callers, so all of them would get the same version, whatever the weights.`,
  },
  FM038: {
    title: 'settings of a service that contradict each other',
    explanation: `Outlier detection has to count something, may leave out at least some of the endpoints, and its longest ejection is no
shorter than its first one. A health check ends before the next one begins, and there are at most ten a second. Of several
endpoints, at least one has a weight. TLS needs https URLs, and a certificate is shown together with its key.`,
  },
  FM039: {
    title: 'balancing without a choice',
    explanation: `Every version of the service has a single endpoint. It gets all requests, and outlier detection never leaves out the last
endpoint there is.`,
  },
  FM040: {
    title: 'unreachable route',
    explanation: `The first route that matches wins, from top to bottom. An earlier route takes every request that this one would match:
its path is at least as wide, and it asks for no method, host or condition that this one does not ask for too. Move the
narrower route up.`,
  },
  FM041: {
    title: 'regular expression does not compile',
    explanation: `Expressions after ~ are those of JavaScript with the flag u. They match anywhere in the value unless anchored with ^
and $.`,
  },
  FM042: {
    title: 'regular expression may take very long',
    explanation: `Clients choose the text that an expression is tried on. Nested repetition as in (a+)+, alternatives that begin alike
inside a repetition, and neighbouring repetitions of the same characters can take time that grows without bounds; look-around
and back-references cannot be bounded either. The check is cautious and also refuses some harmless expressions.`,
  },
  FM043: {
    title: 'sign without its special meaning',
    explanation: `In a match string * means something only alone (present) or at the end (prefix), ~ only at the start (regular
expression), and ! only at the start (not equal, and !* absent). Elsewhere they stand for themselves, which is seldom meant.`,
  },
  FM044: {
    title: 'max_wait is no shorter than timeout',
    explanation: `The timeout covers the time that a request waits for its turn too. A request that may wait as long has no time left to
be answered.`,
  },
  FM045: {
    title: 'shed.full is not above shed.from',
    explanation: `From \`from\` requests under way on, those that matter least are turned away; from \`full\` on, all but the critical ones.
In between the share grows, so \`full\` has to be the larger number.`,
  },
  FM046: {
    title: 'TLS that a Worker cannot carry out',
    explanation: `A Worker has no files: certificates are given to it as a binding, mtls_certificates in wrangler.toml. Name that binding,
binding: NAME, in the service or in each of its versions; where it is present it takes the place of tls. Without one a Worker
refuses the rules, rather than call the service without the certificate. serve takes them as they are.`,
  },
  FM047: {
    title: 'sticky by a cookie that is not sent',
    explanation: `Browsers send cookies to another origin only where \`cors\` says credentials: true; neither the cookie that \`sticky\` goes by nor
the one that stands in for it. Requests of such pages are shared out anew each time. Write credentials: true, with the origins by
name, or go by what every request shows, such as ip or header:NAME.`,
  },
  FM050: {
    title: 'environment variable is not set',
    explanation: `\${NAME} in a value is replaced by the environment variable of that name after the file was read as YAML. Set the
variable, or give a default: \${NAME:-default}, which is also used where the variable is empty.`,
  },
  FM051: {
    title: 'malformed reference to the environment',
    explanation: `A reference is \${NAME} or \${NAME:-default}; names have letters, digits and _. Write $\${ for the characters \${ themselves.`,
  },
  FM052: {
    title: 'overlay of what is not there, or not clear',
    explanation: `An overlay changes the route that has the name it gives, or where it gives none, the one route that has its path. A
route with a path of its own that the files below do not have is a new one, and is tried before theirs. null removes what is below
it; where nothing is, most likely another name was meant.`,
  },
  FM060: {
    title: 'not available in this version',
    explanation: `The key is part of the rules language, but this version of fetchmesh does not carry it out. It is refused rather than
ignored: an ignored auth would be an open gateway.`,
  },
  FM070: {
    title: 'every trace is recorded',
    explanation: `sample: 100% records each request in full. That suits a demonstration; in production it costs money and time. Sampling
follows the caller's decision where the request brings one.`,
  },
  FM071: {
    title: 'gRPC port in an OTLP URL',
    explanation: `Port 4317 speaks OTLP over gRPC, which cannot be sent with fetch. The HTTP port is 4318.`,
  },
  FM072: {
    title: 'secret in plain text',
    explanation: `A value of this name is most likely a secret, and rules files are kept in repositories. Write \${NAME} instead.`,
  },
  FM080: {
    title: 'hedge and retries on one route',
    explanation: `Both send a request again, and together they multiply: three tries, each sent twice, are six. A hedge also tries again
when a try has failed, so it needs no retries beside it. Keep one of the two; retries: 0 and hedge: off switch off what
comes from the defaults.`,
  },
  FM081: {
    title: 'mirror of a destination to itself',
    explanation: `The copies go to a version that gets the requests anyway: whatever they do is done twice there.`,
  },
  FM082: {
    title: 'no effect beside redirect or respond',
    explanation: `A route with redirect or respond answers by itself. Nothing that concerns an upstream has an effect on it: to,
timeout, retries, fallback, fault, mirror, rewrite.`,
  },
  FM083: {
    title: 'two that exclude each other',
    explanation: `Of some keys a block takes exactly one: redirect or respond on a route, respond or to in a fallback, path, prefix or
regex in a rewrite or redirect.`,
  },
  FM084: {
    title: 'header that cannot be set',
    explanation: `Some headers belong to a connection and not to a message: connection, transfer-encoding, content-length, host and
their like. Every fetch makes them itself, so what is set is lost, or breaks the message. The host is changed by
rewrite: { host: NAME }.`,
  },
  FM085: {
    title: 'no prefix to replace',
    explanation: `prefix takes the place of the path of the route up to its **. A path that is a regular expression has no such part: use
regex, which replaces what an expression finds.`,
  },
  FM086: {
    title: 'credentials for another service',
    explanation: `Copies of requests go to another service without the headers authorization and cookie. With credentials: include it gets
them, and can act in the name of the callers.`,
  },
  FM087: {
    title: 'fault without an end',
    explanation: `A fault that is for everybody and never ends is an outage as soon as it is forgotten. Write when it ends, until:
2026-01-31T18:00:00Z, or whom it is for, only_if: { headers: { x-chaos: "1" } }.`,
  },
  FM090: {
    title: 'breaker that contradicts itself',
    explanation: `A breaker opens after so many failures in a row, breaker: { failures: 5 }, or where a share of the calls fails or is slow,
breaker: { error_rate: 50%, min_requests: 20, window: 10s }. A rate is taken over a window of time, or over the last so many
calls (last_requests), which then have to be at least min_requests. slow_rate and slow_after go together.`,
  },
  FM091: {
    title: 'max_wait without a queue',
    explanation: `A bulkhead without a queue rejects at once what is above its limit. With queue: 10 up to ten calls wait for their turn, each
for max_wait at most.`,
  },
  FM092: {
    title: 'breaker behind a limit that keeps it closed',
    explanation: `A breaker that goes by a rate wants min_requests calls within its window before it judges. A limit by route or global
that lets fewer through, tries counted, keeps it closed for ever, however many calls fail. Lower min_requests, or lengthen the
window.`,
  },
  FM093: {
    title: 'what the limit of a platform cannot do',
    explanation: `With mode: platform a Worker asks the rate limit binding of Cloudflare, which counts over 10 or over 60 seconds, knows
no burst, and keeps nobody waiting. Its numbers stand in wrangler.toml; limit and per repeat them. What needs more is kept by a
store: mode: leased or exact.`,
  },
  FM100: {
    title: 'unknown auth',
    explanation: `A route asks for a token by the name of an issuer, as defined under auth of the file:

  auth: { main: { issuer: "https://id.example.com/", audience: shop, jwks: "https://id.example.com/jwks.json" } }
  routes: [{ path: /orders, auth: main }]`,
  },
  FM101: {
    title: 'claims without auth',
    explanation: `Conditions on claims, allow and deny with claims or subjects, and keys such as jwt:sub look into a token that was verified. A route
without auth verifies none: no request would have claims. Write whose tokens are taken: auth: main.`,
  },
  FM102: {
    title: 'auth without a key, or with several',
    explanation: `Tokens are verified with the keys that an issuer publishes (jwks: URL), with one public key (public_key: { pem, algorithm })
or with a secret that is shared with the issuer (secret: { env: NAME }). An auth has one of these. The secret itself never
stands in a file: env names the variable, or the binding of a Worker, that holds it.`,
  },
  FM103: {
    title: 'allow that lets everybody in',
    explanation: `Of the entries of allow one has to fit, and within an entry all that it names. An entry that names nothing always fits.
Leave allow out if everybody is meant.`,
  },
  FM104: {
    title: 'keys over http',
    explanation: `Whoever can change what an http URL answers, on the way or at the other end, can put keys of their own there and sign any
token. Within one machine that is harmless; elsewhere write https.`,
  },
  FM105: {
    title: 'unused auth',
    explanation: `No route asks for tokens of this issuer.`,
  },
  FM106: {
    title: 'roles of nowhere, or of anybody',
    explanation: `Routes that let roles in need to know where these stand: in a claim of the token, or in a header such as x-user-role.
A header counts from peers that are trusted, and is taken off when anybody else wrote it:

  roles: { header: x-user-role, trusted_ips: 10.0.0.0/8 }`,
  },
  FM107: {
    title: 'deny that keeps everybody out',
    explanation: `A request is refused that one entry of deny fits, and within an entry all that it names. An entry that names nothing
always fits: the route answers 403 to everybody. Where that is meant, respond: { status: 403 } says it better.`,
  },
  FM108: {
    title: 'allow that is only tried out',
    explanation: `Every entry of allow has dry_run: true: the log tells whom the list would keep out, and everybody is let in. Take dry_run off
the entries once the log says what it should.`,
  },
  FM109: {
    title: 'a choice by a header that is told only afterwards',
    explanation: `What a token or an authorizer says of a caller in a header takes the place of what the client wrote there, once the route is
chosen: match and sticky see the client's own word, which anybody can write. Keys of limits and the conditions of allow and
deny come later and see what is told. Choose by the claim itself, which is verified before:

  match: { claims: { tier: gold } }
  sticky: { by: "jwt:sub" }`,
  },
};

/** Whether a text is a code, for the command line. */
export function isCode(text: string): text is Code {
  return Object.hasOwn(codes, text);
}
