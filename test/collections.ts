import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Forces a full garbage collection. */
export const collectAll = runInNewContext('gc') as () => void;

const SERIES = 8;

/**
 * Bytes per round that V8 promotes to the old generation: data that stays reachable, or is referenced by old dead
 * objects. Higher until code is compiled and tables have grown, so the minimum of several series is taken.
 * @param rounds per series, enough for several minor collections
 */
export async function promotedPerRound(
  rounds: number,
  enough: number,
  work: (round: number) => Promise<void>,
): Promise<number> {
  // Objects created before the first round are old from here on.
  collectAll();
  let least = Infinity;
  for (let series = 0; series < SERIES && least > enough; series++) {
    let promoted = 0;
    let before = oldBytes();
    for (let round = 0; round < rounds; round++) {
      await work(round);
      const now = oldBytes();
      promoted += Math.max(0, now - before);
      before = now;
    }
    least = Math.min(least, promoted / rounds);
  }
  return least;
}

function oldBytes(): number {
  return getHeapSpaceStatistics()
    .filter(({ space_name }) => /^(old|large_object)_space$/.test(space_name))
    .reduce((sum, { space_used_size }) => sum + space_used_size, 0);
}
