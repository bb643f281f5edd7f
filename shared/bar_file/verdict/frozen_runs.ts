import { SECONDS_PER_BAR } from '../../bar.ts';
import { WEEKEND_S, type WeekOpen } from '../week_open.ts';
import type { Finding } from './finding.ts';
import type { InspectedBar } from './inspected_bar.ts';
import { isClosedHour, isFlat } from './weekends.ts';

/** Bars in a row with the same prices and the same volume, none of them flat: no market repeats so often. */
const FROZEN_BARS = 10;
/** The same with volumes of their own, as of a feeder that goes on counting. */
const FROZEN_COUNTED_BARS = 30;
/** Flat bars with the same volume, and without one. Quiet nights of currencies stay below it. */
const FROZEN_FLAT_BARS = 60;
const FROZEN_EMPTY_MINUTES = 8 * 60;
/** Flat bars with volumes of their own: currencies do not trade so long at one price; coins tied to others may. */
const FROZEN_COUNTED_MINUTES = 4 * 60;
const FROZEN_TIED_MINUTES = 24 * 60;
/** One price with counted volumes from beginning to end is made up, as for a test: no feed got stuck. */
const MADE_UP_SHARE = 0.8;
/** Of a filled weekend, also one made longer by holidays, and of one whose market is not known. */
const CLOSED_SHARE = 0.4;
const SATURDAY_SHARE = 0.2;

/** Runs of one repeated bar, as a feeder sends that has lost its source. */
export function createFrozenRuns(barSeconds: number, due: WeekOpen | null) {
  let run = 1;
  let alike = 1;
  let isFrozen = false;
  let isAlike = false;
  let pairs = 0;
  let closed = 0;
  const alikeRuns = createTally();
  const countedRuns = createTally();
  let begin = NaN;
  let sampleBar: InspectedBar | null = null;
  const barsOf = (minutes: number): number => Math.max(FROZEN_FLAT_BARS, (minutes * SECONDS_PER_BAR) / barSeconds);
  const emptyLimit = barsOf(FROZEN_EMPTY_MINUTES);
  const countedLimit = barsOf(due === null ? FROZEN_TIED_MINUTES : FROZEN_COUNTED_MINUTES);
  const limitOf = (bar: InspectedBar): number => {
    if (!isFlat(bar)) return FROZEN_BARS;
    return bar.volume > 0 ? FROZEN_FLAT_BARS : emptyLimit;
  };
  const countedLimitOf = (bar: InspectedBar): number => {
    if (!isFlat(bar)) return FROZEN_COUNTED_BARS;
    return bar.volume > 0 ? countedLimit : Infinity;
  };
  /** A market that is closed for a weekend and was filled is another finding. */
  const isWeekend = (): boolean => {
    if (!isFlat(sampleBar!) || run * barSeconds < WEEKEND_S) return false;
    return closed >= (due === null ? SATURDAY_SHARE : CLOSED_SHARE) * run;
  };
  const end = (): void => {
    if (sampleBar !== null && isFrozen && !isWeekend()) (isAlike ? alikeRuns : countedRuns).add(run, begin);
    run = 1;
    alike = 1;
    isFrozen = false;
    isAlike = false;
    closed = 0;
    sampleBar = null;
  };
  return {
    addNeighbors(earlier: InspectedBar, later: InspectedBar): void {
      pairs++;
      // Weekends and pauses end a run: over them a price may stay.
      if (later.time - earlier.time > barSeconds * 5 || !hasSamePrices(earlier, later)) return end();
      begin = sampleBar === null ? earlier.time : Math.min(begin, earlier.time);
      sampleBar = later;
      run++;
      alike = earlier.volume === later.volume ? alike + 1 : 1;
      if (alike >= limitOf(later)) isAlike = true;
      if (isAlike || run >= countedLimitOf(later)) isFrozen = true;
      if (isFlat(later) && isClosedHour(later.time, due)) closed++;
    },
    findings(): Finding[] {
      end();
      const isMadeUp = countedRuns.bars > MADE_UP_SHARE * (pairs + 1);
      const tallies = isMadeUp ? [alikeRuns] : [alikeRuns, countedRuns];
      const runs = tallies.reduce((sum, tally) => sum + tally.runs, 0);
      if (runs === 0) return [];
      const bars = tallies.reduce((sum, tally) => sum + tally.bars, 0);
      const longest = tallies.map((tally) => tally.longest).reduce((best, one) => (one.bars > best.bars ? one : best));
      const values = { runs, bars, longest_bars: longest.bars, from: longest.time };
      return [{ code: 'FROZEN', by: 'repeated_bar', values }];
    },
  };
}

function hasSamePrices(one: InspectedBar, other: InspectedBar): boolean {
  return one.open === other.open && one.high === other.high && one.low === other.low && one.close === other.close;
}

function createTally() {
  return {
    runs: 0,
    bars: 0,
    longest: { bars: 0, time: 0 },
    add(bars: number, time: number): void {
      this.runs++;
      this.bars += bars;
      if (bars > this.longest.bars) this.longest = { bars, time };
    },
  };
}
