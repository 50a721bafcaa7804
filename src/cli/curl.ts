/**
 * Reading a pasted curl line as a request.
 *
 * @module
 */

import { splitWords } from './shell-words.ts';
import { UsageError } from './usage.ts';

/** What is asked. */
export interface AskedRequest {
  readonly method: string;
  readonly url: string;
  /** As given: `name: value`. */
  readonly headers: readonly string[];
  /** URLs that curl would ask for as well. */
  readonly others?: readonly string[];
}

/** Options of one letter that take an argument. */
const letters: Readonly<Record<string, string>> = {
  ...{ X: 'request', H: 'header', b: 'cookie', d: 'data', A: 'user-agent', e: 'referer' },
  ...{ u: 'user', F: 'form', T: 'upload-file', r: 'range', o: 'output', w: 'write-out' },
  ...{ m: 'max-time', x: 'proxy', E: 'cert', c: 'cookie-jar', K: 'config', C: 'continue-at' },
  ...{ D: 'dump-header', P: 'ftp-port', Q: 'quote', U: 'proxy-user', Y: 'speed-limit' },
  ...{ y: 'speed-time', t: 'telnet-option', z: 'time-cond', I: 'head', G: 'get' },
};

/** Options with an argument that changes nothing about which route takes the request. */
const passedOver = new Set(
  `abstract-unix-socket alt-svc aws-sigv4 cacert capath cert cert-type ciphers config connect-timeout connect-to continue-at
cookie-jar create-file-mode crlfile curves delegation dns-interface dns-ipv4-addr dns-ipv6-addr dns-servers doh-url dump-header
ech egd-file engine etag-compare etag-save expect100-timeout ftp-account ftp-alternative-to-user ftp-method ftp-port
ftp-ssl-ccc-mode happy-eyeballs-timeout-ms haproxy-clientip hostpubmd5 hostpubsha256 hsts interface ip-tos ipfs-gateway
keepalive-cnt keepalive-time key key-type krb libcurl limit-rate local-port login-options mail-auth mail-from mail-rcpt
max-filesize max-redirs max-time netrc-file noproxy output output-dir parallel-max pass pinnedpubkey preproxy proto
proto-default proto-redir proxy proxy-cacert proxy-capath proxy-cert proxy-cert-type proxy-ciphers proxy-crlfile
proxy-header proxy-key proxy-key-type proxy-pass proxy-pinnedpubkey proxy-service-name proxy-tls13-ciphers
proxy-tlsauthtype proxy-tlspassword proxy-tlsuser proxy-user proxy1.0 pubkey quote random-file rate resolve retry
retry-delay retry-max-time sasl-authzid service-name sigalgs socks4 socks4a socks5 socks5-gssapi-service socks5-hostname
speed-limit speed-time stderr telnet-option tftp-blksize time-cond tls-max tls13-ciphers tlsauthtype tlspassword tlsuser
trace trace-ascii trace-config unix-socket variable vlan-priority write-out`.split(/\s+/),
);

/** What is gathered of the options. */
interface Gathered {
  method?: string;
  readonly urls: string[];
  readonly headers: string[];
  /** Of the body, or of the query. */
  readonly data: string[];
  readonly query: string[];
  body?: 'form' | 'json' | 'multipart' | 'file';
  isHead?: true;
  isInQuery?: true;
  file?: string;
}

type Take = (argument: string, gathered: Gathered) => void;

/** Options with an argument that is heeded, by their long names. */
const heeded: Readonly<Record<string, Take>> = {
  request: (argument, gathered) => {
    gathered.method = argument.toUpperCase();
  },
  url: (argument, { urls }) => urls.push(argument),
  header: (argument, { headers }) => headers.push(argument),
  // Without a sign of equality it is the name of a file.
  cookie: (argument, { headers }) => argument.includes('=') && headers.push(`cookie: ${argument}`),
  'user-agent': (argument, { headers }) => headers.push(`user-agent: ${argument}`),
  referer: (argument, { headers }) => headers.push(`referer: ${argument}`),
  range: (argument, { headers }) => headers.push(`range: bytes=${argument}`),
  user: (argument, { headers }) => headers.push(`authorization: Basic ${base64(argument)}`),
  'oauth2-bearer': (argument, { headers }) => headers.push(`authorization: Bearer ${argument}`),
  'url-query': (argument, { query }) => query.push(encoded(argument)),
  data: takeData,
  'data-ascii': takeData,
  'data-binary': takeData,
  'data-raw': takeData,
  'data-urlencode': (argument, gathered) => takeData(encoded(argument), gathered),
  json: (argument, gathered) => {
    takeData(argument, gathered);
    gathered.body = 'json';
  },
  form: takeForm,
  'form-string': takeForm,
  'upload-file': (argument, gathered) => {
    gathered.body = 'file';
    gathered.file = argument;
  },
};

