import { SECONDS_PER_BAR } from '../../../shared/bar.ts';
import { isHole } from '../../../shared/core/recent_history.ts';
import { barSecondsOf, type Pair } from '../../../shared/pair.ts';
import { barAt, barReader, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { OtherBars } from '../../../shared/bar_file/other_bars.ts';
import { InstrumentInputs, PairInputs, SymbolInputs } from '../../../shared/core/formula/bar_inputs.ts';
import { FormulaEngine } from '../../../shared/core/formula/engine.ts';
import { otherSourcesOf } from '../../../shared/core/formula/other_symbols.ts';
import type { SubjectState } from '../../../shared/core/formula/step.ts';
import type { Formula } from '../../../shared/core/formula/formula.ts';
import { PairFeatures } from '../../../shared/core/features/features.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import { INSTRUMENT_WINDOWS } from '../../../shared/core/features/instrument/definitions.ts';
import { InstrumentFeatures } from '../../../shared/core/features/instrument/instrument_features.ts';
import { legSeriesOf } from '../../../shared/core/series/leg_series.ts';
import type { SeriesHistory } from '../../../shared/core/series/series_cursor.ts';
import type { SeriesName } from '../../../shared/core/series/series_names.ts';
import type { InstrumentBars } from '../instruments/instrument_bars.ts';
import { stepAll } from '../strategies/direction/instrument_rows.ts';
import { commonMinutes } from '../history/pair_history.ts';

/** Values of a formula at all bars of a subject. */
export interface FormulaValues {
  /** Epoch seconds of each bar. */
  readonly time: Float64Array;
  readonly values: Float64Array;
  /** What the evaluator took for a bar: the median of its blocks, without reading bars and hand-written features. */
  readonly microsecondsPerBar: number;
  /** Computations of a bar. */
  readonly computations: number;
}

/** @param bars with the other symbols that the formula reads @param barSeconds of the symbol's bars */
export function symbolValues(formula: Formula, bars: BarColumns, barSeconds: number): FormulaValues {
  const engine = new FormulaEngine([formula]);
  const sources = otherSourcesOf([{ formula }]);
  const inputs = new SymbolInputs(engine, barSeconds, sources);
  const others = new OtherBars(sources, bars.others, barSeconds);
  const barOf = bars.flow === undefined ? barReader(bars) : (index: number) => barAt(bars, index);
  const evaluation = new Evaluation(engine, bars.length, barSeconds);
  for (let bar = 0; bar < bars.length; bar++) {
    const read = barOf(bar);
    inputs.write(evaluation.next(read.time), read, others.at(read.time));
  }
  return evaluation.result();
}

/** @param legs with the series, and leg A with the other symbols, that formulas may read */
export function pairValues(
  formula: Formula,
  legs: { readonly a: BarColumns; readonly b: BarColumns },
  windows: Windows,
  pair: Pair,
): FormulaValues {
  const engine = new FormulaEngine([formula]);
  const features = new PairFeatures(windows, pair);
  const sources = otherSourcesOf([{ formula }]);
  const inputs = new PairInputs(engine, features.definitions, barSecondsOf(pair), sources);
  const others = new OtherBars(sources, legs.a.others, barSecondsOf(pair));
  const series = legSeriesOf(legs.a.series ?? {}, legs.b.series ?? {});
  const minutes = [...commonMinutes(legs.a, legs.b)];
  const barOfA = barReader(legs.a);
  const barOfB = barReader(legs.b);
  const evaluation = new Evaluation(engine, minutes.length, barSecondsOf(pair));
  for (const [inA, inB] of minutes) {
    const a = barOfA(inA);
    const b = barOfB(inB);
    features.step(a, b);
    const known = series.at(a.time + SECONDS_PER_BAR);
    const read = { a, b, features: features.values, series: known, others: others.at(a.time) };
    inputs.write(evaluation.next(a.time), read);
  }
  return evaluation.result();
}

/** With the hand-written features of the instrument, and its series as they were known at each close. */
export function instrumentValues(
  formula: Formula,
  bars: InstrumentBars,
  series: Readonly<Record<SeriesName, SeriesHistory>>,
): FormulaValues {
  const engine = new FormulaEngine([formula]);
  const features = new InstrumentFeatures(INSTRUMENT_WINDOWS, bars.timeframe);
  const inputs = new InstrumentInputs(engine, features.definitions, bars.timeframe);
  const { open, high, low, close, volume, takerBuyVolume } = bars;
  const evaluation = new Evaluation(engine, bars.length, bars.timeframe);
  stepAll(bars, series, features, (t, known) => {
    const bar = {
      time: bars.time[t]!,
      open: open[t]!,
      high: high[t]!,
      low: low[t]!,
      close: close[t]!,
      volume: volume[t]!,
      takerBuyVolume: takerBuyVolume[t]!,
    };
    inputs.write(evaluation.next(bar.time), { bar, features: features.values, series: known });
  });
  return evaluation.result();
}

/** Bars that are written one by one, and computed in blocks; the formula begins anew behind a hole. */
class Evaluation {
  readonly #engine: FormulaEngine;
  readonly #barSeconds: number;
  #state: SubjectState;
  readonly #time: Float64Array;
  readonly #values: Float64Array;
  readonly #costs: number[] = [];
  #begin = 0;
  #count = 0;

  constructor(engine: FormulaEngine, bars: number, barSeconds: number) {
    this.#engine = engine;
    this.#barSeconds = barSeconds;
    this.#state = engine.createState();
    this.#time = new Float64Array(bars);
    this.#values = new Float64Array(bars);
  }

  /** @returns where in the block the next bar is written */
  next(time: number): number {
    const at = this.#begin + this.#count;
    const isApart = at > 0 && isHole(this.#time[at - 1]!, time, this.#barSeconds);
    if (this.#count > 0 && (isApart || this.#count === this.#engine.capacity)) this.#run();
    if (isApart) this.#state = this.#engine.createState();
    this.#time[at] = time;
    return this.#count++;
  }

  result(): FormulaValues {
    if (this.#count > 0) this.#run();
    const costs = this.#costs.sort((x, y) => x - y);
    const microsecondsPerBar = costs[costs.length >> 1] ?? 0;
    return { time: this.#time, values: this.#values, microsecondsPerBar, computations: this.#engine.size };
  }

  #run(): void {
    const begun = performance.now();
    this.#engine.run(this.#state, this.#count);
    this.#costs.push((1000 * (performance.now() - begun)) / this.#count);
    this.#values.set(this.#engine.outputs[0]!.subarray(0, this.#count), this.#begin);
    this.#begin += this.#count;
    this.#count = 0;
  }
}
