/**
 * The limits of a container without its engine: control groups where this process may make them, and where not, the limit on
 * data that every process can set itself. What was enforced, and what only watched, is said.
 */

import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';

/** What a container gets. */
export interface Limits {
  readonly memoryBytes: number;
  readonly processors: number;
  readonly processes: number;
}

/** Something to start a command in. */
export interface Fence {
  /** A shell line that enters it, to be followed by `exec`. */
  readonly enter: string;
  /** Such as `memory, pids and cpu by control groups`. */
  readonly enforced: string;
  /** The most memory that was taken, in bytes, as the kernel counts it. */
  peak(pid: number): number;
  /** Whether the kernel ended something for want of memory. */
  outOfMemory(): boolean;
  remove(): void;
}

/** Makes a {@link Fence} by the best means that this machine has. */
export function fence(limits: Limits): Fence {
  return versionTwo(limits) ?? versionOne(limits) ?? byDataLimit(limits);
}

const groups = '/sys/fs/cgroup';
const period = 100_000;

function versionTwo({ memoryBytes, processors, processes }: Limits): Fence | undefined {
  const controllers = join(groups, 'cgroup.controllers');
  if (!existsSync(controllers)) return undefined;
  const group = join(groups, `fetchmesh-${process.pid}`);
  try {
    writeFileSync(join(groups, 'cgroup.subtree_control'), '+memory +pids +cpu');
    mkdirSync(group);
    writeFileSync(join(group, 'memory.max'), String(memoryBytes));
    writeFileSync(join(group, 'pids.max'), String(processes));
    writeFileSync(join(group, 'cpu.max'), `${processors * period} ${period}`);
  } catch {
    return undefined;
  }
  const read = (file: string): string => readFileSync(join(group, file), 'utf8');
  return {
    enter: `echo $$ > ${group}/cgroup.procs`,
    enforced: 'memory, processes and processor time by a control group',
    peak: () => Number(read('memory.peak')),
    outOfMemory: () => !/^oom_kill 0$/m.test(read('memory.events')),
    remove: () => removeGroup(group),
  };
}

function versionOne({ memoryBytes, processors, processes }: Limits): Fence | undefined {
  const paths = (['memory', 'pids', 'cpu'] as const).map((controller) =>
    join(groups, controller, `fetchmesh-${process.pid}`),
  );
  const [memory, pids, cpu] = paths as [string, string, string];
  try {
    for (const path of paths) mkdirSync(path);
    writeFileSync(join(memory, 'memory.limit_in_bytes'), String(memoryBytes));
    writeFileSync(join(pids, 'pids.max'), String(processes));
    writeFileSync(join(cpu, 'cpu.cfs_period_us'), String(period));
    writeFileSync(join(cpu, 'cpu.cfs_quota_us'), String(processors * period));
  } catch {
    for (const path of paths) removeGroup(path);
    return undefined;
  }
  return {
    enter: paths.map((path) => `echo $$ > ${path}/cgroup.procs`).join(' && '),
    enforced: 'memory, processes and processor time by control groups',
    peak: () => Number(readFileSync(join(memory, 'memory.max_usage_in_bytes'), 'utf8')),
    outOfMemory: () =>
      !/^oom_kill 0$/m.test(readFileSync(join(memory, 'memory.oom_control'), 'utf8')),
    remove() {
      for (const path of paths) removeGroup(path);
    },
  };
}

function byDataLimit({ memoryBytes }: Limits): Fence {
  return {
    enter: `ulimit -d ${Math.floor(memoryBytes / 1024)}`,
    enforced: 'memory by ulimit -d; processes and processor time by nothing',
    peak(pid) {
      const status = readFileSync(`/proc/${pid}/status`, 'utf8');
      return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
    },
    outOfMemory: () => false,
    remove() {},
  };
}

/** A group can be removed once nothing is in it. */
function removeGroup(path: string): void {
  if (existsSync(path) && readdirSync(path).length > 0) rmdirSync(path);
}
