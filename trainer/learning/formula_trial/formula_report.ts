import { isoMinute } from '../../../shared/bar.ts';
import type { Formula } from '../../../shared/core/formula/formula.ts';
import type { FormulaValues } from './formula_values.ts';
import type { LabelRelation } from './label_relation.ts';
import { distributionOf, type Distribution } from './distribution.ts';

/** What a trial tells of a formula. */
export interface FormulaReport {
  readonly formula: string;
  readonly subject: string;
  readonly unit: string;
  readonly look_back_bars: number;
  /** Doubles that its windows keep. */
  readonly window_numbers: number;
  readonly sources: readonly string[];
  readonly computations: number;
  readonly microseconds_per_bar: number;
  readonly from: string | null;
  readonly to: string | null;
  readonly distribution: Distribution;
  /** null: not of a pair, or too few rows. */
  readonly label: LabelRelation | null;
}

/** @param first index of the first bar that is wanted */
export function formulaReport(
  formula: Formula,
  subject: string,
  all: FormulaValues,
  first: number,
  label: LabelRelation | null,
): FormulaReport {
  const time = all.time.subarray(first);
  return {
    formula: formula.text,
    subject,
    unit: formula.unit,
    look_back_bars: formula.bars,
    window_numbers: formula.doubles,
    sources: formula.sources,
    computations: all.computations,
    microseconds_per_bar: all.microsecondsPerBar,
    from: time.length === 0 ? null : isoMinute(time[0]!),
    to: time.length === 0 ? null : isoMinute(time.at(-1)!),
    distribution: distributionOf(all.values.subarray(first)),
    label,
  };
}
