import { isHole } from '../../../shared/core/recent_history.ts';
import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { barReader } from '../../../shared/bar_file/bar_file.ts';
import type { PairFillCosts } from '../../../shared/core/cost/fill_cost.ts';
import { rollovers, type Rollover } from '../../../shared/core/cost/rollover.ts';
import type { SwapCosts } from '../../../shared/core/cost/swap.ts';
import { PairFeatures } from '../../../shared/core/features/features.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../../../shared/core/features/instrument/definitions.ts';
import { InstrumentColumns } from '../../../shared/core/features/instrument/instrument_columns.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { InstrumentInputs, PairInputs } from '../../../shared/core/formula/bar_inputs.ts';
import { FormulaEngine } from '../../../shared/core/formula/engine.ts';
import type { Formula } from '../../../shared/core/formula/formula.ts';
import { legSeriesOf } from '../../../shared/core/series/leg_series.ts';
import { rowNovelty } from '../../../shared/bundle/direction/direction_scores.ts';
import { lastMinuteOf } from '../../../shared/core/resample/bar_resampler.ts';
import { ln } from '../../../shared/elementary.ts';
import { instrumentOf, type Pair } from '../../../shared/pair.ts';
import { stepAll, type Instrument } from '../strategies/direction/instrument_rows.ts';
import { settlementsOf, type Settlements } from '../trades/settlements.ts';
import {
  buildPairHistory,
  historyColumns,
  matchMinutes,
  warmMinutes,
  type PairHistory,
  type PriceHistory,
} from '../history/pair_history.ts';
import type { OvernightSwaps } from '../trades/backtest.ts';
import { trainedUntil, type KnownDirection } from '../strategies/direction/known_answers.ts';
import { laterSeries } from './later_series.ts';
import type { NoveltyOfBars } from './novelty_of_bars.ts';

/** Receives values of formulas. @param outputs [formulas], each with `count` values of the bars from `begin` on */
export type TakeValues = (begin: number, count: number, outputs: readonly Float64Array[]) => void;

/** What the result of a trade follows from. */
export interface TradedSubject {
  /** An instrument is a pair whose leg B has the hedge ratio 0. */
  readonly history: PriceHistory;
  readonly costs: PairFillCosts;
  /** Interest of positions held over the end of a trading day; its `rolls` are the trading days. */
  readonly overnight: OvernightSwaps;
  /** Funding of a perpetual contract; null where there is none. */
  readonly funding: Settlements | null;
}

/** What a rule is run on: bars of a pair or of an instrument, prices, costs and the values of formulas. */
export interface RuleSubject extends TradedSubject {
  readonly id: string;
  readonly history: PairHistory;
  /** Direction model whose probabilities formulas read; null: they are missing. */
  readonly direction: string | null;
  /** Runs formulas over all bars of the history, in blocks. */
  evaluate(formulas: readonly Formula[], take: TakeValues): void;
  /** Of all bars, as the direction model finds them; null: no entry is refused for it. */
  novelty(): NoveltyOfBars | null;
  /** The same bars and costs, whose formulas read every auxiliary series as it was known one bar before. */
  withSeriesLater(): RuleSubject;
}

const NO_SWAPS: SwapCosts = { swap_long_bps_per_night: 0, swap_short_bps_per_night: 0 };

