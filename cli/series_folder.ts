import { join } from 'node:path';
import { timeframeName } from '../shared/bar_file/own_timeframe.ts';
import type { Timeframe } from '../shared/pair.ts';

/** The folder of series: that of the option, else `series` in the folder of bars, else none. */
export function seriesFolder({ series, data }: { readonly series?: string; readonly data?: string }): string | null {
  return series ?? (data === undefined ? null : join(data, 'series'));
}

/** @param seconds of the bars that were joined */
export function joinedLine(symbol: string, seconds: number, timeframe: Timeframe): string {
  return `${symbol}: bars of ${timeframeName(seconds)} joined to ${timeframe}`;
}
