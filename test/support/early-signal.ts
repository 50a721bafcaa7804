// The command line, told to end before it has loaded what it runs.
import process from 'node:process';
import { main } from '../../src/cli/main.ts';

const ended = main(process.argv.slice(2));
process.kill(process.pid, 'SIGTERM');
process.exitCode = await ended;