/** @param a, b bars of the legs in the pair's timeframe, with their series */
export function pairSubject(
  pair: Pair,
  a: BarColumns,
  b: BarColumns,
  windows: Windows,
  costs: PairFillCosts & { readonly a: SwapCosts; readonly b: SwapCosts },
): RuleSubject {
  const written: Windows = { ...windows, formulas: '' };
  const history = buildPairHistory(pair, a, b, written, () => false);
  const barSeconds = pair.barSeconds ?? 60;
  const unchanged = {
    id: pair.id,
    history,
    costs,
    overnight: { rolls: rollsOf(history), swaps: costs },
    direction: null,
    funding: null,
  };
  const withSeries = (ofA: LegSeries, ofB: LegSeries): RuleSubject => ({
    ...unchanged,
    evaluate(formulas, take) {
      const engine = new FormulaEngine(formulas);
      const features = new PairFeatures(written, pair);
      const inputs = new PairInputs(engine, features.definitions, barSeconds);
      const series = legSeriesOf(ofA, ofB);
      const { length, inA, inB } = matchMinutes(a, b);
      const isWarm = new Uint8Array(length);
      for (const minute of warmMinutes(a, pair, inA, features.warmupBars)) isWarm[minute] = 1;
      const barOfA = barReader(a);
      const barOfB = barReader(b);
      const block = new Block(engine, barSeconds, take);
      for (let minute = 0; minute < length; minute++) {
        const barA = barOfA(inA[minute]!);
        const barB = barOfB(inB[minute]!);
        features.step(barA, barB);
        // The history has the bars at which the hand-written features are warm.
        inputs.write(block.next(barA.time, isWarm[minute] === 1), {
          a: barA,
          b: barB,
          features: features.values,
          series: series.at(barA.time + SECONDS_PER_BAR),
        });
      }
      block.end();
    },
    novelty: () => null,
    withSeriesLater: () => withSeries(laterSeries(ofA, barSeconds), laterSeries(ofB, barSeconds)),
  });
  return withSeries(a.series ?? {}, b.series ?? {});
}

type LegSeries = NonNullable<BarColumns['series']>;

/**
 * @param costs of a fill; swaps are those of the end of a trading day, funding follows from the series
 * @param direction gives probabilities to the bars that open after its training, and to no earlier ones
 * @param noveltyMin smallest novelty of an entry by these probabilities, where it is known; absent: any
 */
export function instrumentSubject(
  instrument: Instrument,
  pair: Pair,
  costs: PairFillCosts['a'] & Partial<SwapCosts>,
  direction: KnownDirection | null = null,
  noveltyMin?: number,
): RuleSubject {
  const { bars, series: known } = instrument;
  const history = instrumentHistory(instrument, pair);
  const swaps: SwapCosts = { ...NO_SWAPS, ...costs };
  const unchanged = {
    id: pair.id,
    history,
    costs: { a: costs, b: costs, barSeconds: bars.timeframe },
    overnight: { rolls: rollsOf(history), swaps: { a: swaps, b: NO_SWAPS } },
    direction: direction?.manifest.version ?? null,
    // Settlements are paid when they are due, whenever a formula reads of them.
    funding: known.funding_rate.length === 0 ? null : settlementsOf(known.funding_rate),
  };
  const withSeries = (series: Instrument['series'], which: 'known' | 'later'): RuleSubject => {
    // The same for all rules that read the model.
    let novelties: Float64Array | null = null;
    return {
      ...unchanged,
      evaluate(formulas, take) {
        const engine = new FormulaEngine(formulas);
        // Of the direction model, whose first columns are the hand-written ones that formulas read.
        const windows = direction?.rowSchema?.windows ?? INSTRUMENT_WINDOWS;
        const features = new InstrumentColumns(windows, instrumentOf(bars.symbol, bars.timeframe));
        const inputs = new InstrumentInputs(engine, instrumentDefinitions(windows), bars.timeframe);
        const block = new Block(engine, bars.timeframe, take);
        const row = new Float32Array(features.rowWidth);
        const answersFrom = direction === null ? Infinity : trainedUntil(direction);
        stepAll(bars, series, features, (t, values) => {
          const bar = {
            time: bars.time[t]!,
            open: bars.open[t]!,
            high: bars.high[t]!,
            low: bars.low[t]!,
            close: bars.close[t]!,
            volume: bars.volume[t]!,
            takerBuyVolume: bars.takerBuyVolume[t]!,
          };
          const place = block.next(bar.time);
          inputs.write(place, { bar, features: features.written, series: values });
          if (direction !== null && inputs.readsProbabilities && features.ready && bar.time >= answersFrom) {
            features.writeRow(row, 0);
            inputs.writeProbabilities(place, direction.answer(t, row, which));
          }
        });
        block.end();
      },
      novelty() {
        if (direction?.novelty === undefined || noveltyMin === undefined) return null;
        novelties ??= noveltyOfBars(direction, { bars, series });
        return { min: noveltyMin, bars: novelties };
      },
      withSeriesLater: () => withSeries(laterSeries(series, bars.timeframe), 'later'),
    };
  };
  return withSeries(known, 'known');
}

