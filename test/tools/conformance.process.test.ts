import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { describe, expect, onTestFinished, test } from 'vitest';

function conformance(...args: string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['tools/conformance.ts', ...args],
    {
      encoding: 'utf8',
    },
  );
  return { status, output: stdout + stderr };
}

function emptyFolder(): string {
  const directory = mkdtempSync(join(tmpdir(), 'fetchmesh-corpora-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
}

/** A corpus of one request and two paths. */
function corpus(status: number): string {
  const directory = emptyFolder();
  const deny = {
    kind: 'AuthorizationPolicy',
    metadata: { name: 'p', namespace: 'ns1' },
    spec: { action: 'DENY', rules: [{ to: [{ operation: { paths: ['/admin'] } }] }] },
  };
  const request = { method: 'GET', host: 'b.ns1', path: '/%61dmin' };
  const document = {
    world: {
      target: { namespace: 'ns1', labels: {} },
      callers: { allowed: { principal: 'cluster.local/ns/ns1/sa/a', ip: '10.1.0.10' } },
    },
    ...{ jwks: { keys: [] }, jwksUri: 'http://jwt-server.test/jwks' },
    suites: [
      { suite: 's', policies: [deny], requests: [{ id: 's#0', request, expect: { status } }] },
    ],
    pathNormalization: [
      { group: 'None', normalization: 'NONE', cases: [{ in: '/', out: '/' }] },
      { group: 'Base', normalization: 'BASE', cases: [{ in: '/a//%62', out: '/a//b' }] },
    ],
  };
  writeFileSync(join(directory, 'istio-security.json'), JSON.stringify(document));
  return directory;
}

describe('npm run conformance', () => {
  test('prints one score for each corpus, and what it does not support by name', () => {
    const { status, output } = conformance(corpus(403));
    expect(output).toContain('istio-security.json: 2 of 2, 1 not supported\n');
    expect(output).toContain(
      'not supported  path normalisation NONE (1): the URL of a Fetch Request',
    );
    expect(status).toBe(0);
  });

  test('exits with 1 where a case fails, and says which', () => {
    const { status, output } = conformance(corpus(200));
    expect(output).toContain('istio-security.json: 1 of 2');
    expect(output).toContain('failed         s#0: status 403, not 200');
    expect(status).toBe(1);
  });

  test('exits with 1 where the folder is missing, unless that is said to be fine', () => {
    const missing = join(tmpdir(), 'fetchmesh-no-such-folder');
    const { status, output } = conformance(missing);
    expect(output).toContain(`conformance: skipped, ${missing} does not exist`);
    expect(status).toBe(1);
    expect(conformance(missing, '--without-corpora').status).toBe(0);
  });

  test('exits with 1 where the folder has nothing to run', () => {
    const { status, output } = conformance(emptyFolder());
    expect(output).toContain('holds none of the supported corpora');
    expect(status).toBe(1);
  });
});
