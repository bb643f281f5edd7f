import type { Bar } from '../../bar.ts';
import { SECONDS_PER_BAR } from '../../bar.ts';
import { maxGapOf } from '../recent_history.ts';
import { barSecondsOf, TIMEFRAMES, type Pair, type Timeframe } from '../../pair.ts';
import { pairInputs, type PairReading } from '../formula/bar_inputs.ts';
import { FormulaBlock } from '../formula/formula_block.ts';
import { FormulaColumns } from '../formula/formula_columns.ts';
import { otherSourcesOf } from '../formula/other_symbols.ts';
import { formulaDefinition, formulasOf } from '../formula/named_formulas.ts';
import { isSeriesSource } from '../formula/series_source.ts';
import { Calendar } from './calendar.ts';
import { ColumnPlanner } from './columns.ts';
import type { FeatureDefinition, Frame } from './feature.ts';
import { Hedge } from './hedge.ts';
import { LN_CLOSE, LOG_RETURN } from './leg.ts';
import { LegTracks, type PairLeg } from './leg_track.ts';
import { Liquidity } from './liquidity.ts';
import { MeanReversion } from './mean_reversion.ts';
import { Stability } from './stability.ts';
import { TrueRange } from './true_range.ts';
import { UnitPosition } from './unit_position.ts';
import { Volatility } from './volatility.ts';
import { writeFloats } from './float_row.ts';
import { FoldPlanner, type FoldPlan } from './window/fold_plan.ts';
import type { LagRows } from './window/lag_ring.ts';
import type { FoldState } from './window/sliding_fold.ts';
import { RowRing } from './row_ring.ts';
import { handWrittenWindows, sequenceBars, type Windows } from './windows.ts';
import { ZScore } from './zscore.ts';

/** The hand-written columns in schema order. */
export function handWrittenDefinitions(windows: Windows): readonly FeatureDefinition[] {
  return new Columns(windows).definitions;
}

/** All columns in schema order: the hand-written ones, and those of formulas. @throws FormulaError */
export function featureDefinitions(windows: Windows): readonly FeatureDefinition[] {
  const written = handWrittenDefinitions(windows);
  const formulas = formulasOf(windows, written);
  return formulas.length === 0 ? written : [...written, ...formulas.map(formulaDefinition)];
}

/** Whether a formula reads an auxiliary series of a leg. */
export function readsSeries(windows: Windows): boolean {
  const formulas = formulasOf(windows, handWrittenDefinitions(windows));
  return formulas.some(({ formula }) => formula.sources.some(isSeriesSource));
}

/**
 * Time before a period whose one-minute bars warm its features: enough for every window, weekends, holidays and sparse
 * symbols included.
 */
export const WARM_UP_SECONDS = 14 * 86_400;

/** The same for bars of any timeframe, and for formulas that look back further. */
export function warmUpSeconds(windows: Windows): number {
  const barSeconds = longestBarSeconds(windows);
  const bars = warmupBars(windows);
  const furtherBars = bars - longestOf(handWrittenDefinitions(windows));
  // Five days of the week have bars.
  const longer = barSeconds === SECONDS_PER_BAR ? 0 : 1.5 * (bars - furtherBars) * barSeconds;
  // Sparse symbols have a bar in a few minutes.
  return WARM_UP_SECONDS + longer + 4 * furtherBars * barSeconds;
}

/** Seconds of a bar of the longest timeframe. */
function longestBarSeconds({ timeframes = '1m' }: Windows): number {
  return Math.max(...timeframes.split(',').map((name) => TIMEFRAMES[name as Timeframe]));
}

/**
 * Bars a pair needs before every feature exists, of each row of a sequence; its state is a pure function of that many
 * last bars.
 */
export function warmupBars(windows: Windows): number {
  return longestOf(featureDefinitions(windows)) + sequenceBars(windows) - 1;
}

function longestOf(definitions: readonly FeatureDefinition[]): number {
  return Math.max(...definitions.map((feature) => feature.warmup_bars));
}

/** One minute of one pair. */
export interface PairBars {
  readonly pairIndex: number;
  readonly a: Bar;
  readonly b: Bar;
}

/** All that is kept of a pair between two bars, but for its values. */
interface PairWindows {
  /** In the memory that pairs share. */
  readonly pair: number;
  readonly barSeconds: number;
  /** Seconds between two bars from which on a hole is between them. */
  readonly maxGapS: number;
  readonly frame: Frame;
  readonly legA: PairLeg;
  readonly legB: PairLeg;
  readonly folds: FoldState;
  readonly shared: PairsMemory;
}

/** Of all pairs of an engine. */
interface PairsMemory {
  readonly zHistory: Float64Array;
  readonly stabilityLags: LagRows;
  readonly liquidityLags: LagRows;
  readonly movingLegs: Float64Array;
}

