import { readFileSync } from 'node:fs';
import { hostname } from 'node:os';
import type { HomePaths } from '../../../../shared/home.ts';
import { isTaken } from '../../../../shared/process/process_state.ts';
import type { Notice } from '../outbox.ts';
import type { DaemonLook } from './daemon_look.ts';

const TRAINER = 'minutehand-trainer.service';
const OF_SHARD = /^minutehand-(?:daemon|standby)@(.+)\.service$/;
const EVENT = 'unit_failed';

/** That a systemd unit of this machine has failed. */
export function unitNotice(unit: string): Notice {
  const machine = hostname();
  return {
    key: `${EVENT}:${unit}@${machine}`,
    event: EVENT,
    subject: unit,
    text: `systemd reports that ${unit} has failed on ${machine}.`,
    command: `journalctl -u ${unit} -n 50; systemctl status ${unit}`,
  };
}

/**
 * Whether an open alert is of a unit that runs again: the trainer's, since it asks; a daemon's when the daemon of its
 * shard answers, from this unit or with the other one standing by. Without systemd an answer is enough.
 * @param unitOfProcess null: the process is in no unit
 */
export function isUnitBack(
  key: string,
  looks: readonly DaemonLook[],
  paths: HomePaths,
  unitOfProcess = (pid: number): string | null => unitOf(`/proc/${pid}/cgroup`),
): boolean {
  const start = `${EVENT}:`;
  const end = `@${hostname()}`;
  if (!key.startsWith(start) || !key.endsWith(end)) return false;
  const unit = key.slice(start.length, -end.length);
  if (unit === TRAINER) return true;
  const shard = OF_SHARD.exec(unit)?.[1];
  const look = looks.find((one) => one.shard === shard && one.presence === 'up');
  if (look === undefined) return false;
  const running = look.pid === null ? null : unitOfProcess(look.pid);
  return running === null || running === unit || isTaken(paths.lock(`standby_${look.shard}`)) === true;
}

/** The unit of minutehand that a process belongs to; null without one. @param path its `/proc/<pid>/cgroup` */
export function unitOf(path: string): string | null {
  try {
    return /\/(minutehand-[^/\n]+\.service)(?=\/|$)/m.exec(readFileSync(path, 'utf8'))?.[1] ?? null;
  } catch {
    return null;
  }
}
