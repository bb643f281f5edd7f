import type { RuleFormulas, RuleModel } from '../bundle/rule/rule_model.ts';
import { INSTRUMENT_WINDOWS, instrumentDefinitions } from '../core/features/instrument/definitions.ts';
import { InstrumentInputs, type InstrumentReading } from '../core/formula/bar_inputs.ts';
import { FormulaEngine } from '../core/formula/engine.ts';
import { parseFormula, withoutBrackets, type Formula, type Node } from '../core/formula/formula.ts';
import { conditionsOf, explainedCondition, partsOf, type PartValues } from '../core/formula/formula_conditions.ts';
import { ruleSources } from '../core/formula/sources.ts';
import { nearestFirst, type ConditionState } from '../core/rule/conditions.ts';

const DEFINITIONS = instrumentDefinitions(INSTRUMENT_WINDOWS);
const SOURCES = ruleSources(DEFINITIONS);

/** A rule with the parts of its conditions, advanced bar by bar. */
export class ExplainedRule {
  readonly formulas: RuleFormulas;
  readonly #conditions: readonly (readonly [name: string, states: readonly (() => ConditionState)[]])[];
  readonly #engine: FormulaEngine;
  readonly #state: ReturnType<FormulaEngine['createState']>;
  readonly #inputs: InstrumentInputs;

  constructor(rule: RuleModel, barSeconds: number) {
    const { entryLong, entryShort, exit } = rule.strategy;
    const given = { entry_long: entryLong, entry_short: entryShort, exit };
    const own = Object.entries(given).flatMap(([name, formula]) =>
      formula === null ? [] : [{ name, nodes: conditionsOf(formula.root) }],
    );
    const parts = new Map<string, Formula>();
    for (const node of own.flatMap(({ nodes }) => nodes.flatMap(partsOf)))
      if (node.kind !== 'constant' && !parts.has(node.text))
        parts.set(node.text, parseFormula(withoutBrackets(node.text), SOURCES));
    const engine = new FormulaEngine([...parts.values()], 1);
    const outputs = new Map([...parts.keys()].map((text, i) => [text, engine.outputs[i]!]));
    const valuesOf = (node: Node): PartValues =>
      node.kind === 'constant' ? () => node.value : () => outputs.get(node.text)![0]!;
    this.formulas = rule.createFormulas(barSeconds);
    this.#conditions = own.map(({ name, nodes }) => [
      name,
      nodes.map((node) => {
        const stateAt = explainedCondition(node, valuesOf);
        return () => stateAt(0);
      }),
    ]);
    this.#engine = engine;
    this.#state = engine.createState();
    this.#inputs = new InstrumentInputs(engine, DEFINITIONS, barSeconds);
  }

  get warmUpBars(): number {
    return this.formulas.warmUpBars;
  }

  /** @param probabilities that the direction model gave the bar; null = none that the rule may read */
  step(taken: InstrumentReading, probabilities: ArrayLike<number> | null): void {
    this.formulas.step(taken);
    this.formulas.finish(probabilities, 0);
    this.#inputs.write(0, taken);
    if (probabilities !== null) this.#inputs.writeProbabilities(0, probabilities);
    this.#engine.run(this.#state, 1);
  }

  /** Conditions of each formula at the newest bar, the nearest failing one first; a formula is true when all hold. */
  states(): Record<string, ConditionState[]> {
    return Object.fromEntries(
      this.#conditions.map(([name, states]) => [name, nearestFirst(states.map((stateOf) => withKnown(stateOf())))]),
    );
  }
}

/** A value that does not exist at this bar is null, as JSON has it. */
function withKnown(state: ConditionState): ConditionState {
  const known = (value: number | null): number | null => (value === null || Number.isNaN(value) ? null : value);
  const { value, limit, change, relative } = state;
  return { ...state, value: known(value), limit: known(limit), change: known(change), relative: known(relative) };
}
