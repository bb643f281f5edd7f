import { isMarket } from '../../../shared/signal/signal.ts';
import type { HomePaths } from '../../../shared/home.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { SignalBody } from '../../../shared/signal/signal.ts';
import { openJournalSignals, type JournaledSignal, type JournalSignals } from './journal_signals.ts';

export interface SoughtSignal {
  readonly market: string;
  readonly pair_id: string;
  readonly signal_id: string;
  /** Publication time of the signal; 0 or null if the fill has none. */
  readonly signal_ms: number | null;
  /** Time of the fill. */
  readonly time_ms: number;
}

/** Looks up signals by id in the journals of this home's daemons. */
export interface SignalLookup {
  /** The signal of each request; null if it is in no journal. */
  findAll(sought: readonly SoughtSignal[]): (SignalBody | null)[];
  /** ENTER signals of this market published from `fromMs` until before `toMs`, in order. */
  entries(market: string, fromMs: number, toMs: number): JournaledSignal[];
}

/** A close without a signal names its ENTER but not its time, which is no longer ago than this. */
const OPENED_BEFORE_MS = 4 * 86_400_000;

export function journalLookup(settings: Settings, paths: HomePaths): SignalLookup {
  const shards = Object.keys(settings.minutehand.shards);
  const journalsOf = (market: string): string[] =>
    isMarket(market) ? shards.map((shard) => paths.journal(market, shard)) : [];

  return {
    findAll(sought) {
      const found = new Map<string, SignalBody>();
      for (const [market, ofMarket] of Map.groupBy(sought, (one) => one.market))
        withJournals(journalsOf(market), (journals) => {
          for (const [pairId, ofPair] of Map.groupBy(ofMarket, (one) => one.pair_id)) {
            const ids = [...new Set(ofPair.map(({ signal_id }) => signal_id))];
            const fromMs = Math.min(...ofPair.map((one) => one.signal_ms || one.time_ms - OPENED_BEFORE_MS));
            const toMs = Math.max(...ofPair.map(({ time_ms }) => time_ms));
            for (const journal of journals)
              for (const { body } of journal.find(pairId, ids, fromMs, toMs))
                found.set(`${market}/${pairId}/${body.signal_id}`, body);
          }
        });
      return sought.map(({ market, pair_id, signal_id }) => found.get(`${market}/${pair_id}/${signal_id}`) ?? null);
    },
    entries: (market, fromMs, toMs) => entriesOf(journalsOf(market), fromMs, toMs),
  };
}

/** ENTER signals of these journals published from `fromMs` until before `toMs` (epoch ms), in order. */
export function entriesOf(paths: readonly string[], fromMs: number, toMs: number): JournaledSignal[] {
  return withJournals(paths, (journals) =>
    journals.flatMap((journal) => journal.entries(fromMs, toMs)).sort((a, b) => a.generatedAtMs - b.generatedAtMs),
  );
}

/** Opens the existing journals temporarily: one may appear later or be replaced. */
export function withJournals<Result>(
  paths: readonly string[],
  work: (journals: readonly JournalSignals[]) => Result,
): Result {
  const journals: JournalSignals[] = [];
  try {
    for (const path of paths) {
      const journal = openJournalSignals(path);
      if (journal !== null) journals.push(journal);
    }
    return work(journals);
  } finally {
    for (const journal of journals) journal.close();
  }
}
