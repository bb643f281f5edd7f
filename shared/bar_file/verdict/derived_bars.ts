import { SECONDS_PER_BAR } from '../../bar.ts';
import type { Finding } from './finding.ts';
import type { InspectedBar } from './inspected_bar.ts';

/** Bars that follow each other without a gap, by which nothing is said with fewer of them. */
const MIN_BARS = 3000;
/** Moves of both of two neighboring bars. */
const MIN_MOVES = 300;
/**
 * Share of moves in the direction of the move before. In two weeks of each of 14 symbols by the minute and six coins by
 * the half hour and hour: 0.44 to 0.56; of bars that are interpolated from five minutes, or averaged over three: 0.78.
 */
const REPEATED = 0.68;
/** The same of two sources that take turns: 0.01. */
const ALTERNATING = 0.15;
/**
 * Share of three neighboring bars between which the price moves twice, where sources take turns: nearly all. A price
 * that goes to and fro between two ticks, or between bid and ask, stands still as often: 0.5 at most.
 */
const ALWAYS_MOVING = 0.7;
/** Share of highs that are those of the bar before, where they are above its open and close: 0.15 at most, 0.31. */
const SAME_EXTREME = 0.25;
/** Mean distance of an open from the close before, in distances from the close before that: 0.53 at most, 11. */
const LATE_CLOSE = 2;
/** Places of moves in 60 bars, to find bars that are filled in from longer ones. */
const PLACES = 60;
const LONGER = [5, 10, 15, 30, 60] as const;
const DAY_S = 86_400;
/**
 * Longer bars among bars of a minute, such as the daily one of each midnight: by the time of their open, their range in
 * mean ranges, the number of them that is needed, and the share of the range between their close and the next open,
 * which a bar of a minute has at its close. In 238 parts of two weeks of 14 symbols: 8.4 of a day and 1.8 of an hour at
 * most; with daily bars 32 and more, with hourly ones 6.7 and more.
 */
const LONGER_AMONG = [
  { seconds: DAY_S, ranges: 16, bars: 4 },
  { seconds: 3600, ranges: 4, bars: 100 },
] as const;
const APART = 0.1;
/** Share of moves in one of the places: of bars of a minute at most 0.21 for 5; 1 where the others are filled in. */
const IN_ONE_PLACE = 0.9;

/**
 * Finds bars that are computed from others, whose prices nobody could trade at: interpolated or filled in from longer
 * bars, averaged, of two sources that take turns, with a close, high or low of a later bar, and longer bars among bars
 * of a minute. What learns from them finds an edge that no market has.
 */
