import { createHash } from 'node:crypto';
import { LATEST_TIME_S, SECONDS_PER_BAR } from '../../shared/bar.ts';
import { MinutehandError } from '../../shared/errors.ts';
import { recognizeLayout, type BarLayout } from './bar_layout.ts';
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
}

/** From this many rows on, a file without two neighboring minutes is not one of minutes. */
const ENOUGH_ROWS = 20;

/**
 * Reads a file once from end to end, in bounded memory.
 * @throws MinutehandError DATA_MISSING; DATA_FORMAT (unknown layout, damaged, or not of minutes); USAGE as
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
  let hasNeighbors = false;
  let [rows, decimals, smallest, previous] = [0, 0, Infinity, NaN];
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
      if (apart === SECONDS_PER_BAR) hasNeighbors = true;
      if (apart > 0 && apart < smallest) smallest = apart;
      // In a file with the newest bar first, the later of the two opens the week as well.
      if (apart >= WEEKEND_S) opens.push(Math.max(time, previous));
      previous = time;
    }
  }
  if (layout === null) throw unknownLayout(path, '');
  if (layout.name !== 'series' && rows >= ENOUGH_ROWS && !hasNeighbors)
    throw new MinutehandError('DATA_FORMAT', {
      seen: `${path}: neighboring bars are ${smallest} s apart or more`,
      expected: 'bars of one minute',
      next: 'Export the M1 (one-minute) chart.',
    });
  return { layout, sha256: hash.digest('hex'), weekOpens: opens, decimals };
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
