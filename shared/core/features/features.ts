import type { Bar } from '../../bar.ts';
import { SECONDS_PER_BAR } from '../../bar.ts';
import { Calendar } from './calendar.ts';
import type { FeatureDefinition, FeatureGroup, Frame } from './feature.ts';
import { Hedge } from './hedge.ts';
import { Liquidity } from './liquidity.ts';
import { MeanReversion } from './mean_reversion.ts';
import { Stability } from './stability.ts';
import { TrueRange } from './true_range.ts';
import { UnitPosition } from './unit_position.ts';
import { Volatility } from './volatility.ts';
import type { Windows } from './windows.ts';
import { ZScore } from './zscore.ts';

/** The groups in the order in which they run and in which their columns stand. */
function createGroups(windows: Windows): FeatureGroup[] {
  const groups: FeatureGroup[] = [];
  let at = 0;
  const add = (group: FeatureGroup): void => {
    groups.push(group);
    at += group.features.length;
  };
  add(new Hedge(windows, at));
  add(new ZScore(windows, at));
  add(new MeanReversion(windows, at));
  add(new Volatility(windows, at));
  add(new TrueRange(windows, at));
  add(new Stability(windows, at));
  add(new UnitPosition(windows, at));
  add(new Liquidity(windows, at));
  add(new Calendar(at));
  return groups;
}

/** All columns in schema order. */
export function featureDefinitions(windows: Windows): readonly FeatureDefinition[] {
  return createGroups(windows).flatMap((group) => group.features);
}

/** Bars a pair needs before every feature exists; its state is a pure function of that many last bars. */
export function warmupBars(windows: Windows): number {
  return Math.max(...featureDefinitions(windows).map((feature) => feature.warmup_bars));
}

/**
 * The features of one pair, moved on by one step per bar that both legs have.
 *
 * `values` has one double per column of `featureDefinitions`, in that order; NaN = missing (in warm-up, or where the
 * definition says so). It is overwritten by the next step. After `warmupBars` steps `ready` is true and the values are a
 * pure function of the last `warmupBars` bars: to the bit, wherever the run began.
 */
export class PairFeatures {
  readonly definitions: readonly FeatureDefinition[];
  readonly values: Float64Array;
  readonly warmupBars: number;
  readonly #groups: readonly FeatureGroup[];
  readonly #frame: Frame;

  constructor(windows: Windows) {
    this.#groups = createGroups(windows);
    this.definitions = this.#groups.flatMap((group) => group.features);
    this.warmupBars = Math.max(...this.definitions.map((feature) => feature.warmup_bars));
    this.values = new Float64Array(this.definitions.length).fill(NaN);
    this.#frame = emptyFrame();
  }

  /** The last bar with what was derived from it; read-only for callers. */
  get frame(): Readonly<Frame> {
    return this.#frame;
  }

  get bars(): number {
    return this.#frame.bars;
  }

  get ready(): boolean {
    return this.#frame.bars >= this.warmupBars;
  }

  /** Takes the next minute that both legs have. @throws RangeError when the legs differ in time or time does not ascend. */
  step(a: Bar, b: Bar): void {
    const frame = this.#frame;
    const minute = a.time / SECONDS_PER_BAR;
    if (a.time !== b.time) throw new RangeError(`legs of different minutes: ${a.time} and ${b.time}`);
    if (minute <= frame.minute) throw new RangeError(`minute ${minute} after minute ${frame.minute}`);
    const first = frame.bars === 0;
    const lnA = Math.log(a.close);
    const lnB = Math.log(b.close);
    frame.returnA = first ? NaN : lnA - frame.lnA;
    frame.returnB = first ? NaN : lnB - frame.lnB;
    frame.previousCloseA = first ? NaN : frame.a.close;
    frame.previousCloseB = first ? NaN : frame.b.close;
    frame.minutesSinceBar = first ? NaN : minute - frame.minute;
    frame.bars++;
    frame.minute = minute;
    frame.a = a;
    frame.b = b;
    frame.lnA = lnA;
    frame.lnB = lnB;
    for (const group of this.#groups) group.step(frame, this.values);
  }
}

function emptyFrame(): Frame {
  const none = { symbol: '', time: 0, open: NaN, high: NaN, low: NaN, close: NaN, volume: 0 } as unknown as Bar;
  return {
    bars: 0,
    minute: -Infinity,
    a: none,
    b: none,
    lnA: NaN,
    lnB: NaN,
    returnA: NaN,
    returnB: NaN,
    previousCloseA: NaN,
    previousCloseB: NaN,
    minutesSinceBar: NaN,
    beta: NaN,
    alpha: NaN,
    corr: NaN,
    betaBefore: NaN,
    spread: NaN,
    spreadBefore: NaN,
    zMean: NaN,
    zStd: NaN,
    z: NaN,
    hedgedReturn: NaN,
    spreadVol: NaN,
  };
}
