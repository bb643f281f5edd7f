import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { SECONDS_PER_BAR, type Bar } from '../../../shared/bar.ts';
import { numbersFault } from '../../../shared/bar_rules.ts';
import { readPlainBytes, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { parseDecimalText } from '../../../shared/bar_file/decimal.ts';
import { checkInstrumentTimeframe, ownBarSeconds } from '../../../shared/bar_file/own_timeframe.ts';
import { BarResampler, barOpen, lastMinuteOf } from '../../../shared/core/resample/bar_resampler.ts';
import { cellsOf, delimiterOf, withoutTrailing } from '../../../shared/csv/cells.ts';
import { knownError, MinutehandError } from '../../../shared/errors.ts';

/** Bars of one instrument and timeframe, ascending. All arrays have `length` elements. */
export interface InstrumentBars {
  readonly symbol: string;
  /** Seconds per bar. */
  readonly timeframe: number;
  readonly length: number;
  /** Epoch seconds of the open, UTC. */
  readonly time: Float64Array;
  readonly open: Float64Array;
  readonly high: Float64Array;
  readonly low: Float64Array;
  readonly close: Float64Array;
  /** 0 = unknown. */
  readonly volume: Float64Array;
  /** NaN = unknown. */
  readonly takerBuyVolume: Float64Array;
  /** Timeframe in seconds of the resampled bars; absent = not resampled. */
  readonly joinedFrom?: number;
}

const NAMES = ['time', 'open', 'high', 'low', 'close', 'volume'] as const;
const TAKER = 'taker_buy_volume';
const TIMEFRAME_SECONDS: Readonly<Record<string, number>> = { m: 60, h: 3600, d: 86_400 };
/** `BTCUSDT.csv`, `BTCUSDT-1h.csv.gz`. */
const FILE = /^([A-Z0-9]+)(?:-(\d+)([mhd]))?\.csv(?:\.gz)?$/;

/**
 * Bars of the symbols in a folder of `SYMBOL[-1h].csv[.gz]`, of the timeframe or resampled from shorter ones. The
 * timeframe of a file is the most frequent distance of its bars; a name that states another one is refused.
 * @throws MinutehandError DATA_MISSING for a symbol without a file; DATA_FORMAT
 */
export async function readInstrumentFolder(
  folder: string,
  symbols: readonly string[],
  timeframe: number,
): Promise<InstrumentBars[]> {
  const files = namesIn(folder).filter((name) => FILE.test(name));
  const all: InstrumentBars[] = [];
  for (const symbol of symbols) {
    const own = filesOf(files, symbol, timeframe);
    if (own.length !== 1)
      throw new MinutehandError('DATA_MISSING', {
        seen: `${own.length === 0 ? 'no file' : own.join(' and ')} for ${symbol} in ${folder}`,
        expected: `one ${symbol}.csv or ${symbol}-<timeframe>.csv, plain or .gz`,
      });
    const bars = await readInstrumentFile(join(folder, own[0]!));
    const stated = statedTimeframe(own[0]!) ?? bars.timeframe;
    if (bars.timeframe !== stated || timeframe % bars.timeframe !== 0)
      throw new MinutehandError('DATA_FORMAT', {
        seen: `${own[0]}: bars of ${bars.timeframe} s`,
        expected: stated === bars.timeframe ? `${timeframe} s, or a part of them` : `${stated} s`,
      });
    all.push(bars.timeframe === timeframe ? bars : joinBars(bars, timeframe));
  }
  return all;
}

/** @throws MinutehandError DATA_MISSING */
function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    const known = knownError(cause);
    if (known !== null) throw known;
    const { code = String(cause) } = cause as NodeJS.ErrnoException;
    throw new MinutehandError('DATA_MISSING', {
      seen: `${folder} cannot be read (${code})`,
      expected: 'a folder of bars',
      cause,
    });
  }
}

/** Symbol of a file of bars; null for any other file. */
export function symbolOfFile(name: string): string | null {
  return FILE.exec(name)?.[1] ?? null;
}

/** Seconds; null = not stated in the name. */
function statedTimeframe(name: string): number | null {
  const [, , count, unit] = FILE.exec(name)!;
  return count === undefined ? null : Number(count) * TIMEFRAME_SECONDS[unit!]!;
}

/**
 * Files of the timeframe, otherwise of the longest one that divides it; files without a stated timeframe count as
 * either.
 */
function filesOf(files: readonly string[], symbol: string, timeframe: number): string[] {
  const own = files.filter((name) => FILE.exec(name)![1] === symbol);
  const stated = own.map((name) => statedTimeframe(name) ?? timeframe).filter((seconds) => timeframe % seconds === 0);
  const longest = Math.max(...stated);
  return own.filter((name) => (statedTimeframe(name) ?? timeframe) === longest);
}

