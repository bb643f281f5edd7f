import { isoMinute, shownMinute, type OpenTime } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { readPriceKinds } from '../../../shared/bar_file/price_kinds.ts';
import { counted } from '../../../shared/counted.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { openJournal } from '../../../shared/store/journal.ts';
import { withPriceKinds } from '../../../shared/policy/costs.ts';
import { homePaths } from '../../../shared/home.ts';
import { screenPolicy, type Settings } from '../../../shared/policy/policy.ts';
import { createFeedJudge } from './feed_judge.ts';
import { toStandardError, type OnNote } from './bar_notes.ts';
import { readKnownBars, type KnownBarsOptions } from './known_bars.ts';
import { readReceivedDecisions } from './received_decisions.ts';
import { whileBarsStay } from './taken_back.ts';
import { withNews } from '../../store/news.ts';
import { storedPriceKinds } from '../../store/price_kinds.ts';
import { openStoreIfThere, type Store } from '../../store/store.ts';
import { whileStoreReturns } from '../../store/store_patience.ts';
import { isThere } from '../../../shared/files.ts';

/**
 * Bars of this installation, journaled by its daemons or imported, without suspect ones, and without received ones that
 * a person left out. Whatever learns or measures reads them here. Of histories that do not touch, the longer one.
 * @param onNote told what was left out for that
 * @throws MinutehandError DATA_MISSING; FEED_REFUSED when received bars show a fault that nobody accepted; BARS_CHANGED
 * when a person took bars back between the first and the last that was read
 */
export async function readInstallationBars(
  settings: Settings,
  symbols: readonly string[],
  period: Pick<KnownBarsOptions, 'from' | 'to'>,
  onProgress: (done: number, total: number) => void,
  onNote: OnNote = toStandardError,
): Promise<Map<string, BarColumns>> {
  return await whileStoreReturns(() => readOwnBars(settings, symbols, period, onProgress, onNote));
}

async function readOwnBars(
  settings: Settings,
  symbols: readonly string[],
  period: Pick<KnownBarsOptions, 'from' | 'to'>,
  onProgress: (done: number, total: number) => void,
  onNote: OnNote,
): Promise<Map<string, BarColumns>> {
  const { market, shards } = settings.minutehand;
  const paths = homePaths();
  const journals = Object.keys(shards)
    .map((shard) => paths.journal(market, shard))
    .filter((path) => isThere(path));
  const store = await openStoreIfThere(process.env, paths);
  try {
    const screening = screenPolicy(settings);
    let notes: string[] = [];
    const take = (text: string): void => void notes.push(text);
    const sources = { symbols, market, ...period, screening, journals, store, onProgress, onNote: take };
    // The bars of a simulated market come from no feeder.
    const feeds = market === 'live' ? createFeedJudge(await readReceivedDecisions(store)) : null;
    const read = () => {
      notes = [];
      return readKnownBars({ ...sources, ...(feeds !== null && { received: feeds }) });
    };
    const bars = await whileBarsStay({ settings, symbols, isOwn: true }, read);
    for (const text of notes) onNote(text);
    const fault = feeds?.fault() ?? null;
    if (fault !== null) throw fault;
    if (bars.size === 0) throw await noBars({ symbols, market, journals, store });
    return bars;
  } finally {
    await store?.close();
  }
}

export interface BarSpan {
  readonly first: OpenTime;
  readonly last: OpenTime;
}

/** Where the bars of an installation are; journals that exist. */
export interface BarPlaces {
  readonly symbols: readonly string[];
  readonly market: Market;
  readonly journals: readonly string[];
  readonly store: Store | null;
}

/**
 * Says which bars there are where only the period has none, and so where they were imported into the other market: a
 * frequent slip.
 */
async function noBars({ symbols, market, journals, store }: BarPlaces): Promise<MinutehandError> {
  const known = await knownSpan({ symbols, market, journals, store });
  if (known !== null)
    return new MinutehandError('DATA_MISSING', {
      seen: `no bars in this period: those of ${symbols.join(', ')} in the ${market} market are of ${shownMinute(isoMinute(known.first))} to ${shownMinute(isoMinute(known.last))} UTC`,
      next: 'Give another --from or --to, or leave them out: then all bars count.',
    });
  const other = market === 'live' ? 'simulated' : 'live';
  const stored = store === null ? [] : await store.bars.symbols(other);
  const elsewhere = stored.filter(({ symbol }) => symbols.includes(symbol)).map(({ symbol }) => symbol);
  const seen = `no bars of ${symbols.join(', ')} in the ${market} market: ${counted(journals.length, 'journal')}, ${store === null ? 'nothing imported' : store.place}`;
  if (elsewhere.length > 0)
    return new MinutehandError('DATA_MISSING', {
      seen: `${seen}. The ${other} market has imported bars of ${elsewhere.join(', ')}`,
      next: `Set \`market: ${other}\` in config/minutehand.yaml, or MINUTEHAND_MARKET=${other} for this command.`,
    });
  return new MinutehandError('DATA_MISSING', {
    seen,
    next: `Start the daemon first, import bars with \`minutehand bars import --market ${market}\`, or give --data <folder>. The market is set in config/minutehand.yaml.`,
  });
}

/** The first and the last open of all bars of these symbols; null without any. */
export async function knownSpan({ symbols, market, journals, store }: BarPlaces): Promise<BarSpan | null> {
  const times: OpenTime[] = [];
  for (const path of journals) {
    const journal = openJournal(path, { readOnly: true });
    try {
      for (const symbol of symbols) {
        for (const { time } of journal.bars(symbol)) {
          times.push(time);
          break;
        }
        times.push(...journal.newestBars(symbol, 1));
      }
    } finally {
      journal.close();
    }
  }
  const stored = store === null ? [] : await store.bars.symbols(market);
  for (const { symbol, first, last } of stored) if (symbols.includes(symbol)) times.push(first, last);
  const ordered = times.sort((a, b) => a - b);
  return ordered.length === 0 ? null : { first: ordered[0]!, last: ordered.at(-1)! };
}

/** The settings with the calendar of this installation, where their policy asks for news. */
export async function withOwnNews(settings: Settings): Promise<Settings> {
  if (settings.core.news_stop === null) return settings;
  return await whileStoreReturns(async () => {
    const store = await openStoreIfThere(process.env, homePaths());
    try {
      return await withNews(settings, store);
    } finally {
      await store?.close();
    }
  });
}

/**
 * The settings with what a backtest or a training reads beside the bars: the price kinds that were stated when those of
 * a folder, or of the store, were imported, and where the policy asks for news, the calendar of this installation.
 */
export async function withOwnPrices(given: Settings, data: string | undefined): Promise<Settings> {
  const settings = await withOwnNews(given);
  if (data !== undefined) return withPriceKinds(settings, readPriceKinds(data));
  const { market, symbols } = settings.minutehand;
  return await whileStoreReturns(async () => {
    const store = await openStoreIfThere(process.env, homePaths());
    if (store === null) return settings;
    try {
      return withPriceKinds(settings, await storedPriceKinds(store, market, Object.keys(symbols)));
    } finally {
      await store.close();
    }
  });
}
