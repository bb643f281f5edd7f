import {
  BAR_VALUES,
  CLOSE,
  HIGH,
  LEG_VALUES,
  LegWindows,
  LOW,
  MINUTE,
  VOLUME,
  type LegState,
  type LegValues,
} from './leg.ts';
import type { Bar } from '../../bar.ts';
import type { Windows } from './windows.ts';

/** A leg of a pair: its bars are the minutes that the other leg has too. */
export interface PairLeg extends LegValues {
  /** Windows of its own; null while it has never needed any. */
  own: LegState | null;
  readonly ownValues: Float64Array;
  /** null when no other pair has the symbol. */
  readonly follower: Follower | null;
}

/** Position of the leg of one pair in the track of its symbol. */
interface Follower {
  readonly track: LegTrack;
  /** Bars of the leg so far. */
  bars: number;
  /** Index in the track of the last bar that both have. */
  position: number;
  /** Number of the leg's last bars that are, without a hole, the track's up to `position`. */
  barsInStep: number;
  /** Whether `own` has seen the leg's last bar. */
  isOwnCurrent: boolean;
  /**
   * Row of the next bar in `LegTracks.#ring`: the leg's last bars are what its own windows are made of when it leaves
   * the track.
   */
  ringAt: number;
  readonly firstRow: number;
}

/** The bars of a symbol that any of its pairs took, each minute once, with the values of its windows at that minute. */
interface LegTrack {
  readonly state: LegState;
  /**
   * Of each bar `index & rowMask`, of each track from its `firstRow` on: BAR_VALUES, then LEG_VALUES. A bar of all
   * tracks is `barDoubles` long.
   */
  readonly rows: Float64Array;
  readonly rowMask: number;
  readonly barDoubles: number;
  readonly firstRow: number;
  /** The last minute of each track: a field of an object would be boxed. */
  readonly last: Float64Array;
  readonly ordinal: number;
}

const ROW = BAR_VALUES + LEG_VALUES;
/**
 * A pair that leaves a track steps its look-back again within one minute. With longer look-backs legs stay by
 * themselves.
 */
const MAX_SHARED_BARS = 1024;

/**
 * The legs of all pairs of an engine. Pairs with a symbol in common share its windows, stepped once per minute, while
 * their bars are the same. This is only an optimization: a leg's values are a pure function of its last `lookBackBars`
 * bars, so equal bars give equal values, to the bit.
 *
 * A pair is in step with its symbol's track when its last `lookBackBars` bars are the track's, or all its bars are all
 * of the track's. A minute without the other leg, or a bar with other prices, puts it out of step: then it has its own
 * windows until it has been in step for `lookBackBars` bars. A pair that is behind reads the track's past.
 */
export class LegTracks {
  readonly #windows: LegWindows;
  readonly #lookBackBars: number;
  /** The bar that is being taken. */
  readonly #bar = new Float64Array(BAR_VALUES);
  /** The last bars of all followers: of each slot, a row of BAR_VALUES for each of them. */
  #ring = new Float64Array(0);
  /** Doubles of a slot. */
  #slot = 0;

  constructor(windows: Windows) {
    this.#windows = new LegWindows(windows);
    this.#lookBackBars = this.#windows.lookBackBars;
  }

  /** One leg for each of these symbols; repeated symbols share a track. */
  createLegs(symbols: readonly string[]): PairLeg[] {
    const counts = new Map<string, number>();
    for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
    const canShare = (symbol: string): boolean => counts.get(symbol)! > 1 && this.#lookBackBars <= MAX_SHARED_BARS;
    const tracks = this.#createTracks([...counts.keys()].filter(canShare));
    const followers = symbols.filter(canShare).length;
    const aloneStates = this.#windows.createStates(symbols.length - followers);
    this.#slot = followers * BAR_VALUES;
    this.#ring = new Float64Array((this.#lookBackBars - 1) * this.#slot);
    let firstRow = 0;
    let alone = 0;
    return symbols.map((symbol) => {
      const track = tracks.get(symbol);
      const ownValues = new Float64Array(LEG_VALUES).fill(NaN);
      return {
        values: ownValues,
        at: 0,
        own: track === undefined ? aloneStates[alone++]! : null,
        ownValues,
        follower: track === undefined ? null : createFollower(track, BAR_VALUES * firstRow++),
      };
    });
  }

