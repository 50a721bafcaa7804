import { once } from 'node:events';
import { mkdtemp, rm, unlink, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { cli, endAll, serve } from '../support/serving.ts';

let upstream: Server;
let upstreamUrl: string;
let directory: string;
/** Lets requests for `/wait` go on. */
let release: () => void = () => {};
const waiting: (() => void)[] = [];
/** How many requests have come for `/stall`, which is never answered. */
let stalled = 0;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'fetchmesh-serve-'));
  upstream = createServer((request, response) => {
    switch (request.url) {
      case '/wait':
        waiting.push(() => response.end('waited'));
        return;
      case '/stall':
        stalled += 1;
        return;
      case '/reset':
        request.socket.destroy();
        return;
      case '/half':
        response.writeHead(200, { 'content-length': '1000' });
        response.write('half a body');
        setImmediate(() => request.socket.destroy());
        return;
      default:
        response.write(`${request.method} ${request.url}`);
        request.on('data', (chunk) => response.write(chunk));
        request.on('end', () => response.end());
    }
  });
  release = () => {
    for (const answer of waiting.splice(0)) answer();
  };
  upstream.listen(0, '127.0.0.1');
  await once(upstream, 'listening');
  upstreamUrl = `http://127.0.0.1:${(upstream.address() as AddressInfo).port}`;
});

afterEach(() => {
  release();
  endAll();
});

afterAll(async () => {
  upstream.closeAllConnections();
  upstream.close();
  await rm(directory, { recursive: true });
});

/** What comes back over a socket of its own. */
async function answerTo(url: string, head: string, body = '', host = 'Host: x'): Promise<string> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(`${head}\r\n${host}\r\nConnection: close\r\n\r\n${body}`);
  let answer = '';
  socket.on('data', (chunk) => {
    answer += chunk;
  });
  await once(socket, 'close');
  return answer;
}

async function rulesFile(text: string): Promise<string> {
  const file = join(directory, `${crypto.randomUUID()}.yaml`);
  await writeFile(file, text);
  return file;
}

describe('starting', () => {
  test('--upstream alone is a gateway', async () => {
    const { url, admin } = await serve(['--upstream', upstreamUrl]);
    expect(await (await fetch(`${url}/a?b=1`)).text()).toBe('GET /a?b=1');
    expect((await fetch(`${admin}/healthz`)).status).toBe(200);
    expect((await fetch(`${admin}/readyz`)).status).toBe(200);
    expect(await (await fetch(`${admin}/metrics`)).text()).toContain('gateway_request_total');
  });

  test.each([
    ['malformed YAML', 'routes: [{ path: "/a"', /FM00\d.*\n.*:1:\d+/],
    ['an unknown key', 'routes: [{ path: /a, timout: 3s }]', /FM001[\s\S]*:1:22[\s\S]*timeout/],
    ['a wrong unit', 'routes: [{ path: /a, timeout: 3 lightyears }]', /FM010[\s\S]*:1:31/],
    ['no unit', 'routes: [{ path: /a, timeout: 3 }]', /FM011[\s\S]*3s or 3ms/],
    ['no upstream', 'routes: [{ path: /a }]', /FM021/],
    [
      'a block without its policy',
      'services: { a: "http://a" }\nadmin: {}\nroutes: [{ path: /a, to: a }]',
      /FM060/,
    ],
    ['an empty file', '', /FM0/],
  ])('R9: %s ends with 1, the place and the reason', async (_, text, expected) => {
    const child = cli(['serve', '--port', '0', '--admin-port', '0', '-f', await rulesFile(text)]);
    expect(await child.exited()).toBe(1);
    expect(child.output()).toMatch(expected);
  });

  test.each([
    [['serve', '--port', '99999'], /--port: '99999' is not a port/],
    [['serve', '--upstream', 'localhost:3000'], /--upstream: .* is not a URL/],
    [['serve', '--upstream', ''], /--upstream: "" is not a URL/],
    [['serve', '--upstream', 'http://u:p@a/'], /--upstream: give a URL without user, password/],
    [['serve', '--upstream', 'http://a/?q'], /--upstream: give a URL without .* query/],
    [['serve', '--drain-delay=-1', '--upstream', 'http://a'], /--drain-delay: '-1' is neither/],
    [['serve', '--drain-timeout', '', '--upstream', 'http://a'], /--drain-timeout: '' is neither/],
    [
      ['serve', '--drain-timeout', '3e9', '--upstream', 'http://a'],
      /'3e9' is neither .* to 2147483/,
    ],
    [['serve', '--no-such-option'], /no-such-option/],
    [['serve', '-f', '/does/not/exist.yaml'], /cannot read \/does\/not\/exist\.yaml/],
    [['sarve'], /unknown verb 'sarve'/],
  ])('%j ends with 2 and says what is wrong', async (args, expected) => {
    const child = cli(args);
    expect(await child.exited()).toBe(2);
    expect(child.output()).toMatch(expected);
  });

  test('a port that is taken is named, with the option that chooses another', async () => {
    const { url } = await serve(['--upstream', upstreamUrl]);
    const { port } = new URL(url);
    const child = cli(['serve', '--upstream', upstreamUrl, '--port', port, '--admin-port', '0']);
    expect(await child.exited()).toBe(2);
    expect(child.output()).toContain(`port ${port} is taken; choose another with --port`);
  });
});

