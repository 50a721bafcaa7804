// The way in for `npm start`: plain JavaScript, so that an old Node can still say what is wrong.
import process from 'node:process';

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `The shop needs Node 22.18 or later, this is ${process.version}. On Linux and Windows x64 \`npm ci && npm start\` brings Node 24 along.`,
  );
  process.exit(1);
}
await import('./start.ts');
