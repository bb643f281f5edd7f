import type { OpenTime } from '../bar.ts';
import { SECONDS_PER_BAR } from '../bar.ts';
import type { BarColumns } from './bar_file.ts';

/** What a bar file looks like, for `bars check`. Counts of bars or minutes unless the name says otherwise. */
export interface BarReport {
  readonly symbol: string;
  readonly bars: number;
  /** Open of the first and last bar; null when there is none. */
  readonly first: OpenTime | null;
  readonly last: OpenTime | null;
  /** Minutes without a bar inside a session. */
  readonly missing_minutes: number;
  /** Runs of such minutes. */
  readonly holes: number;
  readonly longest_hole_minutes: number;
  /** Weekends, daily pauses, holidays: bars 60 minutes or more apart. */
  readonly breaks: number;
  /** Bars with open = high = low = close. */
  readonly flat_bars: number;
  /** Bars inside a session whose close is more than 0.5 % away from the close before. */
  readonly spikes: number;
  /** The same over a break. */
  readonly break_jumps: number;
}

const BREAK_MINUTES = 60;
const SPIKE = 0.005;

/** Counts gaps, flat bars and spikes of one symbol in a single pass. Two bars less than 60 minutes apart belong to the same session. */
export function checkBars(columns: BarColumns): BarReport {
  const { symbol, length, time, open, high, low, close } = columns;
  let [missing, holes, longest, breaks, flat, spikes, jumps] = [0, 0, 0, 0, 0, 0, 0];
  for (let i = 0; i < length; i++) {
    if (high[i] === low[i] && open[i] === close[i] && open[i] === high[i]) flat++;
    if (i === 0) continue;
    const apart = (time[i]! - time[i - 1]!) / SECONDS_PER_BAR;
    const isBreak = apart >= BREAK_MINUTES;
    if (isBreak) {
      breaks++;
    } else if (apart > 1) {
      holes++;
      missing += apart - 1;
      longest = Math.max(longest, apart - 1);
    }
    if (Math.abs(close[i]! / close[i - 1]! - 1) > SPIKE) {
      if (isBreak) jumps++;
      else spikes++;
    }
  }
  return {
    symbol,
    bars: length,
    first: length > 0 ? (time[0]! as OpenTime) : null,
    last: length > 0 ? (time[length - 1]! as OpenTime) : null,
    missing_minutes: missing,
    holes,
    longest_hole_minutes: longest,
    breaks,
    flat_bars: flat,
    spikes,
    break_jumps: jumps,
  };
}
