import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readActive, readManifest } from '../../../shared/bundle/bundle.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import { describeError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { openStoreIfThere } from '../../store/store.ts';

const LOOK_EVERY_MS = 1000;
const MINUTES_PER_DAY = 1440;
/** Imports are rarer than bars, and the store may be a server. */
const LOOKS_PER_STORE_LOOK = 60;

/**
 * Why the daemon has no usable models until some are trained, or null when it has. Damage needs a person
 * (`models verify`, `promote`, `rollback`): automatic training would hide it.
 */
export function lackOfModels({ minutehand }: Settings, { models }: HomePaths): string | null {
  try {
    const active = readActive(models);
    if (active === null) return 'No models yet';
    const { feature_schema, market } = readManifest(join(models, active.version));
    if (feature_schema !== featureSchema(minutehand.windows).hash)
      return `Models ${active.version} were trained on other features than configured`;
    if (market === 'simulated' && minutehand.market === 'live')
      return `Models ${active.version} were trained on a simulated market`;
    return null;
  } catch (error) {
    return describeError(error).code === 'MODEL_MISSING' ? 'The bundle that active.json names is missing' : null;
  }
}

/**
 * Waits until enough bars for the first training are journaled or imported. A simulated market delivers its whole
 * history at its start, and this waits for all of it, in every shard that has started.
 * @param why first models are needed, for the message
 * @returns false when it was aborted
 */
export async function waitForFirstBars(
  settings: Settings,
  paths: HomePaths,
  signal: AbortSignal,
  why: string,
  print: (line: string) => void,
): Promise<boolean> {
  const { market, shards, train, simulated } = settings.minutehand;
  const enough = market === 'simulated' ? Math.max(train.min_bars, simulated.history_bars) : train.min_bars;
  let printed = false;
  let imported = 0;
  for (let look = 0; !signal.aborted; look++) {
    if (look % LOOKS_PER_STORE_LOOK === 0) imported = await mostImportedBars(paths, market);
    const journals = Object.keys(shards).map((shard) => paths.journal(market, shard));
    const journaled = journals.filter((path) => existsSync(path)).map(mostBars);
    const least = journaled.length === 0 ? 0 : Math.min(...journaled);
    const most = Math.max(imported, ...(market === 'simulated' ? [least] : journaled));
    if (most >= enough) return true;
    if (!printed) print(`${why}: ${whatIsMissing(enough, most, market)}`);
    printed = true;
    await sleep(LOOK_EVERY_MS, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

/** The missing bars, and the next step for a new user. */
function whatIsMissing(enough: number, most: number, market: 'live' | 'simulated'): string {
  const days = Math.ceil(enough / MINUTES_PER_DAY);
  const need = `training starts when a symbol has ${enough} one-minute bars (${days} ${days === 1 ? 'day' : 'days'} around the clock); it has ${most} now.`;
  return market === 'live' ? `${need} \`minutehand bars import\` adds history.` : need;
}

/** Bars of the symbol that has the most; 0 for a journal that is being created. */
function mostBars(path: string): number {
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

/** The same for the store; 0 when it cannot be opened: the training that needs it reports the reason. */
async function mostImportedBars(paths: HomePaths, market: 'live' | 'simulated'): Promise<number> {
  try {
    const store = await openStoreIfThere(process.env, paths);
    if (store === null) return 0;
    try {
      return (await store.bars.symbols(market)).reduce((most, { bars }) => Math.max(most, bars), 0);
    } finally {
      await store.close();
    }
  } catch {
    return 0;
  }
}
