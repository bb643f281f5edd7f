import type { MarketKind } from '../../../shared/signal/signal.ts';
import { join } from 'node:path';
import { SECONDS_PER_BAR, type OpenTime } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import type { SymbolSeries } from '../../../shared/core/series/leg_series.ts';
import type { SeriesHistory } from '../../../shared/core/series/series_cursor.ts';
import { MAX_AGE_SECONDS, SERIES_NAMES, type SeriesName } from '../../../shared/core/series/series_names.ts';
import type { JournalFile } from '../../../shared/store/journal.ts';
import { parseObservation } from '../../../shared/store/observation.ts';
import { historyOf, readSeriesFolder, type Arrived } from '../../learning/instruments/series_files.ts';
import type { Store } from '../../store/store.ts';

/** The folder of auxiliary series in a folder of bars. */
export const SERIES_FOLDER = 'series';

/**
 * Bars with the auxiliary series that a folder of bars has in its folder `series`. @throws MinutehandError DATA_FORMAT
 */
export async function withFolderSeries(
  bars: ReadonlyMap<string, BarColumns>,
  folder: string,
): Promise<Map<string, BarColumns>> {
  const series = join(folder, SERIES_FOLDER);
  const own = new Map<string, BarColumns>();
  for (const [symbol, columns] of bars)
    own.set(symbol, { ...columns, series: presentOf(await readSeriesFolder(series, symbol)) });
  return own;
}

function presentOf(all: Readonly<Record<SeriesName, SeriesHistory>>): SymbolSeries {
  return Object.fromEntries(Object.entries(all).filter(([, { length }]) => length > 0));
}

/** Behind every minute. */
const LAST_MINUTE: number = Number.MAX_SAFE_INTEGER - SECONDS_PER_BAR;

type Observed = Map<string, Map<SeriesName, Arrived[]>>;

/** What the daemons of an installation received, and what was imported into its store. */
export class KnownSeries {
  readonly #observed: Observed = new Map();

  /**
   * Adds what a daemon has journaled.
   * @param from, to minutes of bars, `to` exclusive: what these may see, which the last one does until its close
   */
  addJournal(journal: Pick<JournalFile, 'seriesBetween'>, from = 0, to = LAST_MINUTE): void {
    const first = Math.max(0, from - MAX_AGE_SECONDS);
    for (const { subject } of journal.seriesBetween(first as OpenTime, (to + SECONDS_PER_BAR) as OpenTime)) {
      const { symbol, name, eventTime, arrivalTime, value } = parseObservation(subject);
      this.#of(symbol, name).push({ event: eventTime, arrival: arrivalTime, value });
    }
  }

  /**
   * Adds what the store has of these symbols, after the journals: its values were known at their time, except those
   * that a daemon has received, which were known when they arrived there.
   */
  async addStore({ series }: Pick<Store, 'series'>, market: MarketKind, symbols: readonly string[]) {
    const wanted = new Set(symbols);
    for (const { symbol, name } of await series.list(market)) {
      if (!wanted.has(symbol) || !isSeriesName(name)) continue;
      const { length, time, value } = await series.read(market, symbol, name);
      const own = this.#of(symbol, name);
      const received = new Set(own.map(({ event }) => event));
      for (let i = 0; i < length; i++)
        if (!received.has(time[i]!)) own.push({ event: time[i]!, arrival: time[i]!, value: value[i]! });
    }
  }

  /** The bars with what is known of their symbols. */
  addTo(bars: ReadonlyMap<string, BarColumns>): Map<string, BarColumns> {
    return new Map([...bars].map(([symbol, columns]) => [symbol, { ...columns, series: this.of(symbol) }]));
  }

  of(symbol: string): SymbolSeries {
    const own = this.#observed.get(symbol) ?? new Map<SeriesName, Arrived[]>();
    return Object.fromEntries([...own].map(([name, rows]) => [name, historyOf(rows)]));
  }

  #of(symbol: string, name: SeriesName): Arrived[] {
    const series = this.#observed.get(symbol) ?? new Map<SeriesName, Arrived[]>();
    this.#observed.set(symbol, series);
    const rows = series.get(name) ?? [];
    series.set(name, rows);
    return rows;
  }
}

function isSeriesName(name: string): name is SeriesName {
  return (SERIES_NAMES as readonly string[]).includes(name);
}
