import { join } from 'node:path';
import type { Timeframe } from '../shared/pair.ts';

/** The folder of series: that of the option, else `series` in the folder of bars, else none. */
export function seriesFolder({ series, data }: { readonly series?: string; readonly data?: string }): string | null {
  return series ?? (data === undefined ? null : join(data, 'series'));
}

export function joinedLine(symbol: string, seconds: number, timeframe: Timeframe): string {
  return `${symbol}: ${seconds} s bars joined to ${timeframe}`;
}
