import { timeframeName } from '../shared/bar_file/own_timeframe.ts';
import type { Timeframe } from '../shared/pair.ts';

/** @param seconds of the bars that were joined */
export function joinedLine(symbol: string, seconds: number, timeframe: Timeframe): string {
  return `${symbol}: bars of ${timeframeName(seconds)} joined to ${timeframe}`;
}
