import { createHash } from 'node:crypto';
import { LATEST_TIME_S, SECONDS_PER_BAR } from '../../shared/bar.ts';
import { ENOUGH_BARS, timeframeName } from '../../shared/bar_file/own_timeframe.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { TIMEFRAME_NAMES, TIMEFRAMES } from '../../shared/pair.ts';
import { dateOrderOf } from '../../shared/csv/stamps.ts';
import { upperMedianOf } from '../../shared/statistics.ts';
import { readSourceName } from '../../shared/symbol/source_name.ts';
import { recognizeLayout, type BarLayout, type ReadingOptions } from './bar_layout.ts';
import { refuseForeignFile } from './binance_files.ts';
import { recognizeSeries, type SeriesLayout } from './series_layout.ts';
import { watchOrder, type RowOrder } from './row_order.ts';
import { sourceLines } from './source_lines.ts';
import { WEEKEND_S } from '../../shared/bar_file/week_open.ts';

/** Facts of a whole file that are needed before its first row can be taken. */
export interface Survey {
  readonly layout: BarLayout | SeriesLayout;
  readonly sha256: string;
  /** Names in its column of symbols, of all rows: the first few. */
  readonly stated: readonly string[];
  /** Seconds since 1970 on the file's clock of the first bars after a weekend. */
  readonly weekOpens: readonly number[];
  /** Digits after the point of its prices, where they are in points; else 0. */
  readonly decimals: number;
  /** Rows whose prices have more digits than that. */
  readonly rowsWithMore: number;
  /** Medians of a sample of its rows; NaN without one. The spread is as the file has it. */
  readonly typical: { readonly close: number; readonly spread: number; readonly isSpreadWhole: boolean };
  /** Seconds since 1970 on the file's clock of its first and last row. */
  readonly range: readonly [first: number, last: number];
  /** Seconds of its bars; null where it has too few of them and its name states none. */
  readonly barSeconds: number | null;
  /** What the timeframe was inferred from. */
  readonly timeframeBy: 'spacing' | 'name' | null;
  /**
   * Seconds between the nearest of a few bars, where they may be bars of that timeframe as well as rare bars of a
   * minute; null where that is no question.
   */
  readonly unclearSeconds: number | null;
  readonly order: RowOrder;
  /** The rows are in no order, and too many to be put in one in memory. */
  readonly isUnsortable: boolean;
}

const KNOWN_SECONDS: ReadonlySet<number> = new Set(Object.values(TIMEFRAMES));

/**
 * Reads a file once from end to end, in bounded memory.
 * @throws MinutehandError DATA_MISSING; DATA_FORMAT (unknown layout, damaged, of no timeframe or of several); USAGE as
 * `recognizeSeries`
 */
export async function surveyFile(
  path: string,
  layout: BarLayout | SeriesLayout,
  onBytes: (bytes: number) => void,
): Promise<Survey> {
  const hash = createHash('sha256');
  let opens: number[] = [];
  let distances = createDistances();
  const order = watchOrder();
  const digits = createDigits();
  const sample = createSample();
  const states = createStates(layout);
  let rows = 0;
  let lineNumber = 0;
  /** Lines since the time last changed. */
  let still = 0;
  let previous = NaN;
  const range: [number, number] = [Infinity, -Infinity];
  for await (const lines of sourceLines(path, { hash, onBytes })) {
    if (layout.name === 'series') continue;
    for (const line of lines) {
      lineNumber++;
      if (lineNumber < layout.firstRow) continue;
      states.add(line);
      const isSampled = sample.wants();
      const row = layout.inPoints || isSampled ? layout.parse(line) : null;
      const time = row?.time ?? layout.parseTime(line);
      if (row !== null && layout.inPoints) digits.add(row.decimals);
      if (Number.isNaN(time) && layout.isOtherOrder?.(line) === true) throw mixedOrders(path, lineNumber, line);
      const isReadable = time >= 0 && time < LATEST_TIME_S;
      still = isReadable && time !== previous ? 0 : still + 1;
      if (still > MAX_STILL_LINES) throw noNewTime(path, lineNumber, line);
      if (!isReadable) continue;
      rows++;
      if (row !== null && isSampled) sample.add(row.close, row.spread);
      range[0] = Math.min(range[0], time);
      range[1] = Math.max(range[1], time);
      order.add(time);
      const apart = Math.abs(time - previous);
      distances.add(apart);
      // In a file with the newest bar first, the later of the two opens the week as well.
      if (apart >= WEEKEND_S) opens.push(Math.max(time, previous));
      previous = time;
    }
  }
  if (layout.name !== 'series') refuseMixedZones(path, layout);
  const sorted = order.sortedTimes();
  if (sorted !== null) ({ opens, distances } = neighborsIn(sorted));
  const timeframe = layout.name === 'series' ? NO_TIMEFRAME : timeframeOf(path, rows, distances);
  const { decimals, rowsWithMore } = digits.result();
  return {
    stated: states.names(),
    layout,
    sha256: hash.digest('hex'),
    weekOpens: opens,
    decimals,
    rowsWithMore,
    typical: sample.medians(),
    range,
    order: order.order(),
    isUnsortable: order.order() === 'none' && sorted === null,
    ...timeframe,
  };
}