function takeData(argument: string, gathered: Gathered): void {
  gathered.body ??= 'form';
  gathered.data.push(argument);
}

function takeForm(_: string, gathered: Gathered): void {
  gathered.body = 'multipart';
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** As `--data-urlencode` does it: `name=text`, `=text` or `text`. */
function encoded(argument: string): string {
  const [, name = '', text = ''] = /^(?:([^=]*)=)?(.*)$/s.exec(argument) ?? [];
  return `${name === '' ? '' : `${name}=`}${encodeURIComponent(text)}`;
}

/**
 * Reads the arguments of a curl line.
 *
 * @param words The words behind `curl`, as a shell splits them; or one text with all of it.
 * @returns The request with the headers that curl adds by itself.
 * @throws {UsageError} where no URL is among them.
 */
export function readCurl(words: readonly string[]): AskedRequest {
  const [only] = words;
  const rest = words.length === 1 && only !== undefined ? splitWords(only) : [...words];
  // What stands before it is a prompt.
  const curl = rest.findIndex((word) => /^curl(?:\.exe)?$/.test(word));
  rest.splice(0, curl + 1);
  const gathered: Gathered = { urls: [], headers: [], data: [], query: [] };
  while (rest.length > 0) {
    const word = rest.shift() as string;
    if (word.startsWith('--')) readLong(word, rest, gathered);
    else if (/^-./.test(word)) readLetters(word, rest, gathered);
    else gathered.urls.push(word);
  }
  const [url, ...others] = gathered.urls;
  if (url === undefined) throw new UsageError('curl: there is no URL in this line');
  return {
    method: methodOf(gathered),
    url: urlOf(url, gathered),
    headers: headersOf(gathered),
    ...(others.length > 0 && { others }),
  };
}

function readLong(word: string, rest: string[], gathered: Gathered): void {
  const [, name = '', , inline] = /^--([^=]*)(=(.*))?$/s.exec(word) ?? [];
  take(name, word, inline === undefined ? rest : [inline], gathered);
}

/** Several letters may stand in one word, and the argument of the last one too. */
function readLetters(word: string, rest: string[], gathered: Gathered): void {
  for (let index = 1; index < word.length; index++) {
    const name = letters[word[index] as string];
    if (name === undefined) continue;
    const hasArgument = passedOver.has(name) || Object.hasOwn(heeded, name);
    const behind = word.slice(index + 1);
    take(name, `-${word[index]}`, hasArgument && behind !== '' ? [behind] : rest, gathered);
    if (hasArgument) return;
  }
}

/** @param rest Where the argument stands, if there is one. */
function take(name: string, word: string, rest: string[], gathered: Gathered): void {
  if (name === 'head') gathered.isHead = true;
  else if (name === 'get') gathered.isInQuery = true;
  const heed = Object.hasOwn(heeded, name) ? heeded[name] : undefined;
  if (heed === undefined && !passedOver.has(name)) return;
  const argument = rest.shift();
  if (argument === undefined) throw new UsageError(`curl: ${word} lacks its argument`);
  heed?.(argument, gathered);
}

function methodOf({ method, isHead, isInQuery, body }: Gathered): string {
  if (method !== undefined) return method;
  if (isHead) return 'HEAD';
  if (body === undefined || isInQuery) return 'GET';
  return body === 'file' ? 'PUT' : 'POST';
}

function urlOf(url: string, { isInQuery, data, query, file }: Gathered): string {
  const added = [...query, ...(isInQuery ? data : [])].join('&');
  // A directory gets the name of the file that is sent there.
  const whole = file !== undefined && url.endsWith('/') ? url + file.replace(/^.*\//, '') : url;
  if (added === '') return whole;
  const [, front = whole, fragment = ''] = /^([^#]*)(#.*)?$/s.exec(whole) ?? [];
  return `${front}${front.includes('?') ? '&' : '?'}${added}${fragment}`;
}

/** `name;` is a header without a value, `name:` takes off one of curl's own. */
function headersOf({ headers: given, body, isInQuery }: Gathered): string[] {
  const names = new Set(given.map((header) => (/^[^:;]*/.exec(header)?.[0] ?? '').toLowerCase()));
  const type = isInQuery ? undefined : body && types[body];
  const own = {
    'user-agent': 'curl/8.0.0',
    accept: body === 'json' ? 'application/json' : '*/*',
    ...(type !== undefined && { 'content-type': type }),
  };
  return [
    ...Object.entries(own).flatMap(([name, value]) =>
      names.has(name) ? [] : [`${name}: ${value}`],
    ),
    ...given
      .filter((header) => !/^[^:;]+:\s*$/.test(header))
      .map((header) => header.replace(/^([^:;]+);\s*$/, '$1:')),
  ];
}

const types = {
  form: 'application/x-www-form-urlencoded',
  json: 'application/json',
  multipart: 'multipart/form-data; boundary=fetchmesh',
  file: undefined,
} as const;
