import type { HomePaths } from '../../shared/policy/home.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { openJournalSignals, type JournalledSignal, type JournalSignals } from '../../shared/store/journal_signals.ts';
import type { SignalBody } from '../../shared/signal/signal.ts';

export interface SoughtSignal {
  readonly market: string;
  readonly pair_id: string;
  readonly signal_id: string;
}

/** Signals by their id, from the journals of the daemons of this home. */
export interface SignalLookup {
  /** Each one's signal, null where no journal has it. */
  findAll(sought: readonly SoughtSignal[]): (SignalBody | null)[];
  /** ENTER signals of this market published from `fromMs` on, before `toMs`, in order. */
  entries(market: string, fromMs: number, toMs: number): JournalledSignal[];
}

/** More than two months of a pair: a fill whose signal is older has been on its way for too long to look for it. */
const WITHIN_SIGNALS = 100_000;

export function journalLookup(settings: Settings, paths: HomePaths): SignalLookup {
  const shards = Object.keys(settings.minutehand.shards);

  /** Opened for the moment: a journal may come later, or be replaced. */
  function withJournals<Result>(market: string, work: (journals: readonly JournalSignals[]) => Result): Result {
    const isJournalled = market === 'live' || market === 'simulated';
    const journals = (isJournalled ? shards : []).flatMap((shard) => {
      const journal = openJournalSignals(paths.journal(market as 'live' | 'simulated', shard));
      return journal === null ? [] : [journal];
    });
    try {
      return work(journals);
    } finally {
      for (const journal of journals) journal.close();
    }
  }

  return {
    findAll(sought) {
      const found = new Map<string, SignalBody | null>();
      for (const market of new Set(sought.map((one) => one.market)))
        withJournals(market, (journals) => {
          for (const { pair_id, signal_id } of sought.filter((one) => one.market === market)) {
            const key = `${market}/${pair_id}/${signal_id}`;
            if (found.has(key)) continue;
            let signal: JournalledSignal | null = null;
            for (const journal of journals) signal ??= journal.find(pair_id, signal_id, WITHIN_SIGNALS);
            found.set(key, signal?.body ?? null);
          }
        });
      return sought.map(({ market, pair_id, signal_id }) => found.get(`${market}/${pair_id}/${signal_id}`) ?? null);
    },
    entries: (market, fromMs, toMs) =>
      withJournals(market, (journals) =>
        journals
          .flatMap((journal) => journal.entries(fromMs, toMs))
          .sort((a, b) => a.generatedAtMs - b.generatedAtMs),
      ),
  };
}
