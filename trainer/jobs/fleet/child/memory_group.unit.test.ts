import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openMemoryGroups } from './memory_group.ts';

/** Files as the kernel has them, which do not limit anything here. */
let root: string;
let unit: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'minutehand-cgroup-'));
  unit = join(root, 'system.slice', 'fits.service');
  mkdirSync(join(unit, 'worker'), { recursive: true });
  writeFileSync(join(unit, 'cgroup.controllers'), 'cpu memory pids\n');
  writeFileSync(join(root, 'membership'), '0::/system.slice/fits.service/worker\n');
});
afterEach(() => rmSync(root, { recursive: true }));

const open = () => openMemoryGroups(root, join(root, 'membership'));
const read = (...path: string[]): string => readFileSync(join(unit, ...path), 'utf8');

describe('groups of the memory of children', () => {
  it('stand beside that of the worker, with the limit before the process', () => {
    const group = open()!.add(4711, 256 * 2 ** 20);
    expect(read('cgroup.subtree_control')).toBe('+memory');
    expect([read('task-4711', 'memory.max'), read('task-4711', 'cgroup.procs')]).toEqual(['268435456', '4711']);
    expect(group!.hasKilled()).toBe(false);
    writeFileSync(join(unit, 'task-4711', 'memory.events'), 'low 0\nmax 31\noom 1\noom_kill 1\n');
    expect(group!.hasKilled()).toBe(true);
    writeFileSync(join(unit, 'task-4711', 'memory.events'), 'low 0\nmax 31\noom 0\noom_kill 0\n');
    expect(group!.hasKilled()).toBe(false);
  });

  it('are none where the process has no part of the tree, or none of memory, and nothing is left behind', () => {
    for (const membership of ['0::/\n', '9:memory:/a\n1:cpu:/a\n', '']) {
      writeFileSync(join(root, 'membership'), membership);
      expect(open()).toBeNull();
    }
    writeFileSync(join(root, 'membership'), '0::/system.slice/fits.service/worker\n');
    writeFileSync(join(unit, 'cgroup.controllers'), 'cpu pids\n');
    expect(open()).toBeNull();
    expect(existsSync(join(unit, 'cgroup.subtree_control'))).toBe(false);
  });
});
