import { LEG_VALUES, LegWindows, type LegState, type LegValues } from './leg.ts';
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

/** How the leg of one pair goes along the track of its symbol. */
interface Follower {
  readonly track: LegTrack;
  /** Bars of the leg so far. */
  bars: number;
  /** Index in the track of the leg's last bar. */
  position: number;
  /** How many of the leg's last bars are, without a hole, the track's up to `position`. */
  barsInStep: number;
  /** Whether `own` has seen the leg's last bar. */
  isOwnCurrent: boolean;
  /** The leg's last bars, as rows of BAR_VALUES: what its own windows are made of when it leaves the track. */
  readonly ring: Float64Array;
  ringAt: number;
}

/** The bars of a symbol that any of its pairs took, each minute once, with what its windows said then. */
interface LegTrack {
  readonly state: LegState;
  /** Rows of BAR_VALUES, then LEG_VALUES: bar `index` stands at row `index & rowMask`. */
  readonly rows: Float64Array;
  readonly rowMask: number;
  minute: number;
}

/** minute, high, low, close, volume: all of a bar that a leg's windows depend on. */
const BAR_VALUES = 5;
const ROW = BAR_VALUES + LEG_VALUES;
/** A pair that leaves a track steps its look-back again within one minute. With longer look-backs legs stay by themselves. */
const LONGEST_SHARED_BARS = 1024;

/**
 * The legs of all pairs of an engine. Pairs with a symbol in common share its windows, stepped once per minute, while
 * their bars are the same; it is an optimisation and nothing else: a leg's values are a pure function of its last
 * `lookBackBars` bars, so whoever has the same bars has the same values, to the bit.
 *
 * A pair is in step with its symbol's track when its last `lookBackBars` bars are the track's, or all its bars are all
 * of the track's. A minute that the other leg lacked, or a bar with other prices, takes it out of step: then it has
 * windows of its own until it has been in step for `lookBackBars` bars. A pair that is behind reads the track's past.
 */
export class LegTracks {
  readonly #windows: LegWindows;
  readonly #lookBackBars: number;

  constructor(windows: Windows) {
    this.#windows = new LegWindows(windows);
    this.#lookBackBars = this.#windows.lookBackBars;
  }

  /** One leg for each of these symbols; those that stand there more than once share a track. */
  createLegs(symbols: readonly string[]): PairLeg[] {
    const counts = new Map<string, number>();
    for (const symbol of symbols) counts.set(symbol, (counts.get(symbol) ?? 0) + 1);
    const tracks = new Map<string, LegTrack>();
    return symbols.map((symbol) => {
      const isShared = counts.get(symbol)! > 1 && this.#lookBackBars <= LONGEST_SHARED_BARS;
      if (isShared && !tracks.has(symbol)) tracks.set(symbol, this.#createTrack());
      const ownValues = new Float64Array(LEG_VALUES).fill(NaN);
      return {
        values: ownValues,
        at: 0,
        own: isShared ? null : this.#windows.createState(),
        ownValues,
        follower: isShared ? this.#createFollower(tracks.get(symbol)!) : null,
      };
    });
  }

  /** Takes the next bar of a leg and says in `leg.values` and `leg.at` where its values stand until the next step of any leg. */
  step(leg: PairLeg, bar: Bar, minute: number): void {
    const { follower } = leg;
    if (follower === null) {
      this.#windows.step(leg.own!, minute, bar.high, bar.low, bar.close, bar.volume, leg.ownValues, 0);
      return;
    }
    follower.bars++;
    const row = this.#follow(follower, bar, minute);
    const isWholeTrack = follower.barsInStep === follower.bars && follower.position + 1 === follower.bars;
    if (isWholeTrack || follower.barsInStep >= this.#lookBackBars) {
      leg.values = follower.track.rows;
      leg.at = row + BAR_VALUES;
      follower.isOwnCurrent = false;
    } else {
      if (!follower.isOwnCurrent) this.#rebuildOwn(leg, follower);
      this.#windows.step(leg.own!, minute, bar.high, bar.low, bar.close, bar.volume, leg.ownValues, 0);
      leg.values = leg.ownValues;
      leg.at = 0;
      follower.isOwnCurrent = true;
    }
    remember(follower, bar, minute);
  }

  /** Moves a follower's place in the track to this bar. @returns where the bar's row stands, −1 when the track has no such bar */
  #follow(follower: Follower, bar: Bar, minute: number): number {
    const { track } = follower;
    const next = follower.barsInStep > 0 ? follower.position + 1 : -1;
    let index = next;
    if (minute > track.minute) {
      index = track.state.bars;
      this.#stepTrack(track, bar, minute);
    } else {
      if (next < 0 || minuteOf(track, next) !== minute) index = indexOf(track, minute);
      if (index < 0 || !isBar(track, index, bar)) {
        follower.barsInStep = 0;
        return -1;
      }
    }
    follower.barsInStep = index === next ? follower.barsInStep + 1 : 1;
    follower.position = index;
    return rowOf(track, index);
  }