/** What neighbors show in a file whose rows are in no order. @param times ascending */
function neighborsIn(times: Float64Array): { opens: number[]; distances: Distances } {
  const opens: number[] = [];
  const distances = createDistances();
  for (let i = 1; i < times.length; i++) {
    const apart = times[i]! - times[i - 1]!;
    distances.add(apart);
    if (apart >= WEEKEND_S) opens.push(times[i]!);
  }
  return { opens, distances };
}

const SAMPLE_LINES = 1000;

/**
 * The layout of a file by its first lines; where its dates may have the day or the month first, by as many lines as
 * show it.
 * @throws MinutehandError DATA_MISSING; DATA_FORMAT (unknown layout, damaged, numbers or dates that can be read in two
 * ways); USAGE as `recognizeSeries`
 */
export async function sniffFile(
  path: string,
  series: readonly string[],
  options: ReadingOptions,
): Promise<BarLayout | SeriesLayout> {
  const lines: string[] = [];
  for await (const more of sourceLines(path)) {
    if (lines.length < SAMPLE_LINES) lines.push(...more.slice(0, SAMPLE_LINES - lines.length));
    else lines.push(...more.filter((line) => dateOrderOf(datesOf(line)) !== null).slice(0, 1));
    const isShown = options.dateOrder !== undefined || lines.every((line) => dateOrderOf(datesOf(line)) === undefined);
    if (lines.length >= SAMPLE_LINES && (isShown || dateOrderOf(lines.flatMap(datesOf)) !== null)) break;
  }
  const first = (lines.find((line) => line.trim() !== '') ?? '').trimEnd();
  refuseForeignFile(path, first);
  const layout = inFile(path, () => recognizeLayout(lines, options)) ?? recognizeSeries(first, series);
  if (layout === null) throw unknownLayout(path, first);
  return layout;
}

/** Cells of a line that may be dates. */
function datesOf(line: string): string[] {
  return line.split(/[,;\t|]/).map((cell) => cell.replaceAll('"', '').trim());
}

