import { MinutehandError } from '../../../shared/errors.ts';
import { TIMEFRAMES, type Timeframe } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import {
  instrumentBarsOf,
  readInstrumentFolder,
  type InstrumentBars,
} from '../../learning/direction/instrument_bars.ts';
import type { Instrument } from '../../learning/direction/instrument_rows.ts';
import { NO_SERIES, readSeriesFolder } from '../../learning/direction/series_files.ts';
import { readInstallationBars } from './installation_bars.ts';

export interface InstrumentSource {
  /** Folder of bars; null: those of this installation. */
  readonly folder: string | null;
  /** Folder of series; null: none. */
  readonly series: string | null;
  readonly symbols: readonly string[];
  readonly timeframe: Timeframe;
  readonly settings: Settings;
}

/**
 * Instruments with their bars and series, of a folder or of this installation.
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT
 */
export async function readInstruments(
  source: InstrumentSource,
  onProgress: (done: number, total: number) => void,
): Promise<Instrument[]> {
  const { series } = source;
  return await Promise.all(
    (await readBars(source, onProgress)).map(async (bars) => ({
      bars,
      series: series === null ? NO_SERIES : await readSeriesFolder(series, bars.symbol),
    })),
  );
}

async function readBars(
  { folder, symbols, timeframe, settings }: InstrumentSource,
  onProgress: (done: number, total: number) => void,
): Promise<InstrumentBars[]> {
  const seconds = TIMEFRAMES[timeframe];
  if (folder !== null) return await readInstrumentFolder(folder, symbols, seconds);
  const known = await readInstallationBars(settings, symbols, {}, onProgress);
  const absent = symbols.filter((symbol) => !known.has(symbol));
  if (absent.length > 0) throw new MinutehandError('DATA_MISSING', { seen: `no bars of ${absent.join(', ')}` });
  return symbols.map((symbol) => instrumentBarsOf(known.get(symbol)!, seconds));
}
