#!/usr/bin/env node
// The published command. Plain JavaScript, so that an old Node can still say what is wrong.
import process from 'node:process';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 12)) {
  console.error(
    `fetchmesh needs Node 22.12 or later, this is ${process.version}: https://nodejs.org`,
  );
  process.exit(2);
}
const { runProcess } = await import('../dist/cli/main.js');
await runProcess();