/** Adds the file to what was refused in it. */
function inFile<Result>(path: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof MinutehandError) || error.code !== 'DATA_FORMAT') throw error;
    const { seen, expected, next } = error;
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path}: ${seen ?? ''}`,
      ...(expected !== undefined && { expected }),
      next,
    });
  }
}

const MAX_STATED = 5;

/** Names in the column of symbols, which may change in mid-file. */
function createStates(layout: BarLayout | SeriesLayout): { add(line: string): void; names(): string[] } {
  const names = new Set<string>(layout.name === 'series' ? [] : layout.stated);
  const nameOf = layout.name === 'series' ? undefined : layout.statedBy;
  return {
    add(line) {
      if (nameOf === undefined || names.size >= MAX_STATED) return;
      const name = nameOf(line);
      if (name !== '') names.add(name);
    },
    names: () => [...names],
  };
}

/** @throws MinutehandError DATA_FORMAT where only some of the stamps name their zone */
function refuseMixedZones(path: string, { stampForms: forms }: BarLayout): void {
  if (forms === undefined || forms.local === 0) return;
  const others = forms.zoned > 0 ? 'dates that name their zone' : 'counts since 1970';
  if (forms.zoned === 0 && forms.units.size === 0) return;
  throw new MinutehandError('DATA_FORMAT', {
    seen: `${path}: ${forms.local} stamps without a zone beside ${others}`,
    expected: 'stamps of one form',
    next: 'Split the file by the form of its stamps.',
  });
}

/** How stamps were read, where that shows in the whole file only. */
export function formsEvidence({ stampForms: forms }: BarLayout): string[] {
  if (forms === undefined || forms.units.size < 2) return [];
  return [`time in ${[...forms.units].join(' and ')}, each row by its size`];
}

/** So many lines in a row without a new time are no bars, but a file made without end: the rest is not read. */
const MAX_STILL_LINES = 1_000_000;

function noNewTime(path: string, lineNumber: number, line: string): MinutehandError {
  return new MinutehandError('DATA_FORMAT', {
    seen: `${path}:${lineNumber}: “${line.slice(0, 40)}”, after ${MAX_STILL_LINES} lines without a new time`,
    expected: 'rows of bars',
    next: 'Cut off what is no row, or export the file again.',
  });
}

function mixedOrders(path: string, lineNumber: number, line: string): MinutehandError {
  return new MinutehandError('DATA_FORMAT', {
    seen: `${path}:${lineNumber}: “${line.slice(0, 40)}”, whose day and month stand in the other order than in the rows before`,
    expected: 'dates in one order',
    next: 'Split the file where the order changes, and give --date-order for each part.',
  });
}

/** The digits that at least one row in twenty has; a few rows with more do not make every spread a tenth. */
function createDigits(): { add(decimals: number): void; result(): { decimals: number; rowsWithMore: number } } {
  const counts: number[] = [];
  return {
    add(decimals) {
      counts[decimals] = (counts[decimals] ?? 0) + 1;
    },
    result() {
      const total = counts.reduce((sum, count) => sum + (count ?? 0), 0);
      let more = 0;
      for (let decimals = counts.length - 1; decimals >= 0; decimals--) {
        const own = counts[decimals] ?? 0;
        if ((more + own) * 20 >= total && own > 0) return { decimals, rowsWithMore: more };
        more += own;
      }
      return { decimals: 0, rowsWithMore: 0 };
    },
  };
}

/** Medians of some hundred rows over the whole file: the first ones, then ever fewer. */
function createSample(): {
  wants(): boolean;
  add(close: number, spread: number): void;
  medians(): Survey['typical'];
} {
  const closes: number[] = [];
  const spreads: number[] = [];
  let rows = 0;
  let every = 1;
  return {
    wants() {
      if (closes.length >= 400 && rows >= 400 * every) every *= 2;
      return rows++ % every === 0;
    },
    add(close, spread) {
      if (Number.isFinite(close)) closes.push(close);
      if (spread >= 0) spreads.push(spread);
    },
    medians: () => ({
      close: upperMedianOf(closes),
      spread: upperMedianOf(spreads),
      isSpreadWhole: spreads.every(Number.isInteger),
    }),
  };
}

const NO_TIMEFRAME = { barSeconds: null, timeframeBy: null, unclearSeconds: null } as const;

interface Distances {
  add(apart: number): void;
  /** The smallest distance of neighbors, in seconds. */
  readonly smallest: number;
  /** A longer timeframe that many neighbors in a row have; null without one. */
  readonly longer: number | null;
}

/** Distances of neighboring bars. */
function createDistances(): Distances {
  let smallest = Infinity;
  let last = NaN;
  let run = 0;
  const steady = new Set<number>();
  return {
    add(apart) {
      if (!(apart > 0)) return;
      if (apart < smallest) smallest = apart;
      run = apart === last ? run + 1 : 1;
      last = apart;
      if (run === ENOUGH_BARS && KNOWN_SECONDS.has(apart)) steady.add(apart);
    },
    get smallest() {
      return smallest;
    },
    get longer() {
      return [...steady].find((apart) => apart > smallest) ?? null;
    },
  };
}

/** @throws MinutehandError DATA_FORMAT */
function timeframeOf(
  path: string,
  rows: number,
  { smallest, longer }: Distances,
): Pick<Survey, 'barSeconds' | 'timeframeBy' | 'unclearSeconds'> {
  const named = readSourceName(path).barSeconds;
  if (rows < ENOUGH_BARS) {
    if (named !== null) return { barSeconds: named, timeframeBy: 'name', unclearSeconds: null };
    const apart = smallest > SECONDS_PER_BAR && KNOWN_SECONDS.has(smallest) ? smallest : null;
    return { ...NO_TIMEFRAME, unclearSeconds: apart };
  }
  const expected = `bars of one timeframe: ${TIMEFRAME_NAMES.join(', ')}`;
  if (!KNOWN_SECONDS.has(smallest))
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path}: neighboring bars are ${smallest} s apart or more`,
      expected,
      next: 'Export the M1 (one-minute) or H1 (one-hour) chart.',
    });
  if (longer !== null)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path}: bars of ${timeframeName(smallest)} and of ${timeframeName(longer)}`,
      expected,
      next: 'Split the file.',
    });
  if (named !== null && named !== smallest)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path}: its name states bars of ${timeframeName(named)}, and they are ${smallest} s apart`,
      expected: 'a name that fits the bars',
      next: 'Rename the file, or export it again.',
    });
  return { barSeconds: smallest, timeframeBy: 'spacing', unclearSeconds: null };
}

/** Of a table of bars: a time and four prices. */
const FEWEST_COLUMNS = 5;

function unknownLayout(path: string, first: string): MinutehandError {
  return new MinutehandError('DATA_FORMAT', {
    seen: first === '' ? `${path} is empty` : `${path} begins with "${first.slice(0, 80)}"`,
    expected:
      'a table with a time, open, high, low and close, such as our own CSV, HistData ASCII, a MetaTrader export or Binance klines; or a series with --series <name>',
    ...(isRowOfValues(first) && {
      next: 'Its first line is a row already: write a header above it that names its columns, such as time,open,high,low,close,volume.',
    }),
  });
}

/** Whether a line has several values and names nothing. */
function isRowOfValues(line: string): boolean {
  const values = line.split(/[,;\t]/).map((value) => value.trim());
  return values.length >= FEWEST_COLUMNS && values.every((value) => /\d/.test(value) || value === '');
}