/** Resamples bars as a daemon does: the last bar is included only if complete. */
export function joinBars(bars: InstrumentBars, timeframe: number): InstrumentBars {
  const joined: Bar[] = [];
  const { symbol } = bars;
  const resampler = new BarResampler(symbol, timeframe, (bar) => joined.push(bar));
  for (let i = 0; i < bars.length; i++) {
    const open = bars.open[i]!;
    const high = bars.high[i]!;
    const low = bars.low[i]!;
    const close = bars.close[i]!;
    const time = lastMinuteOf(bars.time[i]!, bars.timeframe);
    const volume = bars.volume[i]!;
    const taker = bars.takerBuyVolume[i]!;
    const flow = Number.isNaN(taker) ? {} : { takerBuyVolume: taker };
    resampler.take({ symbol, time, open, high, low, close, volume, ...flow });
  }
  const column = (of: (bar: Bar) => number): Float64Array => Float64Array.from(joined, of);
  return {
    symbol,
    timeframe,
    length: joined.length,
    joinedFrom: bars.timeframe,
    time: column((bar) => barOpen(bar.time, timeframe)),
    open: column((bar) => bar.open),
    high: column((bar) => bar.high),
    low: column((bar) => bar.low),
    close: column((bar) => bar.close),
    volume: column((bar) => bar.volume),
    takerBuyVolume: column((bar) => bar.takerBuyVolume ?? NaN),
  };
}

/** The bars that begin at `from` or later and end at `to` or before, both in epoch seconds. */
export function clipInstrumentBars(bars: InstrumentBars, from: number, to: number): InstrumentBars {
  const { time, timeframe } = bars;
  let first = 0;
  while (first < time.length && time[first]! < from) first++;
  let end = time.length;
  while (end > first && time[end - 1]! + timeframe > to) end--;
  if (first === 0 && end === time.length) return bars;
  const part = (column: Float64Array): Float64Array => column.slice(first, end);
  return {
    ...bars,
    length: end - first,
    time: part(time),
    open: part(bars.open),
    high: part(bars.high),
    low: part(bars.low),
    close: part(bars.close),
    volume: part(bars.volume),
    takerBuyVolume: part(bars.takerBuyVolume),
  };
}

/**
 * Bars of an installation, each with the time of its last minute, resampled.
 * @throws MinutehandError DATA_FORMAT where they are longer than the timeframe, or no part of it
 */
export function instrumentBarsOf(columns: BarColumns, timeframe: number): InstrumentBars {
  checkInstrumentTimeframe(columns, timeframe);
  const takerBuyVolume = columns.flow?.takerBuyVolume ?? new Float64Array(columns.length).fill(NaN);
  const own = ownBarSeconds(columns);
  const { joinedFrom: _, ...bars } = joinBars({ ...columns, takerBuyVolume, timeframe: SECONDS_PER_BAR }, timeframe);
  return own === timeframe ? bars : { ...bars, joinedFrom: own };
}

/** @throws MinutehandError DATA_MISSING, DATA_FORMAT with file, line and content */
export async function readInstrumentFile(path: string): Promise<InstrumentBars> {
  const lines = (await readPlainBytes(path)).toString('latin1').split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  const delimiter = delimiterOf(lines[0] ?? '');
  const header = withoutTrailing(cellsOf(lines[0] ?? '', delimiter) ?? []);
  const fields = [...NAMES, TAKER].map((name) => header.indexOf(name));
  const refuse = (line: number, seen: string, expected: string): never => {
    throw new MinutehandError('DATA_FORMAT', { seen: `${path} line ${line}: ${seen.slice(0, 120)}`, expected });
  };
  if (fields.slice(0, NAMES.length).some((field) => field < 0)) refuse(1, lines[0]!, `${NAMES.join()}[,${TAKER}]`);
  const length = lines.length - 1;
  const columns = fields.map(() => new Float64Array(length));
  for (let i = 0; i < length; i++) {
    const cells = cellsOf(lines[i + 1]!, delimiter) ?? [];
    if (cells.length < header.length || cells.slice(header.length).some((cell) => cell !== ''))
      refuse(i + 2, lines[i + 1]!, `${header.length} fields`);
    fields.forEach((field, c) => (columns[c]![i] = field < 0 ? NaN : parseDecimalText(cells[field]!)));
    const [time, open, high, low, close, volume, taker] = columns.map((column) => column[i]!) as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    if (numbersFault({ open, high, low, close, volume }) !== null)
      refuse(i + 2, lines[i + 1]!, 'prices > 0, high and low that enclose open and close, a volume ≥ 0');
    if (taker < 0 || taker > volume * (1 + 1e-9)) refuse(i + 2, lines[i + 1]!, `${TAKER} in 0…volume`);
    if (!(Number.isInteger(time) && (i === 0 || time > columns[0]![i - 1]!)))
      refuse(i + 2, lines[i + 1]!, 'ascending times in epoch seconds');
  }
  const [time, open, high, low, close, volume, takerBuyVolume] = columns as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  const timeframe = usualDistance(time, path);
  return {
    symbol: FILE.exec(basename(path))?.[1] ?? basename(path),
    timeframe,
    length,
    time,
    open,
    high,
    low,
    close,
    volume,
    takerBuyVolume,
  };
}

/** Most frequent distance between bars; every time must be a multiple of it. */
function usualDistance(time: Float64Array, path: string): number {
  const counts = new Map<number, number>();
  for (let i = 1; i < time.length; i++) {
    const distance = time[i]! - time[i - 1]!;
    counts.set(distance, (counts.get(distance) ?? 0) + 1);
  }
  const [timeframe] = [...counts].sort((a, b) => b[1] - a[1])[0] ?? [NaN];
  if (!(timeframe >= 60)) throw new MinutehandError('DATA_FORMAT', { seen: `${path}: ${time.length} bars` });
  const off = time.findIndex((own) => own % timeframe !== 0);
  if (off >= 0)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path} line ${off + 2}: time ${time[off]}`,
      expected: `a multiple of the timeframe of the file, ${timeframe} s`,
    });
  return timeframe;
}