describe('upstreams that misbehave', () => {
  test('each is answered, and the process lives', async () => {
    const rules = await rulesFile(
      `services: { up: "${upstreamUrl}", gone: "http://127.0.0.1:${await freePort()}" }\nroutes: [{ path: /gone, to: gone }, { path: /stall, to: up, timeout: 300ms }, { path: /**, to: up }]`,
    );
    const { url, process: child } = await serve(['-f', rules]);
    const reasonOf = async (path: string): Promise<unknown> => {
      const response = await fetch(`${url}${path}`);
      const { status, reason } = (await response.json()) as { status: number; reason: string };
      return [response.status, status, reason];
    };
    expect(await reasonOf('/gone')).toEqual([502, 502, 'upstream_connection_failed']);
    expect(await reasonOf('/stall')).toEqual([504, 504, 'timeout']);
    expect(await reasonOf('/reset')).toEqual([502, 502, 'upstream_connection_lost']);
    expect(await reasonOf('/%zz')).toEqual([400, 400, 'malformed_path']);

    const half = await fetch(`${url}/half`);
    expect(half.status).toBe(200);
    await expect(half.text()).rejects.toThrow();

    expect(await (await fetch(`${url}/well`)).text()).toBe('GET /well');
    expect(child.exitCode).toBeNull();
  });

  test('clients that leave before, during and after the answer do no harm', async () => {
    const { url, admin } = await serve(['--upstream', upstreamUrl]);
    const { port } = new URL(url);
    const raw = async (text: string, untilData: boolean): Promise<void> => {
      const socket = connect(Number(port), '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(text);
      if (untilData) await once(socket, 'data');
      socket.destroy();
    };
    for (let call = 0; call < 10; call++) {
      await raw('GET /wait HTTP/1.1\r\nHost: x\r\n\r\n', false);
      await raw('POST /p HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nhalf', false);
      await raw('GET /half HTTP/1.1\r\nHost: x\r\n\r\n', true);
      await raw('GET /a HTTP/1.1\r\nHost: x\r\n\r\n', true);
    }
    expect(await (await fetch(`${url}/well`)).text()).toBe('GET /well');
    // Of the last ones the gateway may hear later.
    let metrics = '';
    while (!metrics.includes('app_active_connections{service="gateway"} 0')) {
      metrics = await (await fetch(`${admin}/metrics`)).text();
    }
    expect(metrics).toMatch(/response_code="499"/);
  });

  test('what a client may send and Fetch cannot is answered too', async () => {
    const { url } = await serve(['--upstream', upstreamUrl]);
    expect(await answerTo(url, 'TRACE /a HTTP/1.1')).toMatch(/^HTTP\/1\.1 501 /);
    expect(await answerTo(url, 'GET /a HTTP/1.1\r\nContent-Length: 3', 'abc')).toContain('GET /a');
    const expecting = 'POST /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 3';
    expect(await answerTo(url, expecting, 'abc')).toMatch(
      /100 Continue[\s\S]*200 OK[\s\S]*POST \/a/,
    );
    const smuggled = 'POST /a HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked';
    expect(await answerTo(url, smuggled, '0\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 /);
    expect(await answerTo(url, 'HEAD /a HTTP/1.1')).toMatch(/200 OK[\s\S]*\r\n\r\n$/);
  });

  test('a Host that is none, or two, is a 400', async () => {
    const { url } = await serve(['--upstream', upstreamUrl]);
    const statusFor = async (host: string): Promise<string | undefined> =>
      (await answerTo(url, 'GET /a HTTP/1.1', '', host)).split(' ')[1];
    for (const host of ['x', 'x.test:80', 'x_y:', '127.0.0.1', '[::1]:8080']) {
      expect([host, await statusFor(`Host: ${host}`)]).toEqual([host, '200']);
    }
    for (const host of [
      'a b',
      'x:99999',
      'x:1:2',
      'x/../y',
      'u@x',
      '[::1',
      'http://x/',
      'x?y',
      '%00',
      'x\\y',
    ]) {
      expect([host, await statusFor(`Host: ${host}`)]).toEqual([host, '400']);
    }
    expect(await statusFor('Host: a\r\nHost: b')).toBe('400');
  });

  test.each([
    'retries: 1',
    'retries: 1, rewrite: { prefix: /a }',
    'hedge: { delay: 5s }',
    'fallback: { to: up, when: [5xx] }',
    'mirror: up',
  ])('a route with `%s` takes every method, with a body and without', async (policy) => {
    const rules = await rulesFile(
      `services: { up: "${upstreamUrl}" }\nroutes: [{ path: /a/**, to: up, ${policy} }]`,
    );
    const { url } = await serve(['-f', rules]);
    expect(await answerTo(url, 'TRACE /a HTTP/1.1')).toMatch(/^HTTP\/1\.1 501 /);
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'POST', 'PATCH']) {
      for (const body of ['a body', '']) {
        const response = await fetch(`${url}/a/1`, { method, body: body === '' ? null : body });
        expect(await response.text()).toBe(`${method} /a/1${body}`);
      }
    }
  });

  test('headers that are too large, and broken traces and baggage, are no trouble', async () => {
    const { url } = await serve(['--upstream', upstreamUrl]);
    const huge = await fetch(`${url}/a`, { headers: { 'x-huge': 'x'.repeat(20_000) } });
    expect(huge.status).toBe(431);
    const broken = await fetch(`${url}/a`, {
      headers: {
        traceparent: '00-zz-00-01',
        tracestate: '=,=,='.repeat(500),
        baggage: ';;;=%%%,a=%zz'.repeat(300),
      },
    });
    expect(broken.status).toBe(200);
  });
});

describe('reloading', () => {
  test('R1, R2: a bad file leaves the last good rules in force and the watcher alive', async () => {
    const file = await rulesFile('routes: [{ path: /one }]');
    const { url, said } = await serve(['-f', file, '--upstream', upstreamUrl, '--watch']);
    expect((await fetch(`${url}/one`)).status).toBe(200);

    await writeFile(file, 'routes: [{ path: /two, timout: 3s }]');
    // Not the first refusal: the file may have been read while it was still empty.
    await said(/FM001(.|\n)*rules not loaded/);
    expect((await fetch(`${url}/one`)).status).toBe(200);

    await writeFile(file, 'routes: [{ path: /three }]');
    await said(/revision \w+ is in force\n/);
    expect((await fetch(`${url}/one`)).status).toBe(404);
    expect((await fetch(`${url}/three`)).status).toBe(200);

    await unlink(file);
    await said(/cannot read .*: there is no such file; revision \w+ stays in force\n/);
    expect((await fetch(`${url}/three`)).status).toBe(200);

    await writeFile(file, 'routes: [{ path: /four }]');
    await said(/ is back\n(.|\n)*revision \w+ is in force\n/);
    await said(/what came with it: route \/three removed, route \/four added\n/);
    expect((await fetch(`${url}/four`)).status).toBe(200);
  });

  test('R1, R2: so do rules that cannot be put in force', async () => {
    const file = await rulesFile('routes: [{ path: /one }]');
    const { url, said } = await serve(['-f', file, '--upstream', upstreamUrl, '--watch']);
    await writeFile(file, 'telemetry: { service: other }\nroutes: [{ path: /two }]');
    await said(/rules not loaded; .* until a restart: .*a name has one declaration/);
    expect((await fetch(`${url}/one`)).status).toBe(200);

    await writeFile(file, 'routes: [{ path: /three }]');
    await said(/revision \w+ is in force\n/);
    expect((await fetch(`${url}/three`)).status).toBe(200);
  });

  test('what the start alone can take on is said: `state` counts from a restart on', async () => {
    const file = join(directory, 'state.yaml');
    const rules = (state: string, status: number): string =>
      `${state}routes: [{ path: /**, respond: { status: ${status} } }]\n`;
    await writeFile(file, rules('state: { mode: exact, instances: 2 }\n', 201));
    const gateway = await serve(['-f', file, '--watch']);
    const said = /fetchmesh: `state` is another one now, which counts from a restart on\n/g;
    await writeFile(file, rules('state: { mode: exact, instances: 3 }\n', 202));
    await gateway.said(said);
    expect((await fetch(gateway.url)).status).toBe(202);
    await writeFile(file, rules('', 203));
    await gateway.said(/(?:`state` is another one now[\s\S]*){2}/);
    expect((await fetch(gateway.url)).status).toBe(203);
    // Back to what the gateway runs with: nothing to say.
    await writeFile(file, rules('state: { instances: 2, mode: exact }\n', 204));
    await gateway.said(/(?:is in force[\s\S]*){3}/);
    expect(gateway.output().match(said)).toHaveLength(2);
  });

  test('500 requests under way while the rules are rewritten 50 times, some of them badly: none fails, each sees one revision', async () => {
    const good = (revision: number): string =>
      `# ${revision}\ntelemetry: { revision_header: true }\nroutes: [{ path: /** }]`;
    const file = await rulesFile(good(0));
    const { url, output } = await serve(['-f', file, '--upstream', upstreamUrl, '--watch']);

    // The upstream keeps all of them until the last rewrite is in force.
    const calls: Promise<{ status: number; revision: string | null; text: string }>[] = [];
    for (let rewrite = 1; rewrite <= 50; rewrite++) {
      for (let call = 0; call < 10; call++) {
        calls.push(
          fetch(`${url}/wait`).then(async (response) => ({
            status: response.status,
            revision: response.headers.get('x-fetchmesh-revision'),
            text: await response.text(),
          })),
        );
      }
      await writeFile(file, rewrite % 5 === 0 ? 'routes: [{ path' : good(rewrite));
      while (waiting.length < rewrite * 10) await new Promise((resolve) => setImmediate(resolve));
    }
    expect(waiting).toHaveLength(500);
    await writeFile(file, 'routes: [{ path: /gone }]');
    while ((await fetch(`${url}/other`)).status !== 404) {
      // The last rewrite is on its way.
    }
    release();

    const answers = await Promise.all(calls);
    const inForce = new Set([...output().matchAll(/revision (\w{12})/g)].map(([, one]) => one));
    for (const { status, revision, text } of answers) {
      expect([status, text]).toEqual([200, 'waited']);
      expect(inForce).toContain(revision);
    }
    expect(new Set(answers.map(({ revision }) => revision)).size).toBeGreaterThan(1);
  });
});

describe('ending', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'after %s requests under way end, new ones are refused, and the exit code is 0',
    async (signal) => {
      const { url, process: child, said, exited } = await serve(['--upstream', upstreamUrl]);
      const slow = fetch(`${url}/wait`);
      while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
      child.kill(signal);
      await said(/draining 1 requests/);
      // New ones are taken for as long as --drain-delay says.
      const isTaken = () =>
        fetch(`${url}/late`).then(
          (response) => response.text(),
          () => '',
        );
      while ((await isTaken()) !== '');
      release();
      const response = await slow;
      expect(await response.text()).toBe('waited');
      expect(response.headers.get('connection')).toBe('close');
      expect(await exited()).toBe(0);
    },
  );

  test('readiness goes first, and stays to be asked', async () => {
    const { url, admin, process: child, said, exited } = await serve(['--upstream', upstreamUrl]);
    const slow = fetch(`${url}/wait`);
    while (waiting.length === 0) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGTERM');
    await said(/draining/);
    expect((await fetch(`${admin}/readyz`)).status).toBe(503);
    release();
    await (await slow).text();
    expect(await exited()).toBe(0);
  });

  test('a request that does not end is cut off after --drain-timeout', async () => {
    const {
      url,
      process: child,
      output,
      exited,
    } = await serve([...['--upstream', upstreamUrl], ...['--drain-timeout', '0.2']]);
    const before = stalled;
    const stuck = fetch(`${url}/stall`);
    stuck.catch(() => {});
    while (stalled === before) await new Promise((resolve) => setImmediate(resolve));
    child.kill('SIGTERM');
    expect(await exited()).toBe(0);
    expect(output()).toContain('cut off');
    await expect(stuck).rejects.toThrow();
  });
});
