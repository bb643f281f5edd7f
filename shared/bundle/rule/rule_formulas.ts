import type { OpenTime } from '../../bar.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../../core/features/instrument/definitions.ts';
import { InstrumentInputs, type InstrumentReading } from '../../core/formula/bar_inputs.ts';
import { FormulaEngine } from '../../core/formula/engine.ts';
import { RecentHistory } from '../../core/recent_history.ts';
import type { Formula } from '../../core/formula/formula.ts';
import type { SubjectState } from '../../core/formula/step.ts';
import { entryStates, exitStates } from '../../core/rule/conditions.ts';
import type { FormulaStrategy } from '../../policy/strategy_file.ts';
import {
  nextAge,
  type InstrumentPosition,
  type InstrumentStep,
  type KeptExits,
} from '../../strategies/instrument_position.ts';
import {
  keptExits,
  SERVED_RULE,
  servedInput,
  stepServedRule,
  type ServedRuleReason,
} from '../../strategies/formula_rule/served_rule.ts';
import type { ExplainedConditions, RuleBar, RuleFormulas, RuleModel } from './rule_model.ts';

const DEFINITIONS = instrumentDefinitions(INSTRUMENT_WINDOWS);

/** A rule whose conditions are formulas. */
export interface RuleOfFormulas extends RuleModel {
  readonly strategy: FormulaStrategy;
}

/** The formulas of a rule of a strategy file, advanced bar by bar. */
export class FileRuleFormulas implements RuleFormulas {
  readonly rule: RuleOfFormulas;
  readonly warmUpBars: number;
  readonly exits: KeptExits;
  readonly #engine: FormulaEngine;
  readonly #state: SubjectState;
  readonly #inputs: InstrumentInputs;
  readonly #history: RecentHistory;
  /** Outputs of the engine; null: the file has no such formula. */
  readonly #entryLong: Float64Array | null;
  readonly #entryShort: Float64Array | null;
  readonly #exit: Float64Array | null;
  /** The newest bar waits for its probabilities. */
  #isPending = false;

  /** @param barSeconds of the instrument */
  constructor(rule: RuleOfFormulas, barSeconds: number) {
    const { entryLong, entryShort, exit } = rule.strategy;
    const formulas = [entryLong, entryShort, exit].filter((formula): formula is Formula => formula !== null);
    const engine = new FormulaEngine(formulas, 1);
    const outputOf = (formula: Formula | null): Float64Array | null =>
      formula === null ? null : engine.outputs[formulas.indexOf(formula)]!;
    this.rule = rule;
    this.warmUpBars = engine.warmUpBars;
    this.exits = keptExits(rule.strategy.limits);
    this.#engine = engine;
    this.#state = engine.createState();
    this.#inputs = new InstrumentInputs(engine, DEFINITIONS, barSeconds);
    this.#history = new RecentHistory([barSeconds]);
    this.#entryLong = outputOf(entryLong);
    this.#entryShort = outputOf(entryShort);
    this.#exit = outputOf(exit);
  }

  get isWarm(): boolean {
    return this.#history.barsOf(0) >= this.warmUpBars;
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

  step(reading: InstrumentReading): void {
    if (this.#isPending) this.#run();
    this.#inputs.write(0, reading);
    this.#history.note(0, reading.bar);
    this.#isPending = true;
    if (!this.#inputs.readsProbabilities) this.#run();
  }

  finish(probabilities: ArrayLike<number> | null, row = 0): void {
    if (!this.#isPending) return;
    if (probabilities !== null) this.#inputs.writeProbabilities(0, probabilities, row);
    this.#run();
  }

  decide(position: InstrumentPosition, bar: RuleBar, id: string, time: OpenTime): InstrumentStep<ServedRuleReason> {
    return stepServedRule(this.rule.strategy.limits, position, this, bar, id, time);
  }

  explain(position: InstrumentPosition, bar: RuleBar): ExplainedConditions {
    const aged: InstrumentPosition = { ...position, ageBars: nextAge(position) };
    const input = servedInput(this.rule.strategy.limits, aged, this, bar);
    const { side } = position;
    return { entries: entryStates(SERVED_RULE, side, input), exits: exitStates(SERVED_RULE, side, input) };
  }

  #run(): void {
    this.#isPending = false;
    this.#engine.run(this.#state, 1);
  }
}
