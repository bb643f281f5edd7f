import { homePaths } from '../shared/home.ts';
import { isLocked } from '../shared/process/home_lock.ts';
import { askThroughDoor, forgetDoors, openStopDoor, socketPath, stopDoors, type StopDoor } from './stop_door.ts';

/* How one `up` takes over from another of the same home, so that an upgrade misses no bar. */

/** Longer than an `up` gives its own processes. */
const END_MS = 40_000;
const ASKED = 'asked by minutehand stop or minutehand up --replace';

/**
 * Resolves when another `up`, or `minutehand stop`, asks this one to end; on Windows that comes through `stopSignal`.
 * To be called by the holder of the lock of `up`: doors of killed ones are removed.
 */
export function untilReplaced(): Promise<string> {
  return new Promise((resolve) => {
    if (process.platform === 'win32') return;
    const { home } = homePaths();
    forgetDoors(home, 'up');
    try {
      openStopDoor(home, 'up', () => resolve(ASKED), socketPath(home, 'up'));
    } catch {
      // Without a door, it is ended by Ctrl-C alone.
    }
  });
}

/** Doors of `up` in this home, some of which may be of killed ones; none where none runs. */
export function runningUps(): readonly StopDoor[] {
  const { home, lock } = homePaths();
  if (!isLocked(lock('up'))) return [];
  return stopDoors(home).filter(({ kind, pid }) => kind === 'up' && pid !== process.pid);
}

/** Ends them. @returns process ids of those that had not ended in time */
export async function endUps(doors: readonly StopDoor[]): Promise<number[]> {
  const left: number[] = [];
  for (const door of doors)
    if ((await askThroughDoor(homePaths().home, door, END_MS)) === 'unanswered') left.push(door.pid);
  return left;
}
