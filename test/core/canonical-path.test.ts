import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { canonicalPath } from '../../src/core/canonical-path.ts';

describe('canonicalPath', () => {
  test.each([
    ['/', '/'],
    ['/users', '/users'],
    ['/users/', '/users/'],
    ['/%61dmin', '/admin'],
    ['/%41%5a%7e%2d%5f%2E', '/AZ~-_.'],
    ['/a%2fb', '/a%2Fb'],
    ['/a%5cb', '/a%5Cb'],
    ['/a\\b', '/a/b'],
    ['//a///b//', '/a/b/'],
    ['/a/./b', '/a/b'],
    ['/a/../b', '/b'],
    ['/a/%2e%2e/b', '/b'],
    ['/a/.%2E/b', '/b'],
    ['/a/..%2fb', '/a/..%2Fb'],
    ['/../../a', '/a'],
    ['/a/..', '/'],
    ['/a/b/..', '/a/'],
    ['/a/.', '/a/'],
    ['/..', '/'],
    ['/...', '/...'],
    ['/..a/.b', '/..a/.b'],
    ['/%2561', '/%2561'],
    ['/%252e%252e/a', '/%252e%252e/a'],
    ['/a%20b', '/a%20b'],
    ['/caf%c3%a9', '/caf%C3%A9'],
    ['/a;v=1/..;/b', '/a;v=1/..;/b'],
    ['/a+b', '/a+b'],
    ['/%2B', '/%2B'],
    ['/a^b', '/a%5Eb'],
    ['/.well-known/a', '/.well-known/a'],
    ['/a/.b/..c/...', '/a/.b/..c/...'],
    ['/a b|"<é', '/a b|"<é'],
    ['', '/'],
    ['a/b', '/b'],
  ])('pitfall 13: %s → %s', (path, expected) => {
    expect(canonicalPath(path)).toBe(expected);
  });

  test.each(['/%00', '/a%00b', '/%', '/%4', '/%4g', '/%%34%31', '/%u0041', '/a%2', '/%zz/..'])(
    'pitfall 13: %s is malformed',
    (path) => {
      expect(canonicalPath(path)).toBeUndefined();
    },
  );

  test('takes time in proportion to the length, also where nothing matches', () => {
    // Would not end within the limit of a test if any expression backtracked.
    const long = 200_000;
    expect(canonicalPath(`${'/a'.repeat(long)}/%61`)?.length).toBe(2 * long + 2);
    expect(canonicalPath(`${'/.'.repeat(long)}!`)).toBe('/.!');
    expect(canonicalPath(`${'/..'.repeat(long)}\u{7f}`)).toBe('/..\u{7f}');
    expect(canonicalPath('%'.repeat(long))).toBeUndefined();
    expect(canonicalPath('/'.repeat(long))).toBe('/');
  });
});

