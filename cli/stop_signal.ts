import type { ChildProcess } from 'node:child_process';
import { homePaths } from '../shared/home.ts';
import { noteAskedToStop } from './asked_to_stop.ts';
import { openStopDoor, type StopKind } from './stop_door.ts';

/** Windows has no SIGTERM; Ctrl-Break is SIGBREAK there, and the closing of the window SIGHUP. */
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGBREAK'] as const;

/** Message to a process that was started with a channel. */
const STOP = 'stop';

/**
 * Resolves with the reason when this process is to end: Ctrl-C, SIGTERM, `minutehand stop` on Windows, or the end of
 * the process that started it. Later requests have no effect.
 * @param kind for `minutehand stop`; absent: it has no door
 */
export function stopSignal(kind?: StopKind): Promise<string> {
  return new Promise((resolveReason) => {
    const resolve = (reason: string): void => {
      noteAskedToStop();
      resolveReason(reason);
    };
    for (const name of SIGNALS) process.on(name, () => resolve(name));
    if (kind !== undefined && process.platform === 'win32')
      openStopDoor(homePaths().home, kind, () => resolve('minutehand stop'));
    if (process.channel === null || process.channel === undefined) return;
    process.on('disconnect', () => resolve('the process that started this one has ended'));
    process.on('message', (message) => {
      if (message === STOP) resolve('the process that started this one ends');
    });
    // A listener on the channel to the parent would prevent the exit of a process that failed to start.
    process.channel.unref();
  });
}

/**
 * Requests the end of a process that was started with a channel and waits in `stopSignal`. Windows has no SIGTERM, and
 * `kill` ends a process at once there: the request is a message. Closing the channel would be one too, but Node then
 * never emits `close` of the child.
 */
export function askToStop(child: ChildProcess, platform: NodeJS.Platform = process.platform): void {
  if (platform !== 'win32') child.kill('SIGTERM');
  else if (child.connected) child.send(STOP, () => undefined);
}
