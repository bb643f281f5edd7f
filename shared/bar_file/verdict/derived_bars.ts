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
/** Share of moves in one of the places: of bars of a minute at most 0.21 for 5; 1 where the others are filled in. */
const IN_ONE_PLACE = 0.9;

/**
 * Finds bars that are computed from others, whose prices nobody could trade at: interpolated or filled in from longer
 * bars, averaged, of two sources that take turns, with a close, high or low of a later bar. What learns from them finds
 * an edge that no market has.
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
      return found;
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