/** NaN for bars that the model does not answer. */
function noveltyOfBars(direction: KnownDirection, { bars, series }: Instrument): Float64Array {
  const windows = direction.rowSchema?.windows ?? INSTRUMENT_WINDOWS;
  const features = new InstrumentColumns(windows, instrumentOf(bars.symbol, bars.timeframe));
  const row = new Float32Array(features.rowWidth);
  const from = trainedUntil(direction);
  const novelty = new Float64Array(bars.length).fill(NaN);
  stepAll(bars, series, features, (t) => {
    if (!features.ready || bars.time[t]! < from) return;
    features.writeRow(row, 0);
    novelty[t] = rowNovelty(direction, row, 0);
  });
  return novelty;
}

function instrumentHistory({ bars }: Instrument, pair: Pair): PairHistory {
  const { length, timeframe } = bars;
  const columns = historyColumns(() => new Float64Array(length));
  for (let t = 0; t < length; t++) {
    columns.time[t] = lastMinuteOf(bars.time[t]!, timeframe);
    columns.openA[t] = bars.open[t]!;
    columns.lnA[t] = ln(bars.close[t]!);
    columns.z[t] = NaN;
  }
  columns.openB.fill(1);
  columns.quotedA.fill(NaN);
  columns.quotedB.fill(NaN);
  return {
    pair,
    length,
    ...columns,
    row: new Int32Array(length).fill(-1),
    features: new Float32Array(),
    rows: 0,
  };
}

function rollsOf({ time, length }: PairHistory): readonly Rollover[] {
  return length === 0 ? [] : rollovers(time[0]!, time[length - 1]!);
}

/** Bars that are written one by one and computed in blocks; formulas begin anew behind a hole. */
class Block {
  readonly #engine: FormulaEngine;
  readonly #barSeconds: number;
  readonly #take: TakeValues;
  /** Whether the history has the bar, by place. */
  readonly #isKept: Uint8Array;
  #state: ReturnType<FormulaEngine['createState']>;
  #last = Infinity;
  /** Bars of the history so far. */
  #taken = 0;
  #count = 0;

  constructor(engine: FormulaEngine, barSeconds: number, take: TakeValues) {
    this.#engine = engine;
    this.#barSeconds = barSeconds;
    this.#take = take;
    this.#isKept = new Uint8Array(engine.capacity);
    this.#state = engine.createState();
  }

  /** @returns where the next bar is written @param isKept whether the history has it */
  next(time: number, isKept = true): number {
    const isApart = isHole(this.#last, time, this.#barSeconds);
    if (isApart || this.#count === this.#engine.capacity) this.end();
    if (isApart) this.#state = this.#engine.createState();
    this.#last = time;
    this.#isKept[this.#count] = isKept ? 1 : 0;
    return this.#count++;
  }

  /** Computes the bars that were written. */
  end(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#engine.run(this.#state, count);
    for (let from = 0, to = 0; from < count; from = to) {
      const kept = this.#isKept[from];
      for (to = from + 1; to < count && this.#isKept[to] === kept;) to++;
      if (kept === 0) continue;
      const [begin, end] = [from, to];
      this.#take(
        this.#taken,
        end - begin,
        this.#engine.outputs.map((values) => values.subarray(begin, end)),
      );
      this.#taken += end - begin;
    }
    this.#count = 0;
  }
}

/** Values of formulas at all bars of the history: [formulas][bars]. */
export function formulaValues(subject: RuleSubject, formulas: readonly Formula[]): Float64Array[] {
  const all = formulas.map(() => new Float64Array(subject.history.length).fill(NaN));
  if (formulas.length > 0)
    subject.evaluate(formulas, (begin, _count, outputs) => outputs.forEach((values, i) => all[i]!.set(values, begin)));
  return all;
}
