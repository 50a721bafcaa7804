// The command line from its sources, as a process of its own.
import { runProcess } from '../../src/cli/main.ts';

await runProcess();
