import type { Bar } from '../../bar.ts';
import type { FeatureDefinition } from '../features/feature.ts';
import { PairInputs } from './bar_inputs.ts';
import { FormulaEngine } from './engine.ts';
import type { SubjectState } from './step.ts';
import type { NamedFormula } from './named_formulas.ts';

/**
 * The formulas of one pair over a history, in blocks of bars: the bits of `FormulaColumns`, several times as fast. Bars
 * are added until the block is full; `run` computes the values of all of them.
 */
export class FormulaBlock {
  /** Columns. */
  readonly width: number;
  /** The pair's bar count at which all values exist. */
  readonly warmupBars: number;
  readonly #engine: FormulaEngine;
  readonly #inputs: PairInputs;
  readonly #state: SubjectState;
  #count = 0;

  /** @param features hand-written ones, whose values `add` takes */
  constructor(formulas: readonly NamedFormula[], features: readonly FeatureDefinition[], barSeconds: number) {
    const engine = new FormulaEngine(formulas.map(({ formula }) => formula));
    this.#engine = engine;
    this.#inputs = new PairInputs(engine, features, barSeconds);
    this.#state = engine.createState();
    this.width = formulas.length;
    this.warmupBars = engine.warmUpBars;
  }

  /** Whether `add` needs the series of the legs. */
  get readsSeries(): boolean {
    return this.#inputs.readsSeries;
  }

  get isFull(): boolean {
    return this.#count === this.#engine.capacity;
  }

  /**
   * Takes the next bar that both legs have.
   * @param features values of the hand-written ones at this bar
   * @param series of the legs as known at its close, see `PairInputs.write`
   */
  add(a: Bar, b: Bar, features: Float64Array, series: Float64Array | null): void {
    this.#inputs.write(this.#count, a, b, features, series);
    this.#count++;
  }

  /** Computes the bars that were added. Their values are those of `read` until the next `add`. */
  run(): void {
    this.#engine.run(this.#state, this.#count);
    this.#count = 0;
  }

  /** @param place of a bar in the block @param out `width` values */
  read(place: number, out: Float64Array): void {
    const { outputs } = this.#engine;
    for (let i = 0; i < outputs.length; i++) out[i] = outputs[i]![place]!;
  }
}
