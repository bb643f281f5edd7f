import type { OpenTime } from '../bar.ts';
import { SECONDS_PER_BAR } from '../bar.ts';
import { BarScreen, type ScreenPolicy } from '../core/screen/bar_screen.ts';
import { barReader, type BarColumns } from './bar_file.ts';

/** Statistics of a bar file, for `bars check`. Counts of bars or minutes unless the name states otherwise. */
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
  /** Bars that the daemon would hold back and training leaves out; null when bars are not screened. */
  readonly suspects: number | null;
}

/** Bars this far apart belong to two sessions: as many minutes, of longer bars as many bars at least. */
export const BREAK_MINUTES = 60;
const BREAK_BARS = 4;
/** Change of the close from one minute to the next; of longer bars, times the root of their minutes. */
export const SPIKE = 0.005;

/** A `BarReport` of bars that come a page at a time. */
export interface BarCheck {
  /** Ascending bars, later than those before. */
  add(columns: BarColumns): void;
  report(): BarReport;
}

/**
 * Counts gaps, flat bars and spikes of one symbol in a single pass. Two bars less than 60 minutes apart belong to the
 * same session.
 */
export function checkBars(columns: BarColumns, screening: ScreenPolicy | null = null): BarReport {
  const check = createBarCheck(columns.symbol, screening);
  check.add(columns);
  return check.report();
}

export function createBarCheck(
  symbol: string,
  screening: ScreenPolicy | null = null,
  barSeconds = SECONDS_PER_BAR,
): BarCheck {
  const step = barSeconds / SECONDS_PER_BAR;
  const breakMinutes = step === 1 ? BREAK_MINUTES : Math.max(BREAK_MINUTES, BREAK_BARS * step);
  const spike = SPIKE * Math.sqrt(step);
  const screen = screening === null ? null : new BarScreen(screening);
  let suspects = 0;
  let bars = 0;
  let missing = 0;
  let holes = 0;
  let longest = 0;
  let breaks = 0;
  let flat = 0;
  let spikes = 0;
  let jumps = 0;
  let first: OpenTime | null = null;
  let last: OpenTime | null = null;
  let lastClose = NaN;
  return {
    add(columns) {
      const { length, time, open, high, low, close } = columns;
      const barOf = barReader(columns);
      for (let i = 0; i < length; i++) {
        if (screen?.take(barOf(i)) === true) suspects++;
        if (high[i] === low[i] && open[i] === close[i] && open[i] === high[i]) flat++;
        if (last === null) {
          first = time[i]! as OpenTime;
        } else {
          const apart = (time[i]! - last) / SECONDS_PER_BAR;
          const isBreak = apart >= breakMinutes;
          if (isBreak) {
            breaks++;
          } else if (apart > step) {
            holes++;
            missing += apart - step;
            longest = Math.max(longest, apart - step);
          }
          if (Math.abs(close[i]! / lastClose - 1) > spike) {
            if (isBreak) jumps++;
            else spikes++;
          }
        }
        last = time[i]! as OpenTime;
        lastClose = close[i]!;
      }
      bars += length;
    },
    report: () => ({
      symbol,
      bars,
      first,
      last,
      missing_minutes: missing,
      holes,
      longest_hole_minutes: longest,
      breaks,
      flat_bars: flat,
      spikes,
      break_jumps: jumps,
      suspects: screen === null ? null : suspects,
    }),
  };
}
