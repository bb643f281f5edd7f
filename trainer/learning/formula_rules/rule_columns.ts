import type { Formula } from '../../../shared/core/formula/formula.ts';
import { strategyReadsProbabilities, type FormulaStrategy } from '../../../shared/policy/strategy_file.ts';
import { formulaValues, type RuleSubject } from './rule_subject.ts';
import type { RuleColumns } from './rule_trades.ts';

/** The formulas of a strategy at every bar of a subject. */
export function ruleColumns(subject: RuleSubject, strategy: FormulaStrategy): RuleColumns {
  const { entryLong, entryShort, exit, limits } = strategy;
  const formulas = [entryLong, entryShort, exit].filter((formula): formula is Formula => formula !== null);
  const values = formulaValues(subject, formulas);
  const of = (formula: Formula | null): Float64Array | null =>
    formula === null ? null : values[formulas.indexOf(formula)]!;
  const novelty = strategyReadsProbabilities(strategy) ? subject.novelty() : null;
  return { limits, entryLong: of(entryLong), entryShort: of(entryShort), exit: of(exit), novelty };
}

/** As ruleColumns, of a rule that knows each auxiliary series one bar later. */
export function laterColumns(subject: RuleSubject, strategy: FormulaStrategy): RuleColumns {
  return ruleColumns(subject.withSeriesLater(), strategy);
}