const OLS_STAGE = 0;
const SPREAD_STAGE = 1;
/**
 * A bar arrives once a minute, and its pairs' data has left the caches by then. Cache lines that are requested together
 * arrive together; those that a step misses arrive one by one.
 */
const TOUCHED_TOGETHER = 16;

/** The columns in their order, and the computation of one pair's values from its next bar. */
class Columns {
  readonly definitions: readonly FeatureDefinition[];
  readonly #legs: LegTracks;
  readonly #plan: FoldPlan;
  readonly #hedge: Hedge;
  readonly #zscore: ZScore;
  readonly #reversion: MeanReversion;
  readonly #volatility: Volatility;
  readonly #range: TrueRange;
  readonly #stability: Stability;
  readonly #position: UnitPosition;
  readonly #liquidity: Liquidity;
  readonly #calendar: Calendar;

  constructor(windows: Windows) {
    const planner = new FoldPlanner();
    this.#legs = new LegTracks(windows);
    // The order of the columns.
    const columns = new ColumnPlanner();
    this.#hedge = new Hedge(windows, columns, OLS_STAGE, planner);
    this.#zscore = new ZScore(windows, columns, SPREAD_STAGE, planner);
    this.#reversion = new MeanReversion(windows, columns, SPREAD_STAGE, planner);
    this.#volatility = new Volatility(windows, columns, SPREAD_STAGE, planner);
    this.#range = new TrueRange(windows, columns);
    this.#stability = new Stability(windows, columns, SPREAD_STAGE, planner);
    this.#position = new UnitPosition(windows, columns, SPREAD_STAGE, planner);
    this.#liquidity = new Liquidity(windows, columns);
    this.#calendar = new Calendar(columns);
    this.#plan = planner.plan();
    this.definitions = columns.definitions;
  }

  createStates(pairs: readonly Pair[]): PairWindows[] {
    // Bars of one timeframe alone are the same bars.
    const legs = this.#legs.createLegs(pairs.flatMap((pair) => [pair.a, pair.b].map((leg) => trackName(pair, leg))));
    const folds = this.#plan.createStates(pairs.length);
    const shared = {
      zHistory: this.#zscore.createHistory(pairs.length),
      stabilityLags: this.#stability.lags.createRows(pairs.length),
      liquidityLags: this.#liquidity.lags.createRows(pairs.length),
      movingLegs: new Float64Array(pairs.length),
    };
    return pairs.map((pair, i) => ({
      pair: i,
      barSeconds: barSecondsOf(pair),
      maxGapS: maxGapOf(barSecondsOf(pair)),
      frame: emptyFrame(),
      legA: legs[2 * i]!,
      legB: legs[2 * i + 1]!,
      folds: folds[i]!,
      shared,
    }));
  }

  /** See `SlidingFold.touch`. */
  touch({ folds }: PairWindows): number {
    return this.#plan.touch(folds);
  }

  /** Moves a pair on by one bar and writes its columns from `row` on. */
  step(state: PairWindows, a: Bar, b: Bar, minute: number, out: Float64Array, row: number): void {
    const { pair, frame, legA, legB, folds } = state;
    const { zHistory, stabilityLags, liquidityLags, movingLegs } = state.shared;
    const plan = this.#plan;
    const index = frame.bars;
    const number = barNumber(state, minute);
    this.#legs.step(legA, a, number);
    this.#legs.step(legB, b, number);
    frame.bars = index + 1;
    // As `RecentHistory` counts, which V8 does not inline here: a double would be boxed at each bar.
    frame.barsBehindHole = a.time - frame.a.time > state.maxGapS ? 1 : frame.barsBehindHole + 1;
    frame.stepsSinceBar = index === 0 ? NaN : number - frame.number;
    frame.number = number;
    frame.a = a;
    frame.b = b;
    frame.lnA = legA.values[legA.at + LN_CLOSE]!;
    frame.lnB = legB.values[legB.at + LN_CLOSE]!;
    frame.returnA = legA.values[legA.at + LOG_RETURN]!;
    frame.returnB = legB.values[legB.at + LOG_RETURN]!;

    this.#hedge.observe(frame, plan.input);
    plan.push(OLS_STAGE, folds, index, number);
    this.#hedge.step(frame, plan, out, row);
    frame.hedgedReturnBefore = frame.hedgedReturn;
    frame.hedgedReturn = frame.returnA - frame.betaBefore * frame.returnB;

    this.#zscore.observe(frame, plan.input);
    this.#reversion.observe(frame, plan.input);
    this.#volatility.observe(frame, plan.input);
    this.#stability.observe(frame, plan.input);
    this.#position.observe(frame, plan.input);
    plan.push(SPREAD_STAGE, folds, index, number);

    this.#zscore.step(frame, plan, zHistory, pair, out, row);
    this.#reversion.step(plan, out, row);
    this.#volatility.step(frame, legA, legB, plan, out, row);
    this.#range.step(legA, legB, out, row);
    this.#stability.step(frame, plan, stabilityLags, pair, out, row);
    this.#position.step(plan, out, row);
    this.#liquidity.step(frame, legA, legB, movingLegs, liquidityLags, pair, out, row);
    this.#calendar.step(minute, out, row);
  }
}

