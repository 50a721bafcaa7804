import { expect, test } from 'vitest';
import { helpText } from '../../src/cli/help.ts';

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
