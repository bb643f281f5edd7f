import type { RuleModel } from './rule_bundle.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../../core/features/instrument/definitions.ts';
import { InstrumentInputs, type InstrumentReading } from '../../core/formula/bar_inputs.ts';
import { FormulaEngine } from '../../core/formula/engine.ts';
import type { Formula } from '../../core/formula/formula.ts';
import type { SubjectState } from '../../core/formula/step.ts';

const DEFINITIONS = instrumentDefinitions(INSTRUMENT_WINDOWS);

/**
 * The formulas of a rule, advanced bar by bar behind the hand-written features of its instrument. After `warmUpBars`
 * bars their values are a pure function of that many last bars, to the bit.
 */
export class RuleFormulas {
  readonly rule: RuleModel;
  readonly warmUpBars: number;
  readonly #engine: FormulaEngine;
  readonly #state: SubjectState;
  readonly #inputs: InstrumentInputs;
  /** Outputs of the engine; null: the file has no such formula. */
  readonly #entryLong: Float64Array | null;
  readonly #entryShort: Float64Array | null;
  readonly #exit: Float64Array | null;
  /** The newest bar waits for its probabilities. */
  #isPending = false;

  /** @param barSeconds of the instrument */
  constructor(rule: RuleModel, barSeconds: number) {
    const { entryLong, entryShort, exit } = rule.strategy;
    const formulas = [entryLong, entryShort, exit].filter((formula): formula is Formula => formula !== null);
    const engine = new FormulaEngine(formulas, 1);
    const outputOf = (formula: Formula | null): Float64Array | null =>
      formula === null ? null : engine.outputs[formulas.indexOf(formula)]!;
    this.rule = rule;
    this.warmUpBars = engine.warmUpBars;
    this.#engine = engine;
    this.#state = engine.createState();
    this.#inputs = new InstrumentInputs(engine, DEFINITIONS, barSeconds);
    this.#entryLong = outputOf(entryLong);
    this.#entryShort = outputOf(entryShort);
    this.#exit = outputOf(exit);
  }

  /** Whether enough bars have been taken that the values depend on no earlier ones. */
  get isWarm(): boolean {
    return this.#state.bars >= this.warmUpBars;
  }

  /** Of the newest bar: 1 yes, 0 no, NaN unknown. */
  get entryLong(): number {
    return this.#entryLong === null ? NaN : this.#entryLong[0]!;
  }

  get entryShort(): number {
    return this.#entryShort === null ? NaN : this.#entryShort[0]!;
  }

  get exit(): number {
    return this.#exit === null ? NaN : this.#exit[0]!;
  }

  /** Takes the next bar. Where formulas read probabilities, they are computed by `finish`, or by the next bar. */
  step(reading: InstrumentReading): void {
    if (this.#isPending) this.#run();
    this.#inputs.write(0, reading);
    this.#isPending = true;
    if (!this.#inputs.readsProbabilities) this.#run();
  }

  /** @param probabilities that the direction model gave the bar, of this row; null = none that the rule may read */
  finish(probabilities: ArrayLike<number> | null, row = 0): void {
    if (!this.#isPending) return;
    if (probabilities !== null) this.#inputs.writeProbabilities(0, probabilities, row);
    this.#run();
  }

  #run(): void {
    this.#isPending = false;
    this.#engine.run(this.#state, 1);
  }
}
