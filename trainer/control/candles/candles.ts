import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { resampleBars } from '../../../shared/bar_file/resampled_bars.ts';
import { TIMEFRAMES, TIMEFRAME_NAMES, type Timeframe } from '../../../shared/pair.ts';

/** Bars of one symbol as a chart shows them: one array per column, ascending. */
export interface Candles {
  readonly timeframe: Timeframe;
  /** Close of each bar, epoch seconds. */
  readonly time: number[];
  readonly open: number[];
  readonly high: number[];
  readonly low: number[];
  readonly close: number[];
}

/**
 * One-minute bars in the shortest timeframe in which their period has at most `most` bars, or in the longest one. The
 * last bar is of the minutes that there are.
 * @param minutes each with the time of its open
 */
export function candlesOf(minutes: BarColumns, most: number): Candles {
  const seconds = minutes.length === 0 ? 0 : minutes.time[minutes.length - 1]! - minutes.time[0]! + SECONDS_PER_BAR;
  const isEnough = (name: Timeframe): boolean => seconds / TIMEFRAMES[name] <= most;
  const timeframe = TIMEFRAME_NAMES.find(isEnough) ?? TIMEFRAME_NAMES.at(-1)!;
  const bars = resampleBars(minutes, TIMEFRAMES[timeframe], { isLastKept: true });
  const column = (values: Float64Array): number[] => Array.from(values.subarray(0, bars.length));
  return {
    timeframe,
    time: column(bars.time).map((time) => time + SECONDS_PER_BAR),
    open: column(bars.open),
    high: column(bars.high),
    low: column(bars.low),
    close: column(bars.close),
  };
}