  /**
   * Takes the next bar of a leg and sets `leg.values` and `leg.at` to the location of its values, valid until the next
   * step of any leg.
   */
  step(leg: PairLeg, bar: Bar, minute: number): void {
    const row = this.#bar;
    row[MINUTE] = minute;
    row[HIGH] = bar.high;
    row[LOW] = bar.low;
    row[CLOSE] = bar.close;
    row[VOLUME] = bar.volume;
    const { follower } = leg;
    if (follower === null) {
      this.#windows.step(leg.own!, row, 0, leg.ownValues, 0);
      return;
    }
    follower.bars++;
    this.#follow(follower);
    const isWholeTrack = follower.barsInStep === follower.bars && follower.position + 1 === follower.bars;
    if (isWholeTrack || follower.barsInStep >= this.#lookBackBars) {
      leg.values = follower.track.rows;
      leg.at = rowOf(follower.track, follower.position) + BAR_VALUES;
      follower.isOwnCurrent = false;
    } else {
      if (!follower.isOwnCurrent) this.#rebuildOwn(leg, follower);
      this.#windows.step(leg.own!, row, 0, leg.ownValues, 0);
      leg.values = leg.ownValues;
      leg.at = 0;
      follower.isOwnCurrent = true;
    }
    copyRow(row, this.#ring, follower.ringAt);
    follower.ringAt = this.#afterRow(follower.ringAt, follower);
  }

  /**
   * Moves a follower's place in the track to the bar that is being taken; out of step when the track has no such bar.
   */
  #follow(follower: Follower): void {
    const { track } = follower;
    const bar = this.#bar;
    const next = follower.position + 1;
    let index = track.state.bars;
    if (bar[MINUTE]! > track.last[track.ordinal]!) {
      const row = rowOf(track, index);
      copyRow(bar, track.rows, row);
      this.#windows.step(track.state, track.rows, row, track.rows, row + BAR_VALUES);
      track.last[track.ordinal] = bar[MINUTE]!;
    } else {
      index = indexOf(track, bar);
      if (index < 0 || !isSame(track, index, bar)) {
        follower.barsInStep = 0;
        return;
      }
    }
    follower.barsInStep = index === next ? follower.barsInStep + 1 : 1;
    follower.position = index;
  }

  /** Makes the leg's own windows as if they had seen all its bars before this one. */
  #rebuildOwn(leg: PairLeg, follower: Follower): void {
    const { bars, ringAt, firstRow } = follower;
    const ring = this.#ring;
    leg.own ??= this.#windows.createStates(1)[0]!;
    this.#windows.reset(leg.own);
    const known = Math.min(bars - 1, this.#lookBackBars - 1);
    let at = firstRow + ((ringAt - firstRow - known * this.#slot + ring.length) % ring.length);
    for (let i = 0; i < known; i++) {
      this.#windows.step(leg.own, ring, at, leg.ownValues, 0);
      at = this.#afterRow(at, follower);
    }
  }

  #afterRow(at: number, { firstRow }: Follower): number {
    const after = at + this.#slot;
    return after >= this.#ring.length ? firstRow : after;
  }

  #createTracks(symbols: readonly string[]): Map<string, LegTrack> {
    // Room for a pair that comes as far behind as it looks back, so that it is in step when it has caught up.
    const bars = 2 ** Math.ceil(Math.log2(2 * this.#lookBackBars));
    const barDoubles = symbols.length * ROW;
    const rows = new Float64Array(bars * barDoubles).fill(NaN);
    const last = new Float64Array(symbols.length).fill(-Infinity);
    const states = this.#windows.createStates(symbols.length);
    const createTrack = (state: LegState, ordinal: number): LegTrack => {
      return { state, rows, rowMask: bars - 1, barDoubles, firstRow: ordinal * ROW, last, ordinal };
    };
    return new Map(symbols.map((symbol, ordinal) => [symbol, createTrack(states[ordinal]!, ordinal)]));
  }
}

function createFollower(track: LegTrack, firstRow: number): Follower {
  return { track, bars: 0, position: -1, barsInStep: 0, isOwnCurrent: false, ringAt: firstRow, firstRow };
}

function copyRow(bar: Float64Array, rows: Float64Array, at: number): void {
  for (let i = 0; i < BAR_VALUES; i++) rows[at + i] = bar[i]!;
}

function rowOf(track: LegTrack, index: number): number {
  return (index & track.rowMask) * track.barDoubles + track.firstRow;
}

/** Returns whether a bar of the track equals this one of the same minute. */
function isSame(track: LegTrack, index: number, bar: Float64Array): boolean {
  const row = rowOf(track, index);
  for (let i = HIGH; i < BAR_VALUES; i++) if (track.rows[row + i] !== bar[i]) return false;
  return true;
}

/** Index of the track's bar of the same minute; −1 when there is none or it has been overwritten. */
function indexOf(track: LegTrack, bar: Float64Array): number {
  let high = track.state.bars - 1;
  // Usually another pair has added it this minute.
  if (bar[MINUTE] === track.last[track.ordinal]) return high;
  let low = Math.max(0, high - track.rowMask);
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = track.rows[rowOf(track, middle) + MINUTE]!;
    if (found === bar[MINUTE]!) return middle;
    if (found < bar[MINUTE]!) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
