import { expect, test } from 'vitest';
import { readRequestText } from '../../src/cli/request-text.ts';

test('what curl -v shows: the first request of it', () => {
  const text = `*   Trying 127.0.0.1:8080...
* Connected to localhost (127.0.0.1) port 8080 (#0)
> POST /a?b=c HTTP/1.1\r
> Host: localhost:8080\r
> User-Agent: curl/7.88.1\r
* upload completely sent off: 3 bytes
> X-Empty:\r
> \r
} [3 bytes data]
< HTTP/1.1 302 Found\r
< Location: /d\r
> GET /d HTTP/1.1\r
> X-Other: e\r
`;
  expect(readRequestText(text)).toEqual({
    method: 'POST',
    url: '/a?b=c',
    headers: ['Host: localhost:8080', 'User-Agent: curl/7.88.1', 'X-Empty: '],
  });
});

test('a request as it goes over the wire; its body is none of it', () => {
  expect(readRequestText('get http://shop/a HTTP/2\nx: y\n\nz: body')).toEqual({
    method: 'GET',
    url: 'http://shop/a',
    headers: ['x: y'],
  });
});

test.each(['', 'curl http://a', 'GET /a', 'HTTP/1.1 200 OK'])('%j is none', (text) => {
  expect(readRequestText(text)).toBeUndefined();
});
