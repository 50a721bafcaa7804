import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { documentation, helpText } from '../../src/cli/help.ts';

const help = `fetchmesh go: goes

  -f, --file FILE   what is read, and a little more than that,
                    and what is not
      --long-option FILE
                    the rest
      --json        as JSON`;

test('a help stays as it is in a pipe, and where the terminal is wide', () => {
  expect(helpText(help, { isTTY: false, columns: 20 })).toBe(help);
  expect(helpText(help, { isTTY: true, columns: 80 })).toBe(help);
});

test('on a narrow terminal what an option does goes on below itself', () => {
  expect(helpText(help, { isTTY: true, columns: 45 })).toBe(`fetchmesh go: goes

  -f, --file FILE   what is read, and a
               little more than that, and
               what is not
      --long-option FILE
                    the rest
      --json        as JSON`);
});

test('the help says where the pages are, and the package brings them along', () => {
  const [, folder = ''] = / is in (.*)$/.exec(documentation()) ?? [];
  expect(existsSync(join(folder, 'cli.md'))).toBe(true);
  expect(JSON.parse(readFileSync('package.json', 'utf8')).files).toContain('docs');
});
