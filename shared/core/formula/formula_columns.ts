import type { Bar } from '../../bar.ts';
import type { FeatureDefinition } from '../features/feature.ts';
import { PairInputs } from './bar_inputs.ts';
import { FormulaEngine, type SubjectState } from './engine.ts';
import type { NamedFormula } from './named_formulas.ts';

/**
 * The formulas of several pairs, advanced bar by bar behind the hand-written features. After `warmupBars` bars of a
 * pair its values are a pure function of that many last bars, to the bit.
 */
export class FormulaColumns {
  /** Columns. */
  readonly width: number;
  /** A pair's bar count at which all values exist. */
  readonly warmupBars: number;
  readonly #engine: FormulaEngine;
  readonly #inputs: readonly PairInputs[];
  readonly #states: readonly SubjectState[];
  readonly #values: readonly Float64Array[];

  /**
   * @param features hand-written ones, whose values `step` takes
   * @param barSeconds of each pair
   */
  constructor(
    formulas: readonly NamedFormula[],
    features: readonly FeatureDefinition[],
    barSeconds: readonly number[],
  ) {
    const engine = new FormulaEngine(
      formulas.map(({ formula }) => formula),
      1,
    );
    this.#engine = engine;
    this.width = formulas.length;
    this.warmupBars = engine.warmUpBars;
    const inputs = new Map([...new Set(barSeconds)].map((own) => [own, new PairInputs(engine, features, own)]));
    this.#inputs = barSeconds.map((own) => inputs.get(own)!);
    this.#states = barSeconds.map(() => engine.createState());
    this.#values = barSeconds.map(() => new Float64Array(this.width).fill(NaN));
  }

  /** Takes the next bar that both legs of a pair have. @param features values of the hand-written ones at this bar */
  step(pairIndex: number, a: Bar, b: Bar, features: Float64Array): void {
    const engine = this.#engine;
    this.#inputs[pairIndex]!.write(0, a, b, features);
    engine.run(this.#states[pairIndex]!, 1);
    const values = this.#values[pairIndex]!;
    const outputs = engine.outputs;
    for (let i = 0; i < outputs.length; i++) values[i] = outputs[i]![0]!;
  }

  ready(pairIndex: number): boolean {
    return this.#states[pairIndex]!.bars >= this.warmupBars;
  }

  /** One double per column; NaN = missing. Overwritten by the next step. */
  values(pairIndex: number): Float64Array {
    return this.#values[pairIndex]!;
  }
}