/**
 * The features of all pairs of a shard, advanced together, one step per bar that both legs have.
 *
 * After `warmupBars` steps of a pair its values are a pure function of its last `warmupBars` bars: to the bit, wherever
 * the run started, and whatever other pairs there are.
 */
export class FeatureEngine {
  readonly definitions: readonly FeatureDefinition[];
  readonly warmupBars: number;
  readonly #columns: Columns;
  readonly #states: readonly PairWindows[];
  readonly #values: Float64Array;
  readonly #views: readonly Float64Array[];
  #touched = 0;

  constructor(pairs: readonly Pair[], windows: Windows) {
    this.#columns = new Columns(windows);
    this.definitions = this.#columns.definitions;
    this.warmupBars = Math.max(...this.definitions.map((feature) => feature.warmup_bars));
    const width = this.definitions.length;
    this.#states = this.#columns.createStates(pairs);
    this.#values = new Float64Array(pairs.length * width).fill(NaN);
    this.#views = pairs.map((_, i) => this.#values.subarray(i * width, (i + 1) * width));
  }

  /**
   * Takes the next minutes that both legs of a pair have. A pair may occur in the batch several times, in time order.
   * @throws RangeError when legs differ in time or a pair's time does not ascend; earlier entries of the batch are done
   */
  step(batch: readonly PairBars[]): void {
    for (let from = 0; from < batch.length; from += TOUCHED_TOGETHER) {
      const to = Math.min(batch.length, from + TOUCHED_TOGETHER);
      for (let i = from; i < to; i++) {
        const state = this.#states[batch[i]!.pairIndex];
        // A pair that is not there is the step's to refuse. Not by `touch`: Node 24 would allocate for its sum.
        if (state !== undefined) this.#touched += this.#columns.touch(state);
      }
      for (let i = from; i < to; i++) {
        const { pairIndex, a, b } = batch[i]!;
        this.stepPair(pairIndex, a, b);
      }
    }
  }

  /** Reads what the next step of a pair needs into the cache. */
  touch(pairIndex: number): void {
    this.#touched += this.#columns.touch(this.#states[pairIndex]!);
  }

  /** One minute of one pair. @throws RangeError like `step` */
  stepPair(pairIndex: number, a: Bar, b: Bar): void {
    const state = this.#states[pairIndex];
    if (state === undefined) throw new RangeError(`pair ${pairIndex} of ${this.#states.length}`);
    const minute = a.time / SECONDS_PER_BAR;
    if (a.time !== b.time) throw new RangeError(`legs of different minutes: ${a.time} and ${b.time}`);
    const number = barNumber(state, minute);
    if (number <= state.frame.number) throw new RangeError(`bar ${number} after bar ${state.frame.number}`);
    this.#columns.step(state, a, b, minute, this.#values, pairIndex * this.definitions.length);
  }

  /** The last bar of a pair with values derived from it; overwritten by its next step. */
  frame(pairIndex: number): Readonly<Frame> {
    return this.#states[pairIndex]!.frame;
  }

  /**
   * One double per column of `definitions`; NaN = missing (in warm-up, or where the definition allows it). Overwritten
   * by the next step.
   */
  values(pairIndex: number): Float64Array {
    return this.#views[pairIndex]!;
  }

  /** Whether the values are made of bars without a hole between them. */
  ready(pairIndex: number): boolean {
    return this.barsOf(pairIndex) >= this.warmupBars;
  }

  /** Bars of a pair up to its newest one, from the last hole on. */
  barsOf(pairIndex: number): number {
    return this.#states[pairIndex]!.frame.barsBehindHole;
  }

  /**
   * Writes the values as the models take them, float32, NaN = missing, from `at` on. What float32 cannot hold becomes
   * ±3.4e38.
   */
  writeRow(pairIndex: number, out: Float32Array, at: number): void {
    const width = this.definitions.length;
    writeFloats(this.#values, pairIndex * width, width, out, at);
  }
}

const ANY_PAIR: Pair = { id: 'A_B', a: 'A', b: 'B' };

/**
 * All columns of one pair: an engine with a single pair, the formulas of its schema, and the last rows where models get
 * a sequence of them.
 */
export class PairFeatures {
  readonly definitions: readonly FeatureDefinition[];
  readonly warmupBars: number;
  /** See `FeatureEngine.values`; those of formulas come behind. */
  readonly values: Float64Array;
  /** See `FeatureEngine.frame`. */
  readonly frame: Readonly<Frame>;
  /** Sources of other symbols whose values `step` needs, in their order. */
  readonly others: readonly string[];
  readonly #engine: FeatureEngine;
  readonly #written: Float64Array;
  /** null = the schema has none. */
  readonly #formulas: FormulaColumns<PairReading> | null;
  /** null = models get the newest row alone. */
  readonly #sequence: RowRing | null;

