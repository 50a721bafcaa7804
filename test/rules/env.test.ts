// biome-ignore-all lint/suspicious/noTemplateCurlyInString: these are what is tested
import { describe, expect, test } from 'vitest';
import { substitute } from '../../src/rules/env.ts';

describe('substitute', () => {
  test.each([
    ['http://${HOST}:${PORT}', 'http://web:80'],
    ['${NONE:-fallback}', 'fallback'],
    ['${NONE:-}', ''],
    ['${EMPTY:-fallback}', 'fallback'],
    ['${EMPTY}', ''],
    ['$${HOST}', '${HOST}'],
    ['$HOST and $ and {HOST}', '$HOST and $ and {HOST}'],
    ['${NESTED}', '${HOST}'],
  ])('%s', (text, expected) => {
    const environment = { HOST: 'web', PORT: '80', EMPTY: '', NESTED: '${HOST}' };
    expect(substitute(text, environment)).toMatchObject({ text: expected });
  });

  test('a variable that is not set is FM050, and so is one of the prototype', () => {
    for (const name of ['NONE', 'toString', 'constructor', '__proto__']) {
      expect(substitute(`a\${${name}}`, {})).toMatchObject({
        problem: { code: 'FM050' },
        reference: `\${${name}}`,
      });
    }
  });

  test.each(['${', '${}', '${1}', '${A-B}', '${A', '${A:-b'])('%s is FM051', (text) => {
    expect(substitute(text, { A: 'x' })).toMatchObject({ problem: { code: 'FM051' } });
  });
});
