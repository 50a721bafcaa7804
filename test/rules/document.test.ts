import { describe, expect, test } from 'vitest';
import { readDocument } from '../../src/rules/document.ts';
import { find, type Path } from '../../src/rules/nodes.ts';

function placeOf(text: string, path: Path): string | undefined {
  const { root, source } = readDocument(text);
  const found = root && find(root, path);
  return found && source.slice(found.node.span);
}

describe('readDocument', () => {
  const text = `
routes:
  - path: "/a"   # a comment
    to: { users@v1: 90,
          users@v2: 10 }
    match:
      headers:
        x-env: canary

  - path: /b
`;

  test.each([
    [['routes', 0, 'path'], '"/a"'],
    [['routes', 0, 'to', 'users@v2'], '10'],
    [['routes', 0, 'match', 'headers'], 'x-env: canary'],
    [['routes', 1], 'path: /b'],
  ] as const)('knows where %j stands', (path, written) => {
    expect(placeOf(text, path)).toBe(written);
  });

  test('a path that leads nowhere finds nothing', () => {
    expect(placeOf(text, ['routes', 2])).toBeUndefined();
    expect(placeOf(text, ['routes', 0, 'path', 'x'])).toBeUndefined();
    expect(placeOf(text, ['toString'])).toBeUndefined();
  });

  test('keys are taken as they are written', () => {
    const { root } = readDocument('1.10: a\n0x1f: b\ntrue: c\n"x y": d\n');
    expect(root?.kind === 'map' && [...root.entries.keys()]).toEqual([
      '1.10',
      '0x1f',
      'true',
      'x y',
    ]);
  });

  test('P9: words that YAML 1.1 takes for truth values are text', () => {
    expect(find(readDocument('a: yes').root as never, ['a'])?.node.kind).toBe('text');
  });

  test('JSON is read with its tabs, escapes and surrogates', () => {
    const { root, diagnostics } = readDocument('{\n\t"a\\/b": "\\ud83d\\ude00\\n"\n}');
    expect(diagnostics).toEqual([]);
    expect(find(root as never, ['a/b'])?.node).toMatchObject({ value: '😀\n' });
  });

  test('offsets count a byte order mark, columns do not', () => {
    const { diagnostics } = readDocument('\ufeffa: *b\r\nc: *d\r\n');
    expect(diagnostics.map(({ range }) => [range.line, range.column, range.start])).toEqual([
      [1, 4, 4],
      [2, 4, 11],
    ]);
  });

  test('a file that is too long is not read', () => {
    const { root, diagnostics } = readDocument('a: b', { maxLength: 3 });
    expect(root).toBeUndefined();
    expect(diagnostics).toMatchObject([{ code: 'FM007', range: { line: 1, column: 1 } }]);
  });

  test.each(['[', '{a: ', '- ', '? ', '"a": [{'])(
    'a bomb of %j is refused where it gets too deep',
    (piece) => {
      const { root, diagnostics } = readDocument(piece.repeat(200_000));
      expect(root).toBeUndefined();
      expect(diagnostics.at(-1)?.code).toMatch(/FM00[27]/);
    },
  );

  test('a bomb of aliases is refused without being unfolded', () => {
    const levels = Array.from({ length: 30 }, (_, level) => {
      const items =
        level === 0
          ? 'x'
          : Array(10)
              .fill(`*a${level - 1}`)
              .join(', ');
      return `a${level}: &a${level} [${items}]`;
    });
    const { diagnostics } = readDocument(levels.join('\n'));
    expect(new Set(diagnostics.map(({ code }) => code))).toEqual(new Set(['FM003']));
  });

  test('nothing of what YAML adds to JSON gets through unnoticed', () => {
    for (const text of [
      'a: !!binary aGk=',
      'a: &b c',
      'a: *b',
      '<<: {a: b}',
      '? [a]\n: b',
      'a: 1\na: 2',
    ]) {
      expect(readDocument(text).diagnostics, text).toHaveLength(1);
    }
  });
});