  #stepTrack(track: LegTrack, { high, low, close, volume }: Bar, minute: number): void {
    const { rows } = track;
    const row = rowOf(track, track.state.bars);
    rows[row] = minute;
    rows[row + 1] = high;
    rows[row + 2] = low;
    rows[row + 3] = close;
    rows[row + 4] = volume;
    this.#windows.step(track.state, minute, high, low, close, volume, rows, row + BAR_VALUES);
    track.minute = minute;
  }

  /** Makes the leg's own windows as if they had seen all its bars before this one. */
  #rebuildOwn(leg: PairLeg, follower: Follower): void {
    leg.own ??= this.#windows.createState();
    this.#windows.reset(leg.own);
    const { ring } = follower;
    const rows = ring.length / BAR_VALUES;
    const known = Math.min(follower.bars - 1, rows);
    let at = (follower.ringAt / BAR_VALUES + rows - known) % rows;
    for (let i = 0; i < known; i++) {
      const row = at * BAR_VALUES;
      const { own, ownValues } = leg;
      this.#windows.step(own, ring[row]!, ring[row + 1]!, ring[row + 2]!, ring[row + 3]!, ring[row + 4]!, ownValues, 0);
      at = at + 1 === rows ? 0 : at + 1;
    }
  }

  #createTrack(): LegTrack {
    // Room for a pair that comes as far behind as it looks back, so that it is in step when it has caught up.
    const rows = 2 ** Math.ceil(Math.log2(2 * this.#lookBackBars));
    return {
      state: this.#windows.createState(),
      rows: new Float64Array(rows * ROW).fill(NaN),
      rowMask: rows - 1,
      minute: -Infinity,
    };
  }

  #createFollower(track: LegTrack): Follower {
    return {
      track,
      bars: 0,
      position: -1,
      barsInStep: 0,
      isOwnCurrent: false,
      ring: new Float64Array((this.#lookBackBars - 1) * BAR_VALUES),
      ringAt: 0,
    };
  }
}

function remember(follower: Follower, bar: Bar, minute: number): void {
  const { ring, ringAt } = follower;
  ring[ringAt] = minute;
  ring[ringAt + 1] = bar.high;
  ring[ringAt + 2] = bar.low;
  ring[ringAt + 3] = bar.close;
  ring[ringAt + 4] = bar.volume;
  follower.ringAt = ringAt + BAR_VALUES === ring.length ? 0 : ringAt + BAR_VALUES;
}

function rowOf(track: LegTrack, index: number): number {
  return (index & track.rowMask) * ROW;
}

/** The minute of a bar of the track; NaN when it is no longer known. */
function minuteOf(track: LegTrack, index: number): number {
  return index >= track.state.bars - 1 - track.rowMask ? track.rows[rowOf(track, index)]! : NaN;
}

/** Whether a bar of the track and this one of the same minute say the same. */
function isBar(track: LegTrack, index: number, bar: Bar): boolean {
  const { rows } = track;
  const row = rowOf(track, index);
  return (
    rows[row + 1] === bar.high &&
    rows[row + 2] === bar.low &&
    rows[row + 3] === bar.close &&
    rows[row + 4] === bar.volume
  );
}

/** Index of the track's bar of a minute; −1 when there is none or it is no longer known. */
function indexOf(track: LegTrack, minute: number): number {
  let low = Math.max(0, track.state.bars - 1 - track.rowMask);
  let high = track.state.bars - 1;
  while (low <= high) {
    const middle = (low + high) >>> 1;
    const found = minuteOf(track, middle);
    if (found === minute) return middle;
    if (found < minute) low = middle + 1;
    else high = middle - 1;
  }
  return -1;
}
