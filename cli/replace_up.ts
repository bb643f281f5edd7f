import { MinutehandError } from '../shared/errors.ts';
import { homePaths } from '../shared/home.ts';
import { isLocked, lockHomeSoon, type Unlock } from '../shared/process/home_lock.ts';
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

/**
 * The lock of `up`. Released by the operating system at the end of this process, however that ends.
 * @param replaces this `up` was to take over, and nobody can be asked to end
 * @throws MinutehandError HOME_LOCKED
 */
export async function lockUp(replaces: boolean): Promise<Unlock> {
  const path = homePaths().lock('up');
  if (replaces && isLocked(path))
    throw new MinutehandError('HOME_LOCKED', {
      seen: `${path}; the \`up\` that runs there cannot be asked to end`,
      next: 'End it with Ctrl-C where it runs, then start this one.',
    });
  return await lockHomeSoon(
    path,
    undefined,
    'minutehand runs here already: `minutehand status` shows how it is, `minutehand token link` opens its dashboard, `minutehand stop` ends it.',
  );
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
    if ((await askThroughDoor(homePaths().home, door, END_MS)).how === 'unanswered') left.push(door.pid);
  return left;
}
