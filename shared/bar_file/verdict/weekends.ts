import { parseTimeZone } from '../time_zone.ts';
import type { WeekOpen } from '../week_open.ts';
import type { Finding } from './finding.ts';
import type { InspectedBar } from './inspected_bar.ts';

const HOUR_S = 3600;
const DAY_S = 24 * HOUR_S;
const NEW_YORK = parseTimeZone('America/New_York');
/** Flat bars of a closed weekend that are no accident. */
const WEEKEND_BARS = 12;
const FLAT_SHARE = 0.9;
/** A Saturday of which so much has bars that move was made: no clock is off by so many hours. */
const TRADED_SHARE = 0.3;
const MAX_WEEKENDS = 2000;
/** Of the bars of an hour, so many that move beyond the edges of one week are no strays; of hours two. */
const EDGE_SHARE = 0.4;
const MIN_EDGE_BARS = 2;

/** Returns whether a bar has one price. */
export function isFlat({ open, high, low, close }: Omit<InspectedBar, 'time'>): boolean {
  return high === low && open === close && open === high;
}

/**
 * Returns whether a bar may be filled in: one price and no volume; where the market is known to be closed, with any
 * volume.
 */
export function isFilling(bar: Omit<InspectedBar, 'time'>, due: WeekOpen | null): boolean {
  return isFlat(bar) && (bar.volume === 0 || due !== null);
}

/** Returns whether the later bar only repeats the close before it, as those that fill a closed market do. */
export function isFiller(earlier: InspectedBar, later: InspectedBar, due: WeekOpen | null): boolean {
  if (later.close !== earlier.close || !isFlat(later)) return false;
  return later.volume === 0 || (due !== null && isClosedHour(later.time, due));
}

/**
 * Whether the market of a symbol is closed for the weekend: from New York's close on Friday until 17:00 on
 * Sunday; of a symbol whose weeks are not known, on Saturday in New York.
 */
export function isClosedHour(time: number, due: WeekOpen | null): boolean {
  const { weekday, hour } = localHour(time);
  return weekday === 6 || (due !== null && ((weekday === 5 && hour >= 17) || (weekday === 0 && hour < 17)));
}

function localHour(time: number): { weekday: number; hour: number } {
  const local = time + NEW_YORK.offsetAt(time);
  // 1970 began on a Thursday.
  return { weekday: (Math.floor(local / DAY_S) + 4) % 7, hour: Math.floor((local % DAY_S) / HOUR_S) };
}

/** Bars of hours in which the market is closed: flat ones, and those that move as if it were open. */
export function createWeekends(due: WeekOpen | null, barSeconds: number) {
  const isJudged = barSeconds < DAY_S;
  const traded = due === null || !isJudged ? null : createTradedSaturdays(barSeconds);
  // Longer bars begin before the market does.
  const beyond = due === null || barSeconds > HOUR_S ? null : createTradedEdges(barSeconds);
  let closed = 0;
  let closedFlat = 0;
  let open = 0;
  let openFlat = 0;
  return {
    add(bar: InspectedBar): void {
      const flat = isFilling(bar, due);
      if (!flat) traded?.add(bar.time);
      if (isClosedHour(bar.time, due)) {
        closed++;
        if (flat) closedFlat++;
        else beyond?.add(bar.time);
      } else {
        open++;
        if (flat) openFlat++;
      }
    },
    /** Whether on some weekend more bars move after the close, or before the opening, than strays do. */
    hasTradedEdges: () => beyond !== null && beyond.findings().length > 0,
    /** @param isClockOff bars of closed hours are explained by their clock */
    findings({ isClockOff }: { readonly isClockOff: boolean }): Finding[] {
      const moving = traded?.findings() ?? [];
      if (moving.length > 0) return moving;
      const strays = isClockOff ? [] : (beyond?.findings() ?? []);
      if (strays.length > 0) return strays;
      if (!isJudged || closed < WEEKEND_BARS || closedFlat < FLAT_SHARE * closed) return [];
      // Where flat bars are usual on working days too, they say nothing about weekends.
      if (openFlat > 0.5 * open) return [];
      return [{ code: 'FLAT_WEEKENDS', by: 'closed_hours', values: { flat: closedFlat, bars: closed } }];
    },
  };
}

/** Bars that move after New York's close on Friday, or before its opening on Sunday. */
function createTradedEdges(barSeconds: number) {
  const weekends = createTradedPeriods(Math.max(MIN_EDGE_BARS, EDGE_SHARE * (HOUR_S / barSeconds)));
  return {
    add(time: number): void {
      // Friday evening, Saturday and Sunday have one number: weeks from Monday.
      weekends.add(Math.floor((time + NEW_YORK.offsetAt(time) + 3 * DAY_S) / (7 * DAY_S)), time);
    },
    findings(): Finding[] {
      const traded = weekends.traded();
      if (traded.length === 0) return [];
      const from = Math.min(...traded.map((one) => one.from));
      return [{ code: 'SUSPECT', by: 'closed_edges', values: { bars: barsOf(traded), weekends: traded.length, from } }];
    },
  };
}

/** Saturdays in New York on which a market that rests on them has bars that move. */
function createTradedSaturdays(barSeconds: number) {
  const days = createTradedPeriods(TRADED_SHARE * (DAY_S / barSeconds));
  return {
    add(time: number): void {
      if (localHour(time).weekday === 6) days.add(Math.floor((time + NEW_YORK.offsetAt(time)) / DAY_S), time);
    },
    findings(): Finding[] {
      const traded = days.traded();
      const bars = barsOf(traded);
      if (bars < WEEKEND_BARS) return [];
      const from = Math.min(...traded.map(({ number }) => number)) * DAY_S;
      return [{ code: 'SUSPECT', by: 'closed_hours', values: { bars, days: traded.length, from } }];
    },
  };
}

/** A period of a closed market, by its number, with bars that move. */
interface TradedPeriod {
  readonly number: number;
  bars: number;
  /** Open of the first of them, epoch seconds. */
  from: number;
}

/** Counts moving bars by period. @param least bars of a period from which on they are no strays */
function createTradedPeriods(least: number) {
  const periods = new Map<number, TradedPeriod>();
  return {
    add(number: number, time: number): void {
      const own = periods.get(number);
      if (own !== undefined) {
        own.bars++;
        own.from = Math.min(own.from, time);
      } else if (periods.size < MAX_WEEKENDS) periods.set(number, { number, bars: 1, from: time });
    },
    traded: (): TradedPeriod[] => [...periods.values()].filter(({ bars }) => bars >= least),
  };
}

function barsOf(periods: readonly TradedPeriod[]): number {
  return periods.reduce((sum, { bars }) => sum + bars, 0);
}