  /** @param pair default: one of one-minute bars, which no formula names */
  constructor(windows: Windows, pair: Pair = ANY_PAIR) {
    const engine = new FeatureEngine([pair], windows);
    const written = engine.values(0);
    const formulas = formulasOf(windows, engine.definitions);
    this.others = otherSourcesOf(formulas);
    this.#engine = engine;
    this.#written = written;
    this.frame = engine.frame(0);
    this.#formulas =
      formulas.length === 0 ? null : new FormulaColumns(formulas, [pair], pairInputs(engine.definitions, this.others));
    this.definitions = [...engine.definitions, ...formulas.map(formulaDefinition)];
    const bars = sequenceBars(windows);
    this.warmupBars = Math.max(engine.warmupBars, this.#formulas?.warmupBars ?? 1) + bars - 1;
    this.#sequence = bars === 1 ? null : new RowRing(bars, this.definitions.length);
    this.values = this.#formulas === null ? written : new Float64Array(this.definitions.length).fill(NaN);
  }

  get bars(): number {
    return this.frame.bars;
  }

  /** Whether the values, of each row of a sequence, are made of bars without a hole between them. */
  get ready(): boolean {
    return this.#engine.barsOf(0) >= this.warmupBars;
  }

  /** Whether `step` needs the series of the legs. */
  get readsSeries(): boolean {
    return this.#formulas?.readsSeries === true;
  }

  /**
   * Takes the next minute that both legs have.
   * @param series of the legs as known at its close, see `PairReading`; null where no formula reads one
   * @param others values of `this.others` at the same bar; null where no formula reads one
   * @throws RangeError when the legs differ in time or time does not ascend, or without what formulas read beside them
   */
  step(a: Bar, b: Bar, series: Float64Array | null = null, others: Float64Array | null = null): void {
    this.#engine.stepPair(0, a, b);
    const formulas = this.#formulas;
    if (formulas !== null) {
      formulas.step(0, { a, b, features: this.#written, series, others });
      this.values.set(this.#written);
      this.values.set(formulas.values(0), this.#written.length);
    }
    this.#sequence?.push(this.values);
  }

  /** Numbers that `writeRow` writes. */
  get rowLength(): number {
    return this.definitions.length * (this.#sequence?.bars ?? 1);
  }

  /** See `FeatureEngine.writeRow`; where models get a sequence, its rows one behind the other, the newest last. */
  writeRow(out: Float32Array, at: number): void {
    if (this.#sequence === null) writeFloats(this.values, 0, this.values.length, out, at);
    else this.#sequence.write(out, at);
  }
}

/** What the columns of a history are computed by: hand-written ones bar by bar, formulas in blocks. */
export interface HistoryFeatures {
  readonly written: PairFeatures;
  /** null = the schema has none. */
  readonly formulas: FormulaBlock<PairReading> | null;
}

/** @throws FormulaError */
export function historyFeatures(windows: Windows, pair: Pair): HistoryFeatures {
  const written = new PairFeatures(handWrittenWindows(windows), pair);
  const formulas = formulasOf(windows, written.definitions);
  const inputs = pairInputs(written.definitions, otherSourcesOf(formulas));
  return {
    written,
    formulas: formulas.length === 0 ? null : new FormulaBlock(formulas, pair, inputs),
  };
}

function trackName(pair: Pair, leg: string): string {
  return `${leg} ${barSecondsOf(pair)}`;
}

/** Whole bars since the epoch: of one-minute bars, the epoch minute. */
function barNumber({ barSeconds }: PairWindows, minute: number): number {
  return barSeconds === SECONDS_PER_BAR ? minute : Math.floor((minute * SECONDS_PER_BAR) / barSeconds);
}

function emptyFrame(): Frame {
  const none = { symbol: '', time: 0, open: NaN, high: NaN, low: NaN, close: NaN, volume: 0 } as unknown as Bar;
  return {
    bars: 0,
    barsBehindHole: 0,
    number: -Infinity,
    a: none,
    b: none,
    lnA: NaN,
    lnB: NaN,
    returnA: NaN,
    returnB: NaN,
    stepsSinceBar: NaN,
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
    hedgedReturnBefore: NaN,
    spreadVol: NaN,
  };
}