export function createDerivedBars(barSeconds: number) {
  let bars = 0;
  let moves = 0;
  let repeated = 0;
  let highs = 0;
  let lows = 0;
  let toClose = 0;
  let toEarlierClose = 0;
  const places = new Float64Array(PLACES);
  const clock = barSeconds === SECONDS_PER_BAR ? createClockRanges() : null;
  /** The neighbors before, where they are adjacent. */
  let known: readonly [earlier: InspectedBar, later: InspectedBar] | null = null;

  /** Three adjacent bars. */
  function addThree(first: InspectedBar, second: InspectedBar, third: InspectedBar): void {
    bars++;
    const before = second.close - first.close;
    const move = third.close - second.close;
    if (before !== 0 && move !== 0) {
      moves++;
      if (before > 0 === move > 0) repeated++;
    }
    // A price that stands still has the same extremes for another reason.
    if (move !== 0) {
      if (third.high === second.high && second.high > Math.max(second.open, second.close)) highs++;
      if (third.low === second.low && second.low < Math.min(second.open, second.close)) lows++;
    }
    toClose += Math.abs(third.open - second.close);
    toEarlierClose += Math.abs(third.open - first.close);
  }

  return {
    /** Ascending or descending. @param isAdjacent whether no bar is missing between them */
    addNeighbors(earlier: InspectedBar, later: InspectedBar, isAdjacent: boolean): void {
      if (isAdjacent) {
        clock?.add(earlier, later);
        if (later.close !== earlier.close) places[Math.floor(later.time / barSeconds) % PLACES]!++;
        if (known?.[1] === earlier) addThree(known[0], earlier, later);
        else if (known?.[0] === later) addThree(earlier, later, known[1]);
      }
      known = isAdjacent ? [earlier, later] : null;
    },

    findings(): Finding[] {
      if (bars < MIN_BARS) return [];
      const found: Finding[] = [];
      if (moves >= MIN_MOVES && repeated > REPEATED * moves)
        found.push(derived('repeated_moves', { repeated, of: moves }));
      if (moves > ALWAYS_MOVING * bars && repeated < ALTERNATING * moves)
        found.push(derived('alternating', { repeated, of: moves }));
      const [column, same] = highs > lows ? (['high', highs] as const) : (['low', lows] as const);
      if (same > SAME_EXTREME * bars) found.push(derived('same_extremes', { column, same, of: bars }));
      if (toClose > LATE_CLOSE * toEarlierClose) found.push(derived('late_close', { of: bars }));
      const longer = longerBars(places);
      if (longer !== null) found.push(derived('filled_in', { bars: longer }));
      const among = clock?.longerBars() ?? null;
      if (among !== null) found.push(derived('longer_among', among));
      return found;
    },
  };
}

/** Ranges of bars of a minute by their time of day, and how far from their close the next one opens. */
function createClockRanges() {
  const minutes = DAY_S / SECONDS_PER_BAR;
  const counts = new Float64Array(minutes);
  const ranges = new Float64Array(minutes);
  const gaps = new Float64Array(minutes);

  /** The largest mean range of a time in each cycle, among those whose closes are far from the next open. */
  function largestOf(seconds: number, least: number): { readonly minute: number; readonly range: number } {
    const cycle = seconds / SECONDS_PER_BAR;
    const summed = (values: Float64Array, minute: number): number => {
      let sum = 0;
      for (let at = minute; at < minutes; at += cycle) sum += values[at]!;
      return sum;
    };
    let largest = { minute: 0, range: 0 };
    for (let minute = 0; minute < cycle; minute++) {
      const bars = summed(counts, minute);
      const range = summed(ranges, minute);
      if (bars < least || summed(gaps, minute) <= APART * range) continue;
      if (range / bars > largest.range) largest = { minute, range: range / bars };
    }
    return largest;
  }

  return {
    add(bar: InspectedBar, next: InspectedBar): void {
      const at = Math.floor((bar.time % DAY_S) / SECONDS_PER_BAR);
      counts[at]!++;
      ranges[at]! += bar.high - bar.low;
      gaps[at]! += Math.abs(next.open - bar.close);
    },

    longerBars(): Finding['values'] | null {
      const sum = (values: Float64Array): number => values.reduce((all, value) => all + value, 0);
      const mean = sum(ranges) / sum(counts);
      for (const { seconds, ranges: needed, bars } of LONGER_AMONG) {
        const { minute, range } = largestOf(seconds, bars);
        if (range > needed * mean) return { seconds, minute, ranges: Math.round(range / mean) };
      }
      return null;
    },
  };
}

/** Number of bars of which only one has a move; null where moves are spread over all. */
function longerBars(places: Float64Array): number | null {
  const all = places.reduce((sum, count) => sum + count, 0);
  if (all < MIN_MOVES) return null;
  const found = LONGER.filter((length) => {
    const byPlace = new Float64Array(length);
    places.forEach((count, place) => (byPlace[place % length]! += count));
    return Math.max(...byPlace) > IN_ONE_PLACE * all;
  });
  return found.at(-1) ?? null;
}

function derived(by: string, values: Finding['values']): Finding {
  return { code: 'DERIVED', by, values };
}
