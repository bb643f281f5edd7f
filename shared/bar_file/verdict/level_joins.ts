import type { Finding } from './finding.ts';
import type { InspectedBar } from './inspected_bar.ts';
import { isUsuallyPriced } from './scale_watch.ts';

/** Of longer bars, a leap between two of them is no more than their moves. */
const LONGEST_BAR_S = 300;
/** Bars on each side of a leap by which it is judged, of which half must have moved. */
const BESIDE = 10;
const MUST_MOVE = 5;
/** Quotes rest a few minutes; over longer rests a market leaps by itself. */
const MOST_APART_S = 900;
/**
 * Over the pause of a day, and of currencies and metals over a weekend, a leap must be larger. In the same bars: 2.2 %
 * and 11 ranges at most over a pause, of currencies and metals over a weekend 0.9 % and 10.
 */
const PAUSE = { size: 0.015, ranges: 16, longestS: 4 * 3600, longestOfWeeksS: 3 * 86_400 } as const;
/**
 * Size of a leap between two bars, and in ranges of the largest bar beside it. Of all leaps of 0.3 % in eight months of
 * 14 symbols by the minute, with a crash in the yen among them: 2.1 ranges at most; a join at 0.5 % has 29.
 */
const SINGLE = { size: 0.003, ranges: 8 } as const;
/**
 * Leaps of sources that take turns for hours or days: smaller ones, of one size, up and down in turn. In the same bars
 * one symbol has more than two such leaps: ten, of which two turn.
 */
const TURNS = { size: 0.0005, ranges: 2, leaps: 6, turning: 0.8, spread: 0.25 } as const;
const MAX_LEAPS = 10_000;

interface Leap {
  /** Open of the later bar. */
  readonly time: number;
  /** Logarithm of its open over the close before. */
  readonly size: number;
  /** Of the largest bar beside it. */
  readonly ranges: number;
  readonly isOverPause: boolean;
}

/** A leap whose bars on the far side are still to come. */
interface Pending {
  readonly time: number;
  readonly size: number;
  /** Price on the near side, and the sign with which the leap leads from there. */
  readonly level: number;
  readonly way: number;
  readonly isOverPause: boolean;
  range: number;
  moved: number;
  left: number;
}

/**
 * Finds places where bars of two levels were joined: a part that a vendor has adjusted and one that it has not, or two
 * sources that take turns by hours or days. Between two bars the price leaps, stays there, and the bars on both sides
 * move as little as ever; in a market a leap comes with large bars.
 */
export function createLevelJoins(barSeconds: number, symbol = '') {
  const longestPauseS = isUsuallyPriced(symbol) ? PAUSE.longestOfWeeksS : PAUSE.longestS;
  const beside: InspectedBar[] = [];
  let pending: Pending[] = [];
  const leaps: Leap[] = [];

  function begin(earlier: InspectedBar, later: InspectedBar, isAscending: boolean): void {
    const size = Math.log(later.open / earlier.close);
    const apart = later.time - earlier.time;
    const isOverPause = apart > MOST_APART_S;
    if (!(Math.abs(size) >= (isOverPause ? PAUSE.size : TURNS.size)) || beside.length < BESIDE) return;
    if (apart > longestPauseS) return;
    const moved = beside.filter(({ high, low }) => high > low).length;
    const range = Math.max(...beside.map(rangeOf));
    if (moved < MUST_MOVE || Math.abs(size) < TURNS.ranges * range) return;
    const near = isAscending ? { level: earlier.close, way: 1 } : { level: later.open, way: -1 };
    // A stray bar leaps there and back.
    if (Math.abs(Math.log(beside[0]!.close / near.level)) > Math.abs(size) / 2) return;
    pending.push({ time: later.time, size, ...near, isOverPause, range, moved: 0, left: BESIDE });
  }

  function goOn(bar: InspectedBar): void {
    for (const one of pending) {
      one.range = Math.max(one.range, rangeOf(bar));
      if (bar.high > bar.low) one.moved++;
      if (--one.left > 0) continue;
      const ranges = Math.abs(one.size) / one.range;
      const stays = (one.way * Math.log(bar.close / one.level)) / one.size >= 0.5;
      if (stays && one.moved >= MUST_MOVE && ranges >= TURNS.ranges && leaps.length < MAX_LEAPS)
        leaps.push({ time: one.time, size: one.size, ranges, isOverPause: one.isOverPause });
    }
    if (pending.length > 0) pending = pending.filter(({ left }) => left > 0);
  }

  return {
    /** @param isAscending the later bar is the new one */
    addNeighbors(earlier: InspectedBar, later: InspectedBar, isAscending: boolean): void {
      if (barSeconds > LONGEST_BAR_S) return;
      const [known, bar] = isAscending ? [earlier, later] : [later, earlier];
      beside.push(known);
      if (beside.length > BESIDE) beside.shift();
      begin(earlier, later, isAscending);
      goOn(bar);
    },

    findings(): Finding[] {
      const turns = turnsOf(leaps.filter(({ isOverPause }) => !isOverPause));
      if (turns !== null) return [{ code: 'DERIVED', by: 'taking_turns', values: turns }];
      const single = leaps.filter(({ size, ranges, isOverPause }) => {
        const least = isOverPause ? PAUSE : SINGLE;
        return Math.abs(size) >= least.size && ranges >= least.ranges;
      });
      if (single.length === 0) return [];
      const first = single.reduce((best, one) => (one.time < best.time ? one : best));
      const values = { percent: percentOf(first.size), from: first.time, leaps: single.length };
      return [{ code: 'SUSPECT', by: 'joined_levels', values: { ...values, ranges: Math.round(first.ranges) } }];
    },
  };
}

function turnsOf(leaps: readonly Leap[]): Finding['values'] | null {
  if (leaps.length < TURNS.leaps) return null;
  const turning = leaps.filter(({ size }, i) => i > 0 && size * leaps[i - 1]!.size < 0).length;
  const sizes = leaps.map(({ size }) => Math.abs(size)).sort((a, b) => a - b);
  const usual = sizes[Math.floor(sizes.length / 2)]!;
  const alike = sizes.filter((size) => Math.abs(size / usual - 1) <= TURNS.spread).length;
  if (turning < TURNS.turning * (leaps.length - 1) || alike < TURNS.turning * leaps.length) return null;
  const from = Math.min(...leaps.map(({ time }) => time));
  return { percent: percentOf(usual), leaps: leaps.length, from };
}

const rangeOf = ({ high, low }: InspectedBar): number => Math.log(high / low);

function percentOf(size: number): number {
  return Number((100 * Math.expm1(size)).toFixed(2));
}
