import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import type { Pair } from '../../../shared/pair.ts';
import type { DatasetPolicy } from '../strategies/pair_reversion/dataset/dataset.ts';
import { buildPairHistory } from '../history/pair_history.ts';
import { labelPair, RISK_PARTS, type BarLabels } from '../strategies/pair_reversion/label/pair_labels.ts';
import { LABEL_COLUMNS, type LabelColumn, type TableRows } from '../feature_table/feature_table.ts';

/** Features and labels of every warm bar of a pair, computed by the engine. */
export function computedRows(
  pair: Pair,
  a: BarColumns,
  b: BarColumns,
  policy: Pick<DatasetPolicy, 'windows' | 'barriers' | 'risk' | 'scale'>,
): TableRows {
  const history = buildPairHistory(pair, a, b, policy.windows, () => true);
  const own = labelPair(history, policy, () => true);
  const labels = Object.fromEntries(
    LABEL_COLUMNS.map((name) => [name, new Float64Array(history.length).fill(NaN)]),
  ) as Record<LabelColumn, Float64Array>;
  const put = (name: LabelColumn, { bar }: BarLabels, value: (place: number) => number): void =>
    bar.forEach((t, place) => (labels[name][t] = value(place)));
  const ends = (of: BarLabels) => (place: number) => history.time[of.end[place]!]!;
  put('ai1', own.ai1, (place) => own.ai1.label[place]!);
  put('ai1_end', own.ai1, ends(own.ai1));
  for (const part of RISK_PARTS) put(`ai2_${part}`, own.ai2, (place) => own.ai2.parts[part][place]!);
  put('ai2_end', own.ai2, ends(own.ai2));
  put('ai3', own.ai3, (place) => own.ai3.label[place]!);
  put('ai3_end', own.ai3, ends(own.ai3));
  return { length: history.length, time: history.time.slice(0, history.length), features: history.features, labels };
}
