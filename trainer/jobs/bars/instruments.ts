import { isoMinute, SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { refuseFaultyBars } from '../../../shared/bar_file/verdict/folder_verdicts.ts';
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
import { holeNotes, toStandardError, type OnNote } from './hole_notes.ts';
import { readInstallationBars } from './installation_bars.ts';

const SECONDS_PER_DAY = 86_400;

export interface InstrumentSource {
  /** Folder of bars; null: those of this installation. */
  readonly folder: string | null;
  /** Folder of series; null: none. */
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
  const { series, window } = source;
  const all = await readBars(source, onProgress, onNote);
  const taken = window === null ? all : withinWindow(all, window);
  for (const note of holeNotes(taken)) onNote(note);
  return await Promise.all(
    taken.map(async (bars) => ({
      bars,
      series: series === null ? NO_SERIES : await readSeriesFolder(series, bars.symbol),
    })),
  );
}

async function readBars(
  { folder, symbols, timeframe, settings }: InstrumentSource,
  onProgress: (done: number, total: number) => void,
  onNote: OnNote,
): Promise<InstrumentBars[]> {
  const seconds = TIMEFRAMES[timeframe];
  if (folder !== null) {
    const read = await readInstrumentFolder(folder, symbols, seconds);
    refuseFaultyBars(folder, read.map(atLastMinute));
    return read;
  }
  const known = await readInstallationBars(settings, symbols, {}, onProgress, onNote);
  const absent = symbols.filter((symbol) => !known.has(symbol));
  if (absent.length > 0) throw new MinutehandError('DATA_MISSING', { seen: `no bars of ${absent.join(', ')}` });
  return symbols.map((symbol) => instrumentBarsOf(known.get(symbol)!, seconds));
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
