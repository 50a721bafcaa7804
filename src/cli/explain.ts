/**
 * `fetchmesh explain`: what becomes of a request, and why.
 *
 * @module
 */

import process from 'node:process';
import { parseAddress } from '../core/address.ts';
import type { Claims } from '../core/claims.ts';
import { unsendable } from '../core/hop-by-hop.ts';
import { explainRequest } from '../rules/explain/explain.ts';
import { explanationLines, explanationRecord } from '../rules/explain/render.ts';
import { type AskedRequest, readCurl } from './curl.ts';
import { printHelp } from './help.ts';
import type { Verb } from './main.ts';
import { options } from './options.ts';
import { readRules } from './read-rules.ts';
import { readRequestText } from './request-text.ts';
import { environmentName } from './rules-file.ts';
import { standardInput } from './standard-input.ts';
import { folded } from './terminal.ts';
import { readArguments, readUpstream, UsageError } from './usage.ts';

const help = `fetchmesh explain: which route takes a request, why the others do not, and what is in force on it

  npx fetchmesh explain GET https://shop.example/api/v2/users/42 -H 'cookie: sid=abc'
  npx fetchmesh explain -f rules.yaml curl -X POST http://localhost:8080/orders -H 'x-env: canary'

  METHOD URL            a path alone will do; or a whole curl line, as it was pasted; or a request as curl -v shows it;
                        - reads any of these from standard input
  -H, --header 'K: V'   a header of the request; as often as needed
  -b, --cookie TEXT     its cookies
      --ip ADDRESS      where it comes from (default: 127.0.0.1)
      --claims JSON     what its verified token says, such as '{"sub":"ada"}'
  -f, --rules FILE      rules, YAML or JSON; - reads standard input (default: fetchmesh.yaml, then rules.yaml)
      --env NAME        with the changes of an environment: fetchmesh.NAME.yaml (default: $FETCHMESH_ENV)
      --upstream URL    where requests go that no rule sends elsewhere, as for serve
      --json            the answer as JSON

Exit code: 0 a route takes it, 1 none does, 2 it could not be said.`;

/** Runs the verb. */
export const explain: Verb = async (args) => {
  // Everything from there on is curl's.
  const curl = args.findIndex((arg) => startsCurl.test(arg));
  const own = curl === -1 ? args : args.slice(0, curl);
  const { values, positionals } = readArguments({
    args: [...own],
    options: options.explain,
    allowPositionals: true,
  });
  if (values.help) {
    printHelp(help);
    return 0;
  }
  const asked = curl === -1 ? await fromArguments(positionals) : readCurl(args.slice(curl));
  if (asked.others !== undefined) {
    console.error(`fetchmesh explain: this is about ${asked.url} alone, the first URL of the line`);
  }
  const headers = [
    ...asked.headers,
    ...values.header,
    ...(values.cookie === undefined ? [] : [`cookie: ${values.cookie}`]),
  ];
  const request = makeRequest({ ...asked, headers });
  if (parseAddress(values.ip) === undefined) {
    throw new UsageError(`--ip: '${values.ip}' is not an address such as 10.0.0.7 or 2001:db8::1`);
  }
  const claims = values.claims === undefined ? undefined : readClaims(values.claims);
  const upstream =
    values.upstream === undefined ? undefined : readUpstream('--upstream', values.upstream);

  const read = await readRules(values.rules, upstream, environmentName(values.env));
  if (read === undefined) return 2;
  const explanation = explainRequest(read.rules, read.text, request, {
    address: values.ip,
    claims,
  });
  console.log(
    values.json
      ? JSON.stringify(explanationRecord(explanation), undefined, 2)
      : folded(explanationLines(explanation, read.file), process.stdout),
  );
  return explanation.matched === undefined && explanation.answer === undefined ? 1 : 0;
};

/** A prompt may have been copied with it. */
const startsCurl = /^\s*(?:[$%#>]\s+)?curl(?:\.exe)?(?:\s|$)/;

/** Nobody writes a host in capitals. */
const onlyMethod = /^[A-Z]+$/;

async function fromArguments(positionals: readonly string[]): Promise<AskedRequest> {
  const [first, second, ...rest] = positionals;
  const lacksUrl = second === undefined && onlyMethod.test(first ?? '');
  if (first === undefined || rest.length > 0 || lacksUrl) {
    throw new UsageError('give a method and a URL, such as GET /api/users, or a curl line');
  }
  if (second !== undefined) return { method: first.toUpperCase(), url: second, headers: [] };
  if (first === '-') return fromText(await standardInput());
  return /\s/.test(first) ? fromText(first) : { method: 'GET', url: first, headers: [] };
}

/** A curl line, a request as it goes over the wire, or what else could have been an argument. */
function fromText(text: string): AskedRequest {
  if (startsCurl.test(text)) return readCurl([text]);
  const asked = readRequestText(text);
  if (asked !== undefined) return asked;
  const [first = '', second, ...rest] = text.trim().split(/\s+/);
  if (first !== '' && second === undefined) return { method: 'GET', url: first, headers: [] };
  if (second?.includes('/') && rest.length === 0) {
    return { method: first.toUpperCase(), url: second, headers: [] };
  }
  throw new UsageError(
    'this text is neither a URL, nor a curl line, nor a request such as curl -v shows (> GET /api HTTP/1.1)',
  );
}

function makeRequest({ method, url, headers }: AskedRequest): Request {
  const written = url.startsWith('/') ? `http://localhost${url}` : url;
  const target = URL.parse(/^https?:\/\//i.test(written) ? written : `http://${written}`);
  if (target === null) throw new UsageError(`'${url}' is not a URL`);
  target.username = '';
  target.password = '';
  const fields = new Headers();
  for (const header of headers) {
    const [, name, value] = /^([^:]+):\s*(.*)$/s.exec(header) ?? [];
    try {
      if (name === undefined || value === undefined) throw new TypeError('no colon');
      if (name.toLowerCase() === 'host') target.host = value;
      else fields.append(name, value);
    } catch {
      throw new UsageError(`-H: '${header}' is not a header such as 'x-env: canary'`);
    }
  }
  // Nobody can make such a request, but a gateway may get one.
  const isUnsendable = unsendable.has(method);
  try {
    const request = new Request(target, { method: isUnsendable ? 'GET' : method, headers: fields });
    return isUnsendable ? Object.defineProperty(request, 'method', { value: method }) : request;
  } catch {
    throw new UsageError(`'${method}' is not the name of a method`);
  }
}

function readClaims(text: string): Claims {
  try {
    const claims: unknown = JSON.parse(text);
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) {
      return claims as Claims;
    }
  } catch {
    // Said below.
  }
  throw new UsageError(`--claims: '${text}' is not a JSON object such as {"sub":"ada"}`);
}
