import { join } from 'node:path';
import { MinutehandError } from '../shared/errors.ts';
import { TIMEFRAMES, type Timeframe } from '../shared/pair.ts';
import { loadSettings } from '../shared/policy/policy.ts';
import {
  instrumentBarsOf,
  readInstrumentFolder,
  type InstrumentBars,
} from '../trainer/learning/direction/instrument_bars.ts';
import type { Instrument } from '../trainer/learning/direction/instrument_rows.ts';
import type { DirectionBundleParts } from '../trainer/learning/direction/make_direction_bundle.ts';
import { NO_SERIES, readSeriesFolder } from '../trainer/learning/direction/series_files.ts';
import { readInstallationBars } from '../trainer/jobs/bars/installation_bars.ts';
import type { Output } from './output.ts';

export type BarMarket = DirectionBundleParts['market'];

export interface InstrumentSource {
  /** Folder of bars; absent: those of this installation. */
  readonly data?: string;
  /** Folder of series; absent: `series` in the folder of bars. */
  readonly series?: string;
  readonly symbols: readonly string[];
  readonly timeframe: Timeframe;
  readonly market?: BarMarket;
}

type OnProgress = (done: number, total: number) => void;

/**
 * Instruments with their bars and series, of a folder or of this installation.
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT, USAGE
 */
export async function readInstruments(
  source: InstrumentSource,
  output: Output,
  onProgress: OnProgress,
): Promise<{ readonly instruments: Instrument[]; readonly market: BarMarket }> {
  const { bars, market } = await readBars(source, onProgress);
  for (const { symbol, joinedFrom } of bars)
    if (joinedFrom !== undefined) output.line(`${symbol}: ${joinedFrom} s bars joined to ${source.timeframe}`);
  const folder = source.series ?? (source.data === undefined ? null : join(source.data, 'series'));
  const instruments = await Promise.all(
    bars.map(async (own) => ({
      bars: own,
      series: folder === null ? NO_SERIES : await readSeriesFolder(folder, own.symbol),
    })),
  );
  return { instruments, market };
}

async function readBars(
  { data, symbols, timeframe, market }: InstrumentSource,
  onProgress: OnProgress,
): Promise<{ bars: InstrumentBars[]; market: BarMarket }> {
  const seconds = TIMEFRAMES[timeframe];
  if (data !== undefined) return { bars: await readInstrumentFolder(data, symbols, seconds), market: market ?? 'live' };
  if (market !== undefined)
    throw new MinutehandError('USAGE', { seen: `--market ${market} without --data`, expected: '--data <folder>' });
  const settings = loadSettings();
  const known = await readInstallationBars(settings, symbols, {}, onProgress);
  const absent = symbols.filter((symbol) => !known.has(symbol));
  if (absent.length > 0) throw new MinutehandError('DATA_MISSING', { seen: `no bars of ${absent.join(', ')}` });
  const bars = symbols.map((symbol) => instrumentBarsOf(known.get(symbol)!, seconds));
  return { bars, market: settings.minutehand.market };
}
