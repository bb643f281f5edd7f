import { join } from 'node:path';
import { isoMinute, SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import type { SymbolSeries } from '../../../shared/core/series/leg_series.ts';
import type { SeriesHistory } from '../../../shared/core/series/series_cursor.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { acceptedNotes, refuseFaultyBars } from '../../../shared/bar_file/verdict/folder_verdicts.ts';
import { TIMEFRAMES, timeframeOf, type Timeframe } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import {
  clipInstrumentBars,
  instrumentBarsOf,
  readInstrumentFolder,
  type InstrumentBars,
} from '../../learning/instruments/instrument_bars.ts';
import type { Instrument } from '../../learning/strategies/direction/instrument_rows.ts';
import { NO_SERIES, readSeriesFolder } from '../../learning/instruments/series_files.ts';
import { barNotes, toStandardError, type OnNote } from './bar_notes.ts';
import { readInstallationBars } from './installation_bars.ts';
import { lateSeriesNotes } from './late_series.ts';
import { SERIES_FOLDER } from './known_series.ts';

const SECONDS_PER_DAY = 86_400;

export interface InstrumentSource {
  /** Folder of bars; null: those of this installation. */
  readonly folder: string | null;
  /** Folder of series; null: those of the bars, in their folder `series` or in this installation. */
  readonly series: string | null;
  readonly symbols: readonly string[];
  readonly timeframe: Timeframe;
  /** Bars of which part; null: all. */
  readonly window: BarWindow | null;
  readonly settings: Settings;
}

/** Instants as 2019-03-01T12:00:00Z, the end exclusive; `days`: only the last ones of these bars. */
export interface BarWindow {
  readonly from: string | null;
  readonly to: string | null;
  readonly days: number | null;
}

/**
 * Instruments with their bars and series, of a folder or of this installation.
 * @throws MinutehandError DATA_MISSING, DATA_FORMAT, BARS_REFUSED
 */
export async function readInstruments(
  source: InstrumentSource,
  onProgress: (done: number, total: number) => void,
  onNote: OnNote = toStandardError,
): Promise<Instrument[]> {
  const { folder, window } = source;
  const { bars: all, known } = await readBars(source, onProgress, onNote);
  const taken = window === null ? all : withinWindow(all, window);
  const series = source.series ?? (folder === null ? null : join(folder, SERIES_FOLDER));
  for (const note of barNotes(taken, source.settings.minutehand.symbols)) onNote(note);
  return await Promise.all(
    taken.map(async (bars) => {
      const given = series === null ? known.get(bars.symbol) : await readSeriesFolder(series, bars.symbol);
      for (const note of lateSeriesNotes({ ...bars, barSeconds: bars.timeframe }, given ?? {})) onNote(note);
      return { bars, series: knownBy(bars, given) };
    }),
  );
}

interface ReadBars {
  readonly bars: InstrumentBars[];
  /** Series of this installation by symbol; empty for bars of a folder. */
  readonly known: ReadonlyMap<string, SymbolSeries>;
}

async function readBars(
  { folder, symbols, timeframe, settings }: InstrumentSource,
  onProgress: (done: number, total: number) => void,
  onNote: OnNote,
): Promise<ReadBars> {
  const seconds = TIMEFRAMES[timeframe];
  if (folder !== null) {
    const read = await readInstrumentFolder(folder, symbols, seconds);
    refuseFaultyBars(folder, read.map(atLastMinute));
    for (const note of acceptedNotes(folder, symbols)) onNote(note);
    return { bars: read, known: new Map() };
  }
  const own = await readInstallationBars(settings, symbols, {}, onProgress, onNote);
  const absent = symbols.filter((symbol) => !own.has(symbol));
  if (absent.length > 0) throw new MinutehandError('DATA_MISSING', { seen: `no bars of ${absent.join(', ')}` });
  const known = new Map(symbols.map((symbol) => [symbol, own.get(symbol)!.series ?? {}]));
  return { bars: symbols.map((symbol) => instrumentBarsOf(own.get(symbol)!, seconds)), known };
}

/** What had arrived when the last of these bars closed: what arrives later changes no data hash. */
function knownBy({ time, timeframe }: InstrumentBars, known: SymbolSeries = {}): Instrument['series'] {
  const end = time.at(-1)! + timeframe;
  const arrived = Object.entries(known).map(([name, history]) => [name, arrivedBy(history, end)]);
  return { ...NO_SERIES, ...(Object.fromEntries(arrived) as SymbolSeries) };
}

function arrivedBy({ length: all, eventTime, arrivalTime, value }: SeriesHistory, end: number): SeriesHistory {
  let length = all;
  while (length > 0 && arrivalTime[length - 1]! > end) length--;
  const part = (column: Float64Array): Float64Array => column.slice(0, length);
  return { length, eventTime: part(eventTime), arrivalTime: part(arrivalTime), value: part(value) };
}

/** As bars of legs are kept. */
function atLastMinute({ timeframe, takerBuyVolume: _flow, ...bars }: InstrumentBars): BarColumns {
  return { ...bars, time: bars.time.map((open) => open + timeframe - SECONDS_PER_BAR), spread: null };
}

/**
 * The bars of a window; a bar that ends after it is left out.
 * @throws MinutehandError DATA_MISSING for an instrument without any, with what there is
 */
export function withinWindow(all: readonly InstrumentBars[], { from, to, days }: BarWindow): InstrumentBars[] {
  const start = from === null ? -Infinity : Date.parse(from) / 1000;
  const end = to === null ? Infinity : Date.parse(to) / 1000;
  const ended = all.map((bars) => clipInstrumentBars(bars, -Infinity, end));
  const newest = Math.max(...ended.map(({ time, timeframe }) => (time.at(-1) ?? -Infinity) + timeframe));
  const first = days === null ? start : Math.max(start, newest - days * SECONDS_PER_DAY);
  return ended.map((bars, i) => {
    const own = clipInstrumentBars(bars, first, Infinity);
    if (own.length === 0) throw new MinutehandError('DATA_MISSING', noBarsIn(all[i]!, from, to));
    return own;
  });
}

function noBarsIn({ symbol, timeframe, time }: InstrumentBars, from: string | null, to: string | null) {
  return noBarsText(symbol, timeframeOf(timeframe), { from, to }, time.length === 0 ? null : [time[0]!, time.at(-1)!]);
}

/** What a refusal says of an instrument without bars in a period: what there is, and what to do. */
export function noBarsText(
  symbol: string,
  timeframe: Timeframe,
  { from, to }: Pick<BarWindow, 'from' | 'to'>,
  extent: readonly [first: number, last: number] | null,
) {
  const period = `${from === null ? '' : ` from ${from}`}${to === null ? '' : ` before ${to}`}`;
  return {
    seen: `no ${timeframe} bars of ${symbol}${period}`,
    expected:
      extent === null
        ? `bars of ${symbol}, of which there are none`
        : `a period within those that are there: ${isoMinute(extent[0])} to ${isoMinute(extent[1])}`,
    next: 'Choose another period, or import bars with `minutehand bars import`.',
  };
}
