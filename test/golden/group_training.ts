import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import { parsePair } from '../../shared/pair.ts';
import type { Settings } from '../../shared/policy/policy.ts';
import { datasetPolicy } from '../../trainer/learning/strategies/pair_reversion/dataset/dataset_policy.ts';
import { computedRows } from '../../trainer/learning/feature_checks/computed_rows.ts';
import type { FeatureSource, TableRows } from '../../trainer/learning/feature_table/feature_table.ts';
import type { TrainOptions } from '../../trainer/learning/options/train_options.ts';
import { tinyTraining } from '../tiny_models.ts';
import { tinyBars, tinySettings, type SettingsOverrides } from '../tiny_settings.ts';

/** More than four UTC days before the holdout. */
const MINUTES = 6500;

/** A group's own risk ranks accept more of its candidates, another group's fewer. */
const RETRAIN = { pass_rate_range: [0.05, 0.75] } as const;

/**
 * A training whose groups get models of their own: the labels of AI3 follow the z-score, upward in the first pair and
 * downward in the second, so that a model of all pairs knows less than one of each.
 */
export function groupTraining(
  out: string,
  created: Date,
  minutehand: SettingsOverrides['minutehand'] = {},
): TrainOptions {
  const retrain = { pass_rate_range: [...RETRAIN.pass_rate_range] as [number, number] };
  const plain = tinySettings({ retrain, minutehand });
  const [first, second] = plain.minutehand.pairs as [string, string];
  const groups = { metals: [first], currencies: [second] };
  const settings = tinySettings({ retrain, minutehand: { ...minutehand, train: { groups } } });
  const bars = tinyBars(settings, MINUTES);
  return {
    ...tinyTraining(out, { settings, bars, created }),
    source: plantedLabels(
      settings,
      bars,
      new Map([
        [first, 1],
        [second, -1],
      ]),
    ),
  };
}

/** The computed features, and labels of AI3 that have the sign of z times that of the pair. */
function plantedLabels(
  settings: Settings,
  bars: ReadonlyMap<string, BarColumns>,
  signs: ReadonlyMap<string, number>,
): FeatureSource {
  const names = featureSchema(settings.minutehand.windows).definitions.map(({ name }) => name);
  const column = names.indexOf('z_score');
  const rowsOf = (id: string): TableRows => {
    const pair = parsePair(id);
    const rows = computedRows(pair, bars.get(pair.a)!, bars.get(pair.b)!, datasetPolicy(settings));
    const sign = signs.get(id);
    if (sign === undefined) return rows;
    const isHigh = (row: number): boolean => sign * rows.features[row * names.length + column]! > 0;
    const ai3 = rows.labels!.ai3.map((label, row) => (Number.isNaN(label) ? NaN : isHigh(row) ? 0.8 : 0.2));
    return { ...rows, labels: { ...rows.labels!, ai3 } };
  };
  return {
    place: 'the golden record',
    columns: names.map((name) => ({ name })),
    close: () => Promise.resolve(),
    rows: (id) => Promise.resolve(rowsOf(id)),
    newest: (id) => Promise.resolve(rowsOf(id).time.at(-1)!),
  };
}
