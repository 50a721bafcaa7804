import { describe, expect, test } from 'vitest';
import { service } from '../../src/routing/service.ts';

const endpoints = ['http://a.test', 'http://b.test'];

describe('a service is refused with', () => {
  test('a split over versions that there are not, or without any weight', () => {
    const users = service({ name: 'users', versions: { v1: endpoints, v2: ['http://c.test'] } });
    expect(() => users.split({ v3: 1 })).toThrow('split: there is no version "v3", only v1, v2');
    expect(() => users.split({ v1: 0 })).toThrow('weight: at least one must be above 0');
    expect(() => users.version('v3')).toThrow('version: there is no version "v3", only v1, v2');
  });
});
