import { expect, test } from 'vitest';
import { folder, run } from '../support/command-line.ts';

const rules = `services: { web: "http://127.0.0.1:3000", api: "http://127.0.0.1:3001" }
routes:
  - { name: marked, path: /api/**, match: { headers: { x-env: canary } }, to: api, timeout: 3s }
  - { name: writes, path: /api/**, methods: [POST], to: api }
`;

test('the route, and 0', async () => {
  const cwd = await folder({ 'fetchmesh.yaml': rules });
  const { code, stdout, stderr } = await run(
    ['explain', 'GET', 'https://shop.example/api/users', '-H', 'x-env: canary'],
    { cwd },
  );
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: `GET /api/users
  > marked              fetchmesh.yaml:3
      to          api
      timeout     3s              line 3
`,
    stderr: '',
  });
});

test('no route, and 1', async () => {
  const { code, stdout } = await run(['explain', '-f', '-', '/api/users'], { input: rules });
  expect(code).toBe(1);
  expect(stdout).toContain('no route takes it: the gateway answers 404');
});

test('a curl line, split by the shell or whole; --json with the same exit code', async () => {
  const words = ['curl', '-s', 'http://localhost:8080/api/orders', '-d', '{"sku":1}'];
  const split = await run(['explain', '-f', '-', '--json', ...words], { input: rules });
  const line = 'curl -s http://localhost:8080/api/orders -d \'{"sku":1}\'';
  const whole = await run(['explain', '-f', '-', '--json', line], { input: rules });
  expect(split.code).toBe(0);
  expect(JSON.parse(split.stdout)).toMatchObject({
    request: { method: 'POST', path: '/api/orders' },
    matched: { route: 'writes', line: 4 },
    rejected: [{ route: 'marked', line: 3, reason_code: 'headers' }],
    split: { by: 'only', choice: 'api' },
  });
  expect(whole).toEqual(split);
});

test.each([
  [['explain', 'GET', '-f', '-'], /give a method and a URL/],
  [['explain', 'GET', 'http://[', '-f', '-'], /'http:\/\/\[' is not a URL/],
  [['explain', 'G ET', '/a', '-f', '-'], /'G ET' is not the name of a method/],
  [['explain', '/a', '--ip', 'me', '-f', '-'], /--ip: 'me' is not an address/],
  [['explain', '-', '-f', '-'], /neither a URL, nor a curl line, nor a request/],
  [['explain', '/a', '-H', 'nothing', '-f', '-'], /-H: 'nothing' is not a header/],
  [['explain', '/a', '--claims', '[]', '-f', '-'], /--claims: '\[\]' is not a JSON object/],
])('2 where it cannot be said: %j', async (args, said) => {
  const { code, stdout, stderr } = await run(args, { input: rules });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).toMatch(said);
});

test('what curl -v shows, from standard input', async () => {
  const cwd = await folder({ 'fetchmesh.yaml': rules });
  const input = `* Connected to localhost\n> GET /api/users HTTP/1.1\n> Host: shop\n> X-Env: canary\n> \n`;
  const { code, stdout } = await run(['explain', '-'], { cwd, input });
  expect(code).toBe(0);
  expect(stdout).toContain('> marked ');
});

test('a method that nobody can send, which a gateway may get all the same', async () => {
  const { code, stdout } = await run(['explain', 'TRACE /api', '-f', '-'], { input: rules });
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: 'TRACE /api\n  > 501: the gateway cannot send this method\n',
  });
});

test('2, and what is wrong, where the rules cannot be used', async () => {
  const { code, stderr } = await run(['explain', '-f', '-', '/a'], { input: 'routes: 3' });
  expect(code).toBe(2);
  expect(stderr).toContain('error[FM');
});
