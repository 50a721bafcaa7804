import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commonNameOf } from '../../src/security/distinguished-name.ts';
import { parseForwardedCertificates } from '../../src/security/forwarded-client-cert.ts';

const web = 'spiffe://cluster.local/ns/shop/sa/web';

describe('PI-03 x-forwarded-client-cert', () => {
  test.each<[header: string, uris: readonly (readonly string[])[]]>([
    [`URI=${web}`, [[web]]],
    [`By=spiffe://a/b;Hash=468ed33be74eee6556d90c0149c1309e;Subject="";URI=${web}`, [[web]]],
    [`Hash=ab;Subject="CN=web,O=a;b";URI=${web};DNS=a.example;DNS=b.example`, [[web]]],
    [`URI="${web}"`, [[web]]],
    [`uri=${web}`, [[web]]],
    [`URI=a;URI=b`, [['a', 'b']]],
    [`URI=a,URI=b`, [['a'], ['b']]],
    [`Hash=ab, URI=b`, [[], ['b']]],
    [`URI=`, [[]]],
    [`Subject="\\"URI=a,URI=b"`, [[]]],
    [`Subject="O=\\"x\\";URI=evil";URI=b`, [['b']]],
  ])('%s', (header, uris) => {
    expect(parseForwardedCertificates(header)?.map((each) => each.uris)).toEqual(uris);
  });

  test.each([
    '',
    'URI',
    '=a',
    'URI=a;',
    'URI=a,',
    ',URI=a',
    'URI="a',
    'URI="a"b',
    'URI=a"b"',
    `${web}`,
    'URI=a\tURI="b"',
    `URI=${'a'.repeat(65_536)}`,
  ])('%.40s is malformed, and names nobody', (header) => {
    expect(parseForwardedCertificates(header)).toBeUndefined();
  });

  test('what is quoted is read as it was', () => {
    fc.assert(
      fc.property(fc.string(), fc.webUrl(), (subject, uri) => {
        const quoted = subject.replace(/["\\]/g, '\\$&');
        const [only] = parseForwardedCertificates(`Subject="${quoted}";URI="${uri}"`) ?? [];
        expect(only).toMatchObject({ uris: [uri] });
        if (subject !== '') expect(only?.subject).toBe(subject);
      }),
    );
  });

  test('no text makes it throw, nor take long', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), parseAnything));
    fc.assert(
      fc.property(fc.array(fc.constantFrom('URI=', 'a', ';', ',', '"', '\\', ' ', '=')), (parts) =>
        parseAnything(parts.join('')),
      ),
    );
    for (const part of ['URI=a;', 'URI="a\\"', 'URI=a,', '""""', 'URI=  ']) {
      parseAnything(part.repeat(10_000).slice(0, 65_536));
    }
  });
});

function parseAnything(text: string): void {
  for (const { uris } of parseForwardedCertificates(text) ?? []) {
    for (const uri of uris) expect(text.replaceAll('\\', '')).toContain(uri.replaceAll('\\', ''));
  }
}

describe('the common name of a distinguished name', () => {
  test.each<[name: string, common: string | undefined]>([
    ['CN=web', 'web'],
    ['OU=Web,CN=shop,O=Shop', 'shop'],
    ['O=Shop,2.5.4.5=7,CN=web', 'web'],
    ['CN=shop\\, north', 'shop, north'],
    ['CN=a\\2Bb', 'a+b'],
    ['CN=Sch\\C3\\B6n', 'Schön'],
    ['O=x\\,CN=evil,CN=web', 'web'],
    ['OU=a+CN=web', 'web'],
    ['CN=first,CN=second', 'first'],
    ['CN=', undefined],
    ['O=Shop', undefined],
    ['', undefined],
    ['web', undefined],
    ['CN="web"', undefined],
    ['CN=web\\', undefined],
  ])('%s: %s', (name, common) => {
    expect(commonNameOf(name)).toBe(common);
  });

  test('no text makes it throw, nor take long', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void commonNameOf(text)));
    for (const part of ['CN=a,', '\\,', 'a', 'CN=\\']) commonNameOf(part.repeat(20_000));
  });
});
