import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { HomePaths } from '../../shared/policy/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { openJournal } from '../../shared/store/journal.ts';

const LOOK_EVERY_MS = 1000;

/**
 * Waits until the daemon has journalled enough bars to train first models on. A simulated market delivers its whole
 * history at its start, and all of it is waited for.
 * @returns false when it was aborted
 */
export async function waitForFirstBars(
  settings: Settings,
  paths: HomePaths,
  signal: AbortSignal,
  say: (line: string) => void,
): Promise<boolean> {
  const { market, shards, train, simulated } = settings.minutehand;
  const enough = market === 'simulated' ? Math.max(train.min_bars, simulated.history_bars) : train.min_bars;
  let said = false;
  while (!signal.aborted) {
    const most = Math.max(0, ...Object.keys(shards).map((shard) => mostBars(paths.journal(market, shard))));
    if (most >= enough) return true;
    if (!said) say(`No models yet: they are trained as soon as a symbol has ${enough} bars (${most} so far).`);
    said = true;
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

/** Bars of the symbol that has most. A journal that is being created has none. */
function mostBars(path: string): number {
  if (!existsSync(path)) return 0;
  try {
    const journal = openJournal(path, { readOnly: true });
    try {
      return journal.mostBars();
    } finally {
      journal.close();
    }
  } catch {
    return 0;
  }
}
