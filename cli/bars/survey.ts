import { createHash } from 'node:crypto';
import { LATEST_TIME_S } from '../../shared/bar.ts';
import { ENOUGH_BARS, timeframeName } from '../../shared/bar_file/own_timeframe.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { TIMEFRAMES } from '../../shared/pair.ts';
import { recognizeLayout, timeframeOfSource, type BarLayout } from './bar_layout.ts';
import { recognizeSeries, type SeriesLayout } from './series_layout.ts';
import { sourceLines } from './source_lines.ts';
import { WEEKEND_S } from './week_opens.ts';

/** Facts of a whole file that are needed before its first row can be taken. */
export interface Survey {
  readonly layout: BarLayout | SeriesLayout;
  readonly sha256: string;
  /** Seconds since 1970 on the file's clock of the first bars after a weekend. */
  readonly weekOpens: readonly number[];
  /** Most digits after the point of a price, where prices are in points; else 0. */
  readonly decimals: number;
  /** Seconds of its bars; null where it has too few of them and its name states none. */
  readonly barSeconds: number | null;
  /** What the timeframe was inferred from. */
  readonly timeframeBy: 'spacing' | 'name' | null;
}

const KNOWN_SECONDS: ReadonlySet<number> = new Set(Object.values(TIMEFRAMES));

/**
 * Reads a file once from end to end, in bounded memory.
 * @throws MinutehandError DATA_MISSING; DATA_FORMAT (unknown layout, damaged, of no timeframe or of several); USAGE as
 * `recognizeSeries`
 */
export async function surveyFile(
  path: string,
  series: string | null,
  onBytes: (bytes: number) => void,
): Promise<Survey> {
  const hash = createHash('sha256');
  const opens: number[] = [];
  let layout: BarLayout | SeriesLayout | null = null;
  const distances = createDistances();
  let [rows, decimals, previous] = [0, 0, NaN];
  for await (const lines of sourceLines(path, { hash, onBytes })) {
    let first = 0;
    if (layout === null) {
      layout = layoutOf(path, lines[0]!, series);
      first = layout.name === 'series' || layout.hasHeader ? 1 : 0;
    }
    if (layout.name === 'series') continue;
    for (let i = first; i < lines.length; i++) {
      const line = lines[i]!;
      const row = layout.inPoints ? layout.parse(line) : null;
      const time = row?.time ?? layout.parseTime(line);
      if (row !== null) decimals = Math.max(decimals, row.decimals);
      if (!(time >= 0 && time < LATEST_TIME_S)) continue;
      rows++;
      const apart = Math.abs(time - previous);
      distances.add(apart);
      // In a file with the newest bar first, the later of the two opens the week as well.
      if (apart >= WEEKEND_S) opens.push(Math.max(time, previous));
      previous = time;
    }
  }
  if (layout === null) throw unknownLayout(path, '');
  const timeframe = layout.name === 'series' ? NO_TIMEFRAME : timeframeOf(path, rows, distances);
  return { layout, sha256: hash.digest('hex'), weekOpens: opens, decimals, ...timeframe };
}

const NO_TIMEFRAME = { barSeconds: null, timeframeBy: null } as const;

interface Distances {
  add(apart: number): void;
  /** The smallest distance of neighbors, in seconds. */
  readonly smallest: number;
  /** A longer timeframe that many neighbors in a row have; null without one. */
  readonly longer: number | null;
}

/** Distances of neighboring bars. */
function createDistances(): Distances {
  let [smallest, last, run] = [Infinity, NaN, 0];
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
): Pick<Survey, 'barSeconds' | 'timeframeBy'> {
  const named = timeframeOfSource(path);
  if (rows < ENOUGH_BARS) return named === null ? NO_TIMEFRAME : { barSeconds: named, timeframeBy: 'name' };
  const expected = `bars of one timeframe: ${Object.keys(TIMEFRAMES).join(', ')}`;
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
  return { barSeconds: smallest, timeframeBy: 'spacing' };
}

function layoutOf(path: string, firstLine: string, series: string | null): BarLayout | SeriesLayout {
  const first = firstLine.trimEnd();
  const layout = recognizeLayout(first) ?? recognizeSeries(first, series);
  if (layout === null) throw unknownLayout(path, first);
  return layout;
}

function unknownLayout(path: string, first: string): MinutehandError {
  return new MinutehandError('DATA_FORMAT', {
    seen: `${path} begins with "${first.slice(0, 80)}"`,
    expected: 'our own CSV, HistData ASCII, a MetaTrader export, Binance klines, or a series with --series <name>',
  });
}
