// npm 9 and 10 install the Node that `npm ci` brings, but make no link to its command: this does. npm 11 needs no help.
import { existsSync, symlinkSync } from 'node:fs';

const link = new URL('../node_modules/.bin/node', import.meta.url);
for (const platform of ['linux-x64', 'linux-arm64']) {
  const target = `../node-${platform}/bin/node`;
  if (existsSync(new URL(target, link)) && !existsSync(link)) symlinkSync(target, link);
}
