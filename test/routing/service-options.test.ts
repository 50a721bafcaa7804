import { describe, expect, test } from 'vitest';
import { type ServiceOptions, service } from '../../src/routing/service.ts';

const endpoints = ['http://a.test', 'http://b.test'];

/** Options that a caller in plain JavaScript may well give, and the message that they get. */
const refused: readonly (readonly [Record<string, unknown>, string])[] = [
  [{ name: '' }, 'service.name: "" is not a name'],
  [{ name: 7 }, 'service.name: 7 is not a name'],
  [{ endpoint: 'http://a.test' }, "service: there is no option 'endpoint', only name, endpoints"],
  [{ endpoints: undefined }, 'service: give either endpoints or versions'],
  [{ versions: { v1: endpoints } }, 'service: give either endpoints or versions'],
  [{ endpoints: undefined, versions: {} }, 'service.versions: there is none'],
  [{ endpoints: undefined, versions: { v1: [] } }, 'service.versions.v1: [] is not a list'],
  [{ endpoints: [] }, 'service.endpoints: [] is not a list of at least one endpoint'],
  [{ endpoints: 'http://a.test' }, 'service.endpoints: "http://a.test" is not a list'],
  [{ endpoints: ['a.test'] }, 'service.endpoints[0]: "a.test" is not an absolute http or https'],
  [{ endpoints: ['ftp://a.test'] }, 'service.endpoints[0]: "ftp://a.test" is not an absolute'],
  [
    { endpoints: ['http://u:p@a.test'] },
    'is not an absolute http or https URL without credentials',
  ],
  [{ endpoints: ['http://a.test?x'] }, 'service.endpoints[0]: "http://a.test?x" is not'],
  [{ endpoints: [{ weight: 1 }] }, 'service.endpoints[0]: undefined is not an absolute'],
  [{ endpoints: [null] }, 'service.endpoints[0]: undefined is not an absolute'],
  [{ endpoints: ['http://a', 'http://a/'] }, "service.endpoints[1]: 'http://a' is listed twice"],
  [{ endpoints: [{ url: 'http://a', weight: -1 }] }, 'service.endpoints: weight: -1 is not'],
  [
    { endpoints: [{ url: 'http://a', weight: Number.NaN }] },
    'service.endpoints: weight: NaN is not',
  ],
  [{ endpoints: [{ url: 'http://a', weight: 0 }] }, 'service.endpoints: weight: at least one must'],
  [{ balance: 'fastest' }, 'service.balance: "fastest" is not one of least_request, round_robin'],
  [{ balance: null }, 'service.balance: null is not an object with options'],
  [{ balance: { policy: 'fastest' } }, 'service.balance.policy: "fastest" is not one of'],
  [{ balance: { bias: -1 } }, 'service.balance.bias: -1 is not a number of 0 or more'],
  [{ balance: { bias: Number.NaN } }, 'service.balance.bias: NaN is not a number of 0 or more'],
  [
    { balance: { policy: 'random', bias: 1 } },
    "service.balance.bias: only 'least_request' has one",
  ],
  [{ balance: { panic: 1.1 } }, 'service.balance.panic: 1.1 is not a share from 0 to 1'],
  [{ balance: { panic: -0.1 } }, 'service.balance.panic: -0.1 is not a share from 0 to 1'],
  [{ balance: { panic: '50%' } }, 'service.balance.panic: "50%" is not a share from 0 to 1'],
  [{ balance: { panik: 0.5 } }, "service.balance: there is no option 'panik'"],
  [{ outlier: true }, 'service.outlier: true is not an object with options'],
  [{ outlier: { failures: -1 } }, 'service.outlier.failures: -1 is not a whole number of 0'],
  [{ outlier: { failures: 1.5 } }, 'service.outlier.failures: 1.5 is not a whole number of 0'],
  [{ outlier: { failures: 0 } }, 'service.outlier: nothing is counted'],
  [{ outlier: { gatewayFailures: '5' } }, 'service.outlier.gatewayFailures: "5" is not a whole'],
  [{ outlier: { localFailures: Infinity } }, 'service.outlier.localFailures: Infinity is not a'],
  [{ outlier: { maxEjected: 0 } }, 'service.outlier.maxEjected: 0 is not a share above 0'],
  [{ outlier: { maxEjected: 10 } }, 'service.outlier.maxEjected: 10 is not a share above 0'],
  [{ outlier: { interval: '0s' } }, "service.outlier.interval: '0s' must be longer than nothing"],
  [{ outlier: { interval: 10 } }, 'service.outlier.interval: 10 is not a duration'],
  [{ outlier: { ejectFor: 'soon' } }, 'service.outlier.ejectFor: "soon" is not a duration'],
  [
    { outlier: { maxEjectFor: '10s' } },
    "service.outlier.maxEjectFor: '10s' is shorter than ejectFor",
  ],
  [{ outlier: { ejections: 1 } }, "service.outlier: there is no option 'ejections'"],
  [{ outlier: { successRate: { deviations: 0 } } }, 'service.outlier.successRate.deviations: 0 is'],
  [{ outlier: { successRate: { minEndpoints: 1 } } }, 'successRate.minEndpoints: 1 is not a whole'],
  [{ outlier: { successRate: { minRequests: 0 } } }, 'successRate.minRequests: 0 is not a whole'],
  [{ outlier: { failureRate: { threshold: 85 } } }, 'service.outlier.failureRate.threshold: 85 is'],
  [{ outlier: { failureRate: { treshold: 1 } } }, "there is no option 'treshold', only threshold"],
  [{ health: {} }, 'service.health.path: undefined is not a path such as /healthz'],
  [{ health: { path: 'healthz' } }, 'service.health.path: "healthz" is not a path'],
  [{ health: { path: '//evil.test' } }, 'service.health.path: "//evil.test" is not a path'],
  [
    { health: { path: '/', interval: '50ms' } },
    "service.health.interval: '50ms' is not from 100ms",
  ],
  [{ health: { path: '/', interval: '30d' } }, "service.health.interval: '30d' is not from 100ms"],
  [
    { health: { path: '/', timeout: '0s' } },
    "service.health.timeout: '0s' is not longer than nothing",
  ],
  [{ health: { path: '/', timeout: '11s' } }, "service.health.timeout: '11s' is not longer than"],
  [
    { health: { path: '/', downAfter: 0 } },
    'service.health.downAfter: 0 is not a whole number of 1',
  ],
  [{ health: { path: '/', upAfter: 0 } }, 'service.health.upAfter: 0 is not a whole number of 1'],
  [{ health: { path: '/', jitter: 1 } }, "service.health: there is no option 'jitter'"],
];

describe('a service is refused with', () => {
  test.each(refused)('%j', (options, message) => {
    const make = () => service({ name: 'users', endpoints, ...options } as ServiceOptions);
    expect(make).toThrow(RangeError);
    expect(make).toThrow(message);
  });

  test('a split over versions that there are not, or without any weight', () => {
    const users = service({ name: 'users', versions: { v1: endpoints, v2: ['http://c.test'] } });
    expect(() => users.split({ v3: 1 })).toThrow('split: there is no version "v3", only v1, v2');
    expect(() => users.split({ v1: 0 })).toThrow('weight: at least one must be above 0');
    expect(() => users.version('v3')).toThrow('version: there is no version "v3", only v1, v2');
  });
});
