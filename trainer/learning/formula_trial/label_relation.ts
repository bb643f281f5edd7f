import { isoMinute, SECONDS_PER_BAR } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import type { Windows } from '../../../shared/core/features/windows.ts';
import type { Pair } from '../../../shared/pair.ts';
import { correlation } from '../automl/select.ts';
import { buildPairHistory } from '../history/pair_history.ts';
import { labelReversion } from '../strategies/pair_reversion/label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../strategies/pair_reversion/label/reversion.ts';
import { aucByDays } from '../statistics/auc_error.ts';
import type { FormulaValues } from './formula_values.ts';

/** What a formula alone says of AI1's label, on rows that a training of these bars may learn from. */
export interface LabelRelation {
  /** Candidates with a value. */
  readonly rows: number;
  /** Their labels were known before this minute, where the holdout begins. */
  readonly before: string;
  /** 0.5: nothing. Below it, large values come with candidates that do not revert. */
  readonly auc: number;
  /** With rows of a day, and of days up to three apart, depending on each other. */
  readonly standard_error: number;
  readonly correlation: number;
}

export interface LabeledPair {
  readonly pair: Pair;
  readonly a: BarColumns;
  readonly b: BarColumns;
  readonly windows: Windows;
  /** Epoch seconds of the first minute that a training reserves. */
  readonly holdoutFrom: number;
}

/** Where a training of these minutes alone begins its holdout. @param fraction of the time @returns epoch seconds */
export function holdoutStart(first: number, last: number, fraction: number): number {
  return last - SECONDS_PER_BAR * Math.floor(((last - first) / SECONDS_PER_BAR) * fraction);
}

/**
 * Compares the values of a formula with AI1's evaluation label. The holdout is not looked at.
 * @param from epoch seconds; earlier rows do not count
 * @returns null with rows of one class alone, or of fewer than two days
 */
export function labelRelation(
  { pair, a, b, windows, holdoutFrom }: LabeledPair,
  { time, values }: FormulaValues,
  from: number,
): LabelRelation | null {
  const { formulas: _formulas, ...written } = windows;
  const history = buildPairHistory(pair, a, b, written, () => false);
  const { bar, end, label } = labelReversion(history, EVALUATION_BARRIERS);
  if (time.length === 0) return null;
  const scores: number[] = [];
  const labels: number[] = [];
  const times: number[] = [];
  let at = 0;
  for (const [i, t] of bar.entries()) {
    const opened = history.time[t]!;
    while (time[at]! < opened) at++;
    const value = values[at]!;
    if (opened < from || history.time[end[i]!]! >= holdoutFrom || Number.isNaN(value)) continue;
    scores.push(value);
    labels.push(label[i]!);
    times.push(opened);
  }
  const found = aucByDays(scores, labels, times);
  if (found === null) return null;
  return {
    rows: scores.length,
    before: isoMinute(holdoutFrom),
    auc: found.auc,
    standard_error: found.standard_error,
    correlation: correlation(scores, labels),
  };
}
