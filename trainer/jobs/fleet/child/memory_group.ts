import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * Cgroups (version 2) of children: the kernel holds each to its memory at every moment, where looks ten times a second
 * may come late. Only where the unit of the worker has been given its part of the tree (systemd: `Delegate=memory` and
 * `DelegateSubgroup=worker`), so that the groups of children stand beside that of the worker. The worker itself is
 * never moved: others rely on where it is.
 */
export interface MemoryGroups {
  /** Creates a group and moves the process into it. @returns null where the system refuses it */
  add(pid: number, bytes: number): MemoryGroup | null;
}

export interface MemoryGroup {
  /** Whether the kernel has ended a process of the group for its memory. */
  hasKilled(): boolean;
  /** Once its process has ended. */
  remove(): void;
}

/** @returns null: this process may make none */
export function openMemoryGroups(root = '/sys/fs/cgroup', membership = '/proc/self/cgroup'): MemoryGroups | null {
  return attempt(() => {
    const own = /^0::(\/.+)$/m.exec(readFileSync(membership, 'utf8'))?.[1];
    if (own === undefined) return null;
    const parent = join(root, dirname(own));
    const controllers = readFileSync(join(parent, 'cgroup.controllers'), 'utf8').trim().split(' ');
    if (!controllers.includes('memory')) return null;
    writeFileSync(join(parent, 'cgroup.subtree_control'), '+memory');
    return { add: (pid, bytes) => groupIn(parent, pid, bytes) };
  });
}

function groupIn(parent: string, pid: number, bytes: number): MemoryGroup | null {
  const folder = join(parent, `task-${pid}`);
  const remove = (): void => void attempt(() => rmdirSync(folder));
  const isMade = attempt(() => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'memory.max'), `${bytes}`);
    // Without swap, which would let it go on for minutes. A kernel without swap has no such file.
    attempt(() => writeFileSync(join(folder, 'memory.swap.max'), '0', { flag: 'r+' }));
    writeFileSync(join(folder, 'cgroup.procs'), `${pid}`);
    return true;
  });
  if (isMade === null) {
    remove();
    return null;
  }
  return {
    hasKilled: () =>
      attempt(() => /^oom_kill [1-9]/m.test(readFileSync(join(folder, 'memory.events'), 'utf8'))) ?? false,
    remove,
  };
}

function attempt<Value>(act: () => Value): Value | null {
  try {
    return act();
  } catch {
    return null;
  }
}
