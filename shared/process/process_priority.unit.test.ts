import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { getPriority } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { skipNote } from '../../test/skip_note.ts';
import { lowerPriority } from './process_priority.ts';

// Under Wine, programs of Windows see the files of Linux, but are no sessions of it.
const HAS_AUTOGROUPS = process.platform === 'linux' && existsSync('/proc/self/autogroup');
const weightOf = (pid: number): string => readFileSync(`/proc/${pid}/autogroup`, 'utf8').trim();

let children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children = [];
});

function start(detached: boolean): number {
  const child = spawn('sleep', ['30'], { detached, stdio: 'ignore' });
  children.push(child);
  return child.pid!;
}

describe.runIf(HAS_AUTOGROUPS)(`low priority${skipNote(!HAS_AUTOGROUPS, 'sessions of Linux')}`, () => {
  it('of a process that leads its session is that of the session, too', () => {
    const pid = start(true);
    lowerPriority(pid);
    expect(getPriority(pid)).toBeGreaterThanOrEqual(10);
    expect(weightOf(pid)).toMatch(/ nice 19$/);
  });

  it('of a process in the session of a shell leaves all others there as they are', () => {
    const before = weightOf(process.pid);
    const pid = start(false);
    lowerPriority(pid);
    expect(getPriority(pid)).toBeGreaterThanOrEqual(10);
    expect([weightOf(pid), weightOf(process.pid)]).toEqual([before, before]);
  });
});