/** Pieces out of which attacks are made, and harmless ones. */
const piece = fc.oneof(
  fc.constantFrom('/', '//', '.', '..', '\\', '%2f', '%2F', '%5c', '%2e', '%2E', '%25', '%61', '^'),
  fc.constantFrom('a', 'B', '~', ';', '%7E', '%c3%a9', '%20', '%00', '%', '%4', '%zz', 'é', ' '),
  fc.integer({ min: 0, max: 255 }).map((byte) => `%${byte.toString(16).padStart(2, '0')}`),
);
const path = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`);

describe('the levels of Istio', () => {
  test.each([
    // base, merge_slashes, decode_and_merge_slashes
    ['/a//b', '/a//b', '/a/b', '/a/b'],
    ['/a/%2fb', '/a/%2Fb', '/a/%2Fb', '/a/b'],
    ['/a%5cb', '/a%5Cb', '/a%5Cb', '/a/b'],
    ['/a/..%2fb', '/a/..%2Fb', '/a/..%2Fb', '/b'],
    ['/a%2f%2e%2e%2fb', '/a%2F..%2Fb', '/a%2F..%2Fb', '/b'],
    ['/a//../b', '/a/b', '/a/b', '/a/b'],
    ['/a/\\b', '/a//b', '/a/b', '/a/b'],
    ['/a/b/.', '/a/b/', '/a/b/', '/a/b/'],
    ['//', '//', '/', '/'],
    ['/%252f', '/%252f', '/%252f', '/%252f'],
    ['/%c0%af', '/%C0%AF', '/%C0%AF', '/%C0%AF'],
  ])('%s', (path, base, merge, decode) => {
    expect(canonicalPath(path, 'base')).toBe(base);
    expect(canonicalPath(path, 'merge_slashes')).toBe(merge);
    expect(canonicalPath(path)).toBe(merge);
    expect(canonicalPath(path, 'decode_and_merge_slashes')).toBe(decode);
  });

  test.each(['base', 'decode_and_merge_slashes'] as const)('%s is idempotent', (level) => {
    fc.assert(
      fc.property(path, (path) => {
        const canonical = canonicalPath(path, level);
        fc.pre(canonical !== undefined);
        expect(canonicalPath(canonical, level)).toBe(canonical);
        for (const segment of canonical.split('/')) expect(['.', '..']).not.toContain(segment);
      }),
      { numRuns: 2_000 },
    );
  });
});

describe('for all paths', () => {
  const check = (property: (canonical: string, path: string) => void): void => {
    fc.assert(
      fc.property(path, (path) => {
        const canonical = canonicalPath(path);
        if (canonical !== undefined) property(canonical, path);
      }),
      { numRuns: 2_000 },
    );
  };

  test('agrees with a slow, literal reference', () => {
    fc.assert(
      fc.property(path, (path) => {
        expect(canonicalPath(path)).toBe(reference(path));
      }),
      { numRuns: 2_000 },
    );
  });

  test('is idempotent', () => {
    check((canonical) => expect(canonicalPath(canonical)).toBe(canonical));
  });

  test('never decodes %2F, %5C or %25, nor makes one', () => {
    check((canonical, path) => {
      for (const kept of ['%2F', '%5C', '%25']) {
        const before = path.toUpperCase().split(kept).length;
        const after = canonical.split(kept).length;
        // A dot segment may take an escape away together with the segment before it.
        if (/\.|%2e/i.test(path)) expect(after).toBeLessThanOrEqual(before);
        else expect(after).toBe(before);
      }
    });
  });

  test('leaves no dot segment, no empty segment, no backslash', () => {
    check((canonical) => {
      expect(canonical.startsWith('/')).toBe(true);
      expect(canonical).not.toContain('\\');
      expect(canonical).not.toContain('//');
      for (const segment of canonical.split('/')) expect(['.', '..']).not.toContain(segment);
    });
  });

  test('leaves no escape in lower case and none of an unreserved character', () => {
    check((canonical) => {
      expect(canonical).not.toMatch(/%(?![0-9A-F]{2})/);
      expect(canonical).not.toMatch(/%(?:2[DE]|3\d|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])/);
    });
  });

  test('a URL with the canonical path has that path', () => {
    check((canonical) => {
      // What the URL standard escapes by itself is not compared.
      fc.pre(!/[^\x21-\x7e]|["<>^`{|}?#]/.test(canonical));
      expect(new URL(`http://shop.example${canonical}`).pathname).toBe(canonical);
    });
  });
});

/** One character at a time, as the doc comment says it. */
function reference(path: string): string | undefined {
  let decoded = '';
  for (let position = 0; position < path.length; position++) {
    const character = path.charAt(position);
    if (character === '\\') {
      decoded += '/';
    } else if (character === '^') {
      decoded += '%5E';
    } else if (character !== '%') {
      decoded += character;
    } else {
      const digits = path.slice(position + 1, position + 3);
      if (digits.length < 2) return undefined;
      for (const digit of digits) if (!'0123456789abcdefABCDEF'.includes(digit)) return undefined;
      const code = Number.parseInt(digits, 16);
      if (code === 0) return undefined;
      const meant = String.fromCharCode(code);
      const isUnreserved =
        (meant >= 'a' && meant <= 'z') ||
        (meant >= 'A' && meant <= 'Z') ||
        (meant >= '0' && meant <= '9') ||
        '-._~'.includes(meant);
      decoded += isUnreserved ? meant : `%${digits.toUpperCase()}`;
      position += 2;
    }
  }
  let output = '';
  let input = decoded;
  // RFC 3986 §5.2.4.
  while (input !== '') {
    if (input.startsWith('/./')) input = input.slice(2);
    else if (input === '/.') input = '/';
    else if (input.startsWith('/../')) {
      input = input.slice(3);
      output = output.slice(0, Math.max(0, output.lastIndexOf('/')));
    } else if (input === '/..') {
      input = '/';
      output = output.slice(0, Math.max(0, output.lastIndexOf('/')));
    } else {
      const end = input.indexOf('/', 1);
      output += end === -1 ? input : input.slice(0, end);
      input = end === -1 ? '' : input.slice(end);
    }
  }
  while (output.includes('//')) output = output.replace('//', '/');
  return output;
}
