import { getHeapSpaceStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects everything that is unreachable. */
export const collectAll = runInNewContext('gc') as () => void;

const SERIES = 8;

/**
 * Bytes per round that V8 promotes into the old generation: what stays reachable, or is reachable from old objects that
 * are dead already. Until code is compiled and tables have grown that is more: the least of some series.
 * @param rounds of a series, enough for some minor collections
 */
export async function promotedPerRound(
  rounds: number,
  enough: number,
  work: (round: number) => Promise<void>,
): Promise<number> {
  // Objects from before the first round are old from here on.
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
