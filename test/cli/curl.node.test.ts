import { expect, test } from 'vitest';
import { readCurl } from '../../src/cli/curl.ts';

test.each<[line: string, method: string, url: string, headers?: readonly string[]]>([
  ['curl http://a/b', 'GET', 'http://a/b'],
  ['curl -s -i -L http://a/b -o /dev/null', 'GET', 'http://a/b'],
  ["curl -X DELETE 'http://a/b?c=d&e'", 'DELETE', 'http://a/b?c=d&e'],
  ['curl -XPUT http://a', 'PUT', 'http://a'],
  ['curl --request=patch --url=http://a', 'PATCH', 'http://a'],
  ['curl http://a -d \'{"a": "b c"}\'', 'POST', 'http://a'],
  ['curl -G http://a -d q=1', 'GET', 'http://a'],
  ['curl -I http://a', 'HEAD', 'http://a'],
  [
    'curl http://a -H "X-Env: canary" -H \'a: "b"\'',
    'GET',
    'http://a',
    ['X-Env: canary', 'a: "b"'],
  ],
  [
    'curl -b sid=1 -A me -u ada:x http://a',
    'GET',
    'http://a',
    ['cookie: sid=1', 'user-agent: me', 'authorization: Basic YWRhOng='],
  ],
  ['curl \\\n  http://a \\\n  -H a:\\ b', 'GET', 'http://a', ['a: b']],
  ["curl $'http://a/\\'b'", 'GET', "http://a/'b"],
  ['curl --max-time 5 -w %{http_code} http://a', 'GET', 'http://a'],
  ['curl -fsSL http://a', 'GET', 'http://a'],
])('%s', (line, method, url, headers = []) => {
  expect(readCurl([line])).toEqual({ method, url, headers });
});

test('words that a shell has split', () => {
  expect(readCurl(['curl', '-H', 'a: b', 'http://a/b c'])).toEqual({
    method: 'GET',
    url: 'http://a/b c',
    headers: ['a: b'],
  });
});

test.each([
  ['curl -X GET', /no URL/],
  ['curl http://a -H', /-H lacks its argument/],
])('%s is refused', (line, message) => {
  expect(() => readCurl([line])).toThrow(message);
});
