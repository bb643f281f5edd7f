import type { Bar } from '../../bar.ts';
import type { FeatureDefinition } from '../features/feature.ts';
import { PairInputs } from './bar_inputs.ts';
import { FormulaEngine } from './engine.ts';
import type { NamedFormula } from './named_formulas.ts';
import type { SubjectState } from './step.ts';

/** Pairs whose bars are computed together: what a step needs of all of them fits the nearest cache. */
const MOST_TOGETHER = 64;

/**
 * The formulas of several pairs, advanced bar by bar behind the hand-written features. After `warmupBars` bars of a
 * pair its values are a pure function of that many last bars, to the bit.
 */
export class FormulaColumns {
  /** Columns. */
  readonly width: number;
  /** A pair's bar count at which all values exist. */
  readonly warmupBars: number;
  /** Whether `add` and `step` need the series of the legs. */
  readonly readsSeries: boolean;
  readonly #engine: FormulaEngine;
  readonly #inputs: readonly PairInputs[];
  readonly #states: readonly SubjectState[];
  readonly #values: readonly Float64Array[];
  /** Pairs whose next bar waits for `run`, by place: the first `#count`. */
  readonly #pending: Int32Array;
  readonly #pendingStates: SubjectState[];
  #count = 0;

  /**
   * @param features hand-written ones, whose values `add` takes
   * @param barSeconds of each pair
   */
  constructor(
    formulas: readonly NamedFormula[],
    features: readonly FeatureDefinition[],
    barSeconds: readonly number[],
  ) {
    const engine = new FormulaEngine(
      formulas.map(({ formula }) => formula),
      Math.min(MOST_TOGETHER, barSeconds.length),
    );
    this.#engine = engine;
    this.width = formulas.length;
    this.warmupBars = engine.warmUpBars;
    const inputs = new Map([...new Set(barSeconds)].map((own) => [own, new PairInputs(engine, features, own)]));
    this.#inputs = barSeconds.map((own) => inputs.get(own)!);
    this.readsSeries = this.#inputs.some((own) => own.readsSeries);
    this.#states = engine.createStates(barSeconds.length);
    this.#values = barSeconds.map(() => new Float64Array(this.width).fill(NaN));
    this.#pending = new Int32Array(engine.capacity);
    this.#pendingStates = this.#states.slice(0, engine.capacity);
  }

  /**
   * Takes the next bar that both legs of a pair have.
   * @param features values of the hand-written ones at this bar
   * @param series of the legs as known at its close, see `PairInputs.write`
   */
  step(pairIndex: number, a: Bar, b: Bar, features: Float64Array, series: Float64Array | null): void {
    this.add(pairIndex, a, b, features, series);
    this.run();
  }

  /** Like `step`; its values are there after `run`, which computes many pairs faster than one by one. */
  add(pairIndex: number, a: Bar, b: Bar, features: Float64Array, series: Float64Array | null): void {
    if (this.#count === this.#engine.capacity || this.#isPending(pairIndex)) this.run();
    const place = this.#count++;
    this.#pending[place] = pairIndex;
    this.#pendingStates[place] = this.#states[pairIndex]!;
    this.#inputs[pairIndex]!.write(place, a, b, features, series);
  }

  /** Computes the bars that were added. */
  run(): void {
    const count = this.#count;
    if (count === 0) return;
    const engine = this.#engine;
    engine.runEach(this.#pendingStates, count);
    const outputs = engine.outputs;
    for (let place = 0; place < count; place++) {
      const values = this.#values[this.#pending[place]!]!;
      for (let i = 0; i < outputs.length; i++) values[i] = outputs[i]![place]!;
    }
    this.#count = 0;
  }

  #isPending(pairIndex: number): boolean {
    for (let i = 0; i < this.#count; i++) if (this.#pending[i] === pairIndex) return true;
    return false;
  }

  ready(pairIndex: number): boolean {
    return this.#states[pairIndex]!.bars >= this.warmupBars;
  }

  /** One double per column; NaN = missing. Overwritten by the next run with a bar of this pair. */
  values(pairIndex: number): Float64Array {
    return this.#values[pairIndex]!;
  }
}
