import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readActive, readManifest } from '../../../shared/bundle/bundle.ts';
import { bundleSchema, featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { describeError } from '../../../shared/errors.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { earlierText, type RecentBars } from '../../../shared/core/recent_history.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import {
  historyEnd,
  journaledTimes,
  journalsOf,
  recentHistories,
  storedTimes,
  type NewestTimes,
} from '../../jobs/bars/recent_bars.ts';
import { openStoreIfThere } from '../../store/store.ts';
import { isThere } from '../../../shared/files.ts';

const LOOK_EVERY_MS = 1000;
const MINUTES_PER_DAY = 1440;
/** Times of what a look has taken, so that looks at long histories take 5 % of a processor at most. */
const LOOK_SHARE = 20;
/** Imports are rarer than bars, and the store may be a server. */
const LOOKS_PER_STORE_LOOK = 60;
const NOTHING: NewestTimes = new Map();
const NO_BARS: RecentBars = { bars: 0, from: null, before: null };

/**
 * Why the daemon has no usable models until some are trained, or null when it has. Damage needs a person
 * (`models verify`, `promote`, `rollback`): automatic training would hide it.
 */
export function lackOfModels({ minutehand }: Settings, { models }: HomePaths): string | null {
  try {
    const active = readActive(models);
    if (active === null) return 'No models yet';
    const manifest = readManifest(join(models, active.version));
    const { feature_schema, market } = manifest;
    if (feature_schema !== bundleSchema(featureSchema(minutehand.windows), manifest).hash)
      return `Models ${active.version} were trained on other features than configured`;
    if (market !== 'live' && minutehand.market === 'live')
      return `Models ${active.version} were trained on a ${market} market`;
    return null;
  } catch (error) {
    return describeError(error).code === 'MODEL_MISSING' ? 'The bundle that active.json names is missing' : null;
  }
}

/**
 * Waits until enough recent bars for the first training are journaled or imported: as the daemon counts them, those
 * before a gap of more than five days do not count, nor in a live market those that ended more than five days ago. A
 * simulated market delivers its whole history at its start, and this waits for all of it, in every shard that has
 * started.
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
  const { market, train, simulated } = settings.minutehand;
  const enough = market === 'simulated' ? Math.max(train.min_bars, simulated.history_bars) : train.min_bars;
  const journals = journalsOf(settings, paths);
  let printed = false;
  let imported: NewestTimes = NOTHING;
  for (let look = 0; !signal.aborted; look++) {
    const beganMs = performance.now();
    if (look % LOOKS_PER_STORE_LOOK === 0) imported = await importedTimes(paths, market, enough);
    const journaled = journals.filter((path) => isThere(path)).map((path) => timesIn(path, enough));
    const now = historyEnd(market);
    const histories =
      market === 'simulated'
        ? [longest([imported], now), leastOf(journaled.map((times) => longest([times], now)))]
        : [longest([...journaled, imported], now)];
    const best = histories.reduce((most, one) => (one.bars > most.bars ? one : most));
    if (best.bars >= enough) return true;
    if (!printed) print(`${why}: ${whatIsMissing(enough, best, market)}`);
    printed = true;
    const waitMs = Math.max(LOOK_EVERY_MS, LOOK_SHARE * (performance.now() - beganMs));
    await sleep(waitMs, undefined, { signal }).catch(() => undefined);
  }
  return false;
}

/** The recent history of the symbol that has the longest one. */
function longest(sources: readonly NewestTimes[], now: number | null): RecentBars {
  return recentHistories(sources, now).reduce<RecentBars>(
    (most, one) => (one.bars > most.bars || (most.bars === 0 && most.before === null) ? one : most),
    NO_BARS,
  );
}

function leastOf(histories: readonly RecentBars[]): RecentBars {
  return histories.length === 0 ? NO_BARS : histories.reduce((least, one) => (one.bars < least.bars ? one : least));
}

/** The missing bars, what is too old to count, and the next step for a new user. */
function whatIsMissing(enough: number, recent: RecentBars, market: Market): string {
  const days = Math.ceil(enough / MINUTES_PER_DAY);
  const earlier = earlierText(recent);
  const has = `it has ${recent.bars} now${earlier === '' ? '' : ` (${earlier})`}`;
  const need = `training starts when a symbol has ${enough} recent one-minute bars (${days} ${days === 1 ? 'day' : 'days'} around the clock); ${has}.`;
  return market === 'live' ? `${need} \`minutehand bars import\` adds history up to now.` : need;
}

/** Nothing for a journal that is being created. */
function timesIn(path: string, enough: number): NewestTimes {
  try {
    return journaledTimes(path, enough);
  } catch {
    return NOTHING;
  }
}

/** The same of the store; nothing when it cannot be opened: the training that needs it reports the reason. */
async function importedTimes(paths: HomePaths, market: Market, enough: number): Promise<NewestTimes> {
  try {
    const store = await openStoreIfThere(process.env, paths);
    if (store === null) return NOTHING;
    try {
      return await storedTimes(store, market, enough);
    } finally {
      await store.close();
    }
  } catch {
    return NOTHING;
  }
}
