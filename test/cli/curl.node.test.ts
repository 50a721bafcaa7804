import { describe, expect, test } from 'vitest';
import { readCurl } from '../../src/cli/curl.ts';

/** What curl sends by itself. */
const own = ['user-agent: curl/8.0.0', 'accept: */*'];
const form = [...own, 'content-type: application/x-www-form-urlencoded'];

test.each<[line: string, method: string, url: string, headers?: readonly string[]]>([
  ['curl http://a/b', 'GET', 'http://a/b'],
  ['curl -s -i -L http://a/b -o /dev/null', 'GET', 'http://a/b'],
  ["curl -X DELETE 'http://a/b?c=d&e'", 'DELETE', 'http://a/b?c=d&e'],
  ['curl -XPUT http://a', 'PUT', 'http://a'],
  ['curl --request=patch --url=http://a', 'PATCH', 'http://a'],
  ['curl http://a -d \'{"a": "b c"}\'', 'POST', 'http://a', form],
  ['curl -G http://a -d q=1 -d r', 'GET', 'http://a?q=1&r'],
  ['curl --get --data-urlencode "q=a b" http://a?p#f', 'GET', 'http://a?p&q=a%20b#f'],
  ['curl --url-query q=1 http://a', 'GET', 'http://a?q=1'],
  ['curl -I http://a', 'HEAD', 'http://a'],
  ['curl -T dir/file http://a/b/', 'PUT', 'http://a/b/file'],
  ['curl -sSLo /dev/null -Hx:y http://a', 'GET', 'http://a', [...own, 'x:y']],
  ['curl -kso- -w %{http_code} http://a', 'GET', 'http://a'],
  ['curl --oauth2-bearer t http://a', 'GET', 'http://a', [...own, 'authorization: Bearer t']],
  ['curl --unknown --path-as-is http://a', 'GET', 'http://a'],
  [
    "curl --json '{}' http://a",
    'POST',
    'http://a',
    ['user-agent: curl/8.0.0', 'accept: application/json', 'content-type: application/json'],
  ],
  [
    'curl -F a=@b http://a',
    'POST',
    'http://a',
    [...own, 'content-type: multipart/form-data; boundary=fetchmesh'],
  ],
  [
    'curl http://a -H "X-Env: canary" -H \'a: "b"\'',
    'GET',
    'http://a',
    [...own, 'X-Env: canary', 'a: "b"'],
  ],
  [
    'curl -b sid=1 -b jar.txt -A me -u ada:x http://a',
    'GET',
    'http://a',
    ['accept: */*', 'cookie: sid=1', 'user-agent: me', 'authorization: Basic YWRhOng='],
  ],
  // `name:` takes one of curl's own off, `name;` sends it without a value.
  ["curl -H Accept: -H 'x-a;' http://a", 'GET', 'http://a', ['user-agent: curl/8.0.0', 'x-a:']],
  ['curl \\\n  http://a \\\n  -H a:\\ b', 'GET', 'http://a', [...own, 'a: b']],
  ["curl $'http://a/\\'b'", 'GET', "http://a/'b"],
  ['curl --max-time 5 -w %{http_code} http://a', 'GET', 'http://a'],
  ['curl -fsSL http://a', 'GET', 'http://a'],
  ['$ curl http://a | jq .', 'GET', 'http://a'],
  ["curl 'http://a/b'; echo", 'GET', 'http://a/b'],
  ["curl 'http://a/b'|jq .", 'GET', 'http://a/b'],
  ['curl http://a/b>out -X PUT', 'GET', 'http://a/b'],
  ['curl http://a/b; curl http://c', 'GET', 'http://a/b'],
  ['curl http://a/b;v=1?c=2&d=3', 'GET', 'http://a/b;v=1?c=2&d=3'],
  ['curl.exe http://a 2>/dev/null', 'GET', 'http://a'],
])('%s', (line, method, url, headers = own) => {
  expect(readCurl([line])).toEqual({ method, url, headers });
});

test('words that a shell has split', () => {
  expect(readCurl(['curl', '-H', 'a: b', 'http://a/b c'])).toEqual({
    method: 'GET',
    url: 'http://a/b c',
    headers: [...own, 'a: b'],
  });
});

test('only the first of several URLs', () => {
  expect(readCurl(['curl http://a http://b'])).toMatchObject({
    url: 'http://a',
    others: ['http://b'],
  });
});

describe('what browsers copy', () => {
  const expected = {
    method: 'POST',
    url: 'https://shop.example/a?b=1&c=%20',
    headers: [
      'user-agent: curl/8.0.0',
      'content-type: application/x-www-form-urlencoded',
      'accept: */*',
      'sec-ch-ua: "Chromium";v="130"',
      'cookie: sid=abc; beta=1',
    ],
  };

  test('for bash', () => {
    const line = `curl 'https://shop.example/a?b=1&c=%20' \\
  -H 'accept: */*' \\
  -H 'sec-ch-ua: "Chromium";v="130"' \\
  -b 'sid=abc; beta=1' \\
  --data-raw $'{"a":"it\\u0021 \\'s"}' \\
  --compressed`;
    expect(readCurl([line])).toEqual(expected);
  });

  test('for the command line of Windows', () => {
    const line = `curl ^"https://shop.example/a?b=1^&c=^%20^" ^
  -H ^"accept: */*^" ^
  -H ^"sec-ch-ua: ^\\^"Chromium^\\^";v=^\\^"130^\\^"^" ^
  -b ^"sid=abc; beta=1^" ^
  --data-raw ^"^{^\\^"a^\\^":1^}^"`;
    expect(readCurl([line])).toEqual(expected);
  });
});

test.each([
  ['curl -X GET', /no URL/],
  ['curl http://a -H', /-H lacks its argument/],
  ['curl http://a --json', /--json lacks its argument/],
])('%s is refused', (line, message) => {
  expect(() => readCurl([line])).toThrow(message);
});
