import { describe, expect, test } from 'vitest';
import { type Environment, readOtelEnvironment } from '../../src/cli/otel-environment.ts';

const nothing = { isOff: false, headers: {}, resource: {}, warnings: [] };

test.each<[string, Environment, object]>([
  ['nothing', {}, {}],
  ['an empty variable is not set', { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_SERVICE_NAME: '' }, {}],
  [
    'a base gets the path for traces',
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' },
    { endpoint: 'http://collector:4318/v1/traces' },
  ],
  [
    'a base with a path gets it too',
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector/otlp/' },
    { endpoint: 'https://collector/otlp/v1/traces' },
  ],
  [
    'a base that is the whole address is left alone',
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318/v1/traces' },
    { endpoint: 'http://collector:4318/v1/traces' },
  ],
  [
    'the address for traces goes first, as it is',
    {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://base:4318',
      OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://traces/own',
    },
    { endpoint: 'http://traces/own' },
  ],
  [
    'headers, escapes and spaces included; those for traces go first',
    {
      OTEL_EXPORTER_OTLP_HEADERS: 'authorization=Bearer%20abc%3D, x-tenant=shop,',
      OTEL_EXPORTER_OTLP_TRACES_HEADERS: 'x-tenant=traces',
    },
    { headers: { authorization: 'Bearer abc=', 'x-tenant': 'traces' } },
  ],
  [
    'a base with a query gets the path before it',
    { OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector/otlp?key=1' },
    { endpoint: 'https://collector/otlp/v1/traces?key=1' },
  ],
  [
    'words in any case',
    {
      ...{ OTEL_EXPORTER_OTLP_COMPRESSION: 'GZIP', OTEL_EXPORTER_OTLP_PROTOCOL: 'HTTP/JSON' },
      ...{ OTEL_TRACES_SAMPLER: 'Always_On', OTEL_TRACES_EXPORTER: 'OTLP' },
    },
    { compression: 'gzip', sampler: { root: 'always_on', ratio: 1, parentBased: false } },
  ],
  ['no limit of time', { OTEL_EXPORTER_OTLP_TIMEOUT: '0' }, { timeoutMillis: 2_147_483_647 }],
  [
    'names with escapes',
    { OTEL_RESOURCE_ATTRIBUTES: 'a%2Cb=1,__proto__=2' },
    {
      resource: Object.fromEntries([
        ['a,b', '1'],
        ['__proto__', '2'],
      ]),
    },
  ],
  ['on', { OTEL_SDK_DISABLED: 'False' }, {}],
  [
    'time and compression',
    { OTEL_EXPORTER_OTLP_TIMEOUT: '2500', OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'gzip' },
    { timeoutMillis: 2_500, compression: 'gzip' },
  ],
  [
    'the resource, and the name in it',
    { OTEL_RESOURCE_ATTRIBUTES: 'service.name=edge,deployment.environment=eu%2Cwest' },
    { serviceName: 'edge', resource: { 'deployment.environment': 'eu,west' } },
  ],
  [
    'the name of its own goes first',
    { OTEL_SERVICE_NAME: 'front', OTEL_RESOURCE_ATTRIBUTES: 'service.name=edge' },
    { serviceName: 'front' },
  ],
  [
    'a sampler',
    { OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '0.25' },
    { sampler: { root: 'traceidratio', ratio: 0.25, parentBased: true } },
  ],
  [
    'a sampler that needs no ratio hears none',
    { OTEL_TRACES_SAMPLER: 'always_off', OTEL_TRACES_SAMPLER_ARG: 'nonsense' },
    { sampler: { root: 'always_off', ratio: 1, parentBased: false } },
  ],
  ['off', { OTEL_SDK_DISABLED: 'TRUE' }, { isOff: true }],
  ['off for traces', { OTEL_TRACES_EXPORTER: 'none' }, { isOff: true }],
  ['the one protocol that there is', { OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }, {}],
])('%s', (_, environment, expected) => {
  expect(readOtelEnvironment(environment)).toEqual({ ...nothing, ...expected });
});

describe('what makes no sense is a warning, and as if it were not set', () => {
  test.each<[Environment, string]>([
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '10s' }, 'OTEL_EXPORTER_OTLP_TIMEOUT'],
    [{ OTEL_EXPORTER_OTLP_TIMEOUT: '-1' }, 'OTEL_EXPORTER_OTLP_TIMEOUT'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'hunter2:4318' }, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    [{ OTEL_EXPORTER_OTLP_ENDPOINT: 'http://a:hunter2@c/' }, 'OTEL_EXPORTER_OTLP_ENDPOINT'],
    [{ OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'hunter2' }, 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'],
    [{ OTEL_EXPORTER_OTLP_CERTIFICATE: '/ca.pem' }, 'OTEL_EXPORTER_OTLP_CERTIFICATE'],
    [{ OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: '/k.pem' }, 'OTEL_EXPORTER_OTLP_CLIENT_KEY'],
    [{ OTEL_SDK_DISABLED: 'yes' }, 'OTEL_SDK_DISABLED'],
    [{ OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: 'zstd' }, 'OTEL_EXPORTER_OTLP_TRACES_COMPRESSION'],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'hunter2' }, 'OTEL_EXPORTER_OTLP_HEADERS'],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a=%hunter2' }, 'OTEL_EXPORTER_OTLP_HEADERS'],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a b=hunter2' }, 'OTEL_EXPORTER_OTLP_HEADERS'],
    [{ OTEL_EXPORTER_OTLP_HEADERS: 'a=x%0Ahunter2' }, 'OTEL_EXPORTER_OTLP_HEADERS'],
    [{ OTEL_RESOURCE_ATTRIBUTES: '=1' }, 'OTEL_RESOURCE_ATTRIBUTES'],
    [{ OTEL_TRACES_SAMPLER: 'jaeger_remote' }, 'OTEL_TRACES_SAMPLER'],
    [{ OTEL_EXPORTER_OTLP_PROTOCOL: 'grpc' }, 'OTEL_EXPORTER_OTLP_PROTOCOL'],
    [{ OTEL_TRACES_EXPORTER: 'zipkin' }, 'OTEL_TRACES_EXPORTER'],
  ])('%j', (environment, variable) => {
    const { warnings, ...settings } = readOtelEnvironment(environment);
    expect({ ...settings, warnings: [] }).toEqual(nothing);
    expect(warnings).toEqual([expect.stringContaining(variable)]);
    // Values of these variables are secrets at times.
    expect(warnings.join()).not.toContain('hunter2');
  });

  test.each(['25', '-0.1', ' ', 'half'])('a share of %j is as if it were not set', (share) => {
    const environment = { OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: share };
    expect(readOtelEnvironment(environment)).toMatchObject({
      sampler: { root: 'traceidratio', ratio: 1, parentBased: false },
      warnings: [expect.stringContaining('OTEL_TRACES_SAMPLER_ARG')],
    });
  });

  test('the general one counts where that for traces makes no sense', () => {
    const environment = {
      OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: 'soon',
      OTEL_EXPORTER_OTLP_TIMEOUT: '7',
    };
    expect(readOtelEnvironment(environment)).toMatchObject({
      timeoutMillis: 7,
      warnings: [expect.stringContaining('OTEL_EXPORTER_OTLP_TRACES_TIMEOUT')],
    });
  });
});
