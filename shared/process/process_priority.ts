import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { getPriority, setPriority } from 'node:os';
import { outsideEnvironment } from '../secrets.ts';

/** As in minutehand-trainer.service. */
const NICE = 10;
const IDLE = ['chrt', '-i', '0'];

let prefix: readonly string[] | undefined;
let idle: readonly string[] | undefined;

/**
 * Prefix of a command line (util-linux or BusyBox) whose process leaves one core free and runs under SCHED_IDLE, so
 * that the kernel places other processes as if its cores were idle. Nice alone did not suffice: on two cores, 95 % of
 * the signals took up to 1.5 times as long during a training. Empty where the machine cannot do it.
 */
export function lowPriorityPrefix(): readonly string[] {
  if (prefix === undefined) {
    const pinned = pinning();
    prefix = [...(works(pinned) ? pinned : []), ...idlePrefix()];
  }
  return prefix;
}

/** As `lowPriorityPrefix`, on all cores: for processes of which each has a core, beside a daemon or not. */
export function idlePrefix(): readonly string[] {
  idle ??= works(IDLE) ? IDLE : [];
  return idle;
}

/**
 * Lowers the priority of a process. Where Linux shares the processor between sessions (sched_autogroup_enabled), nice
 * applies within one only: without a lower weight of its session, a process would get as much time as the daemon. The
 * session of a process that does not lead it stays as it is: it is that of a shell, with all that a person runs there.
 */
export function lowerPriority(pid: number): void {
  attempt(() => setPriority(pid, Math.max(getPriority(), NICE)));
  attempt(() => {
    if (leadsSession(pid)) writeFileSync(`/proc/${pid}/autogroup`, '19');
  });
}

/** See proc_pid_stat(5): behind the name in brackets come the state, the parent, the process group and the session. */
function leadsSession(pid: number): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
  const [, , , session] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(session) === pid;
}

/** To all processors that this process may use but the first. */
function pinning(): string[] {
  let others: number[] = [];
  attempt(() => {
    const [, list] = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))!;
    others = list!.split(',').flatMap(processorsOf).slice(1);
  });
  return others.length === 0 ? [] : ['taskset', '-c', others.join(',')];
}

/** @param range `3` or `3-7` */
function processorsOf(range: string): number[] {
  const [from, to = from] = range.split('-').map(Number);
  return Array.from({ length: to! - from! + 1 }, (_, i) => from! + i);
}

function works([program, ...args]: readonly string[]): boolean {
  return (
    program !== undefined &&
    spawnSync(program, [...args, 'true'], { stdio: 'ignore', env: outsideEnvironment() }).status === 0
  );
}

/** Ignores what this system does not have or refuses: the process runs at normal priority. */
function attempt(lower: () => void): void {
  try {
    lower();
  } catch {
    // See above.
  }
}
