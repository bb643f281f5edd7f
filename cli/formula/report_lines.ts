import { isoMinute } from '../../shared/bar.ts';
import { QUANTILES } from '../../trainer/learning/formula_trial/distribution.ts';
import type { FormulaReport } from '../../trainer/learning/formula_trial/formula_report.ts';
import type { FormulaValues } from '../../trainer/learning/formula_trial/formula_values.ts';
import type { LabelRelation } from '../../trainer/learning/formula_trial/label_relation.ts';
import { histogram, shown, timePicture } from './picture.ts';

const LAST_VALUES = 5;
const QUANTILE_NAMES = ['min', '1 %', '5 %', '25 %', 'median', '75 %', '95 %', '99 %', 'max'];
/** The picture leaves out the rarest values, which would flatten the others. */
const LOW = QUANTILES.indexOf(0.01);
const HIGH = QUANTILES.indexOf(0.99);

function labelLine({ rows, before, auc, standard_error, correlation }: LabelRelation): string {
  return `label of AI1: AUC ${auc.toFixed(3)} ± ${standard_error.toFixed(3)}, correlation ${correlation.toFixed(3)}, of ${rows} candidates before ${before}; the holdout is not looked at`;
}

/** The report for people. @param first index of the first bar that is wanted */
export function reportLines(report: FormulaReport, all: FormulaValues, first: number, isPlotted: boolean): string[] {
  const { distribution } = report;
  const values = all.values.subarray(first);
  const time = all.time.subarray(first);
  const lines = [
    report.formula,
    `${report.subject} · ${report.unit} · looks back over ${report.look_back_bars} bars · keeps ${report.window_numbers} numbers`,
    `${report.computations} computations, ${report.microseconds_per_bar.toFixed(3)} µs per bar (in blocks, on this machine)`,
  ];
  if (report.from === null) return [...lines, 'no bars in this period'];
  lines.push(
    `${distribution.bars} bars, ${report.from} … ${report.to}; ${distribution.bars - distribution.values} of them without a value`,
  );
  if (distribution.quantiles === null) return lines;
  const quantiles = distribution.quantiles;
  lines.push('', quantiles.map((value, i) => `${QUANTILE_NAMES[i]} ${shown(value)}`).join('   '));
  lines.push(`mean ${shown(distribution.mean!)}   std ${distribution.std === null ? '–' : shown(distribution.std)}`);
  if (report.label !== null) lines.push('', labelLine(report.label));
  if (isPlotted) {
    lines.push('', ...timePicture(values, quantiles[LOW]!, quantiles[HIGH]!));
    lines.push('', ...histogram(values, quantiles[LOW]!, quantiles[HIGH]!));
  }
  lines.push('', 'the last values:');
  for (let i = Math.max(0, values.length - LAST_VALUES); i < values.length; i++)
    lines.push(`${isoMinute(time[i]!)}  ${Number.isNaN(values[i]!) ? 'missing' : values[i]}`);
  return lines;
}
