import { barAt, barReader, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { PairInputs, SymbolInputs } from '../../shared/core/formula/bar_inputs.ts';
import { FormulaEngine } from '../../shared/core/formula/engine.ts';
import type { Formula } from '../../shared/core/formula/formula.ts';
import { PairFeatures } from '../../shared/core/features/features.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import { commonMinutes } from '../../trainer/learning/history/pair_history.ts';

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

/** @param barSeconds of the symbol's bars */
export function symbolValues(formula: Formula, bars: BarColumns, barSeconds: number): FormulaValues {
  const engine = new FormulaEngine([formula]);
  const inputs = new SymbolInputs(engine, barSeconds);
  const barOf = bars.flow === undefined ? barReader(bars) : (index: number) => barAt(bars, index);
  return evaluate(engine, bars.length, (at, bar) => {
    const read = barOf(bar);
    inputs.write(at, read);
    return read.time;
  });
}

/** @param barSeconds of the pair's bars */
export function pairValues(
  formula: Formula,
  legs: { readonly a: BarColumns; readonly b: BarColumns },
  windows: Windows,
  barSeconds: number,
): FormulaValues {
  const engine = new FormulaEngine([formula]);
  const features = new PairFeatures(windows, barSeconds);
  const inputs = new PairInputs(engine, features.definitions, barSeconds);
  const minutes = [...commonMinutes(legs.a, legs.b)];
  const barOfA = barReader(legs.a);
  const barOfB = barReader(legs.b);
  return evaluate(engine, minutes.length, (at, bar) => {
    const a = barOfA(minutes[bar]![0]);
    const b = barOfB(minutes[bar]![1]);
    features.step(a, b);
    inputs.write(at, a, b, features.values);
    return a.time;
  });
}

/** @param write puts a bar into the block and returns its time */
function evaluate(engine: FormulaEngine, bars: number, write: (at: number, bar: number) => number): FormulaValues {
  const time = new Float64Array(bars);
  const values = new Float64Array(bars);
  const state = engine.createState();
  const costs: number[] = [];
  for (let begin = 0; begin < bars; begin += engine.capacity) {
    const count = Math.min(engine.capacity, bars - begin);
    for (let at = 0; at < count; at++) time[begin + at] = write(at, begin + at);
    const begun = performance.now();
    engine.run(state, count);
    costs.push((1000 * (performance.now() - begun)) / count);
    values.set(engine.outputs[0]!.subarray(0, count), begin);
  }
  const microsecondsPerBar = costs.sort((x, y) => x - y)[costs.length >> 1] ?? 0;
  return { time, values, microsecondsPerBar, computations: engine.size };
}
