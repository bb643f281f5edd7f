import { readBundle } from '../../shared/bundle/bundle.ts';
import { MODEL_NAMES } from '../../shared/core/features/feature.ts';
import type { Dataset, DatasetRows } from '../../trainer/learning/strategies/pair_reversion/dataset/dataset.ts';
import { train, trainFromWarmStart } from '../../trainer/learning/training/pipeline.ts';
import { tinySettings } from '../tiny_settings.ts';
import { bundleValues } from './bundle_values.ts';
import { groupTraining } from './group_training.ts';
import type { GoldenPart } from './part.ts';
import { shortHash, type Value } from './values.ts';
import { MARKET_MINUTES, trainingOptions } from './workshop.ts';

/** Rows, labels, weights, and a line for each column. */
function rowsValue(
  { x, y, time, labelEnd, pair, weights, effectiveRows }: DatasetRows,
  names: readonly string[],
): Value {
  const columns = names.map((name, column) => {
    const values = Float32Array.from({ length: x.rows }, (_, row) => x.values[row * x.columns + column]!);
    return [name, `${values[0] ?? 'none'} … ${values.at(-1) ?? 'none'}, ${shortHash(values)}`];
  });
  return {
    rows: x.rows,
    times: shortHash(time, labelEnd, pair),
    labels: shortHash(y),
    weights: shortHash(weights),
    effective_rows: effectiveRows,
    columns: Object.fromEntries(columns) as Record<string, string>,
  };
}

function datasetValues(dataset: Dataset): Value {
  const names = dataset.definitions.map(({ name }) => name);
  const parts = { train: dataset.train, holdout: dataset.holdout };
  const rows = Object.entries(parts).flatMap(([part, own]) =>
    MODEL_NAMES.map((model) => [`${part} ${model}`, rowsValue(own[model], names)] as const),
  );
  return {
    pairs: Object.fromEntries(dataset.histories.map(({ pair, length }) => [pair.id, length])),
    from: dataset.from,
    to: dataset.to,
    holdout_from: dataset.holdoutFrom,
    ...Object.fromEntries(rows),
    'evaluation train': rowsValue(dataset.evaluation.train, names),
    'evaluation holdout': rowsValue(dataset.evaluation.holdout, names),
    dataset_id: dataset.snapshotId,
  };
}

const datasetPart: GoldenPart = {
  name: 'dataset',
  what: 'features, labels, weights and holdout of three simulated pairs',
  figures: MODEL_NAMES.flatMap((model) => [`train ${model}/rows`, `holdout ${model}/rows`]),
  measure: async (workshop) => datasetValues((await workshop.fullTraining()).dataset),
};

/** A model's hash is an entry of its own, each section of the manifest too. */
const OF_BUNDLE: Pick<GoldenPart, 'depth' | 'figures'> = {
  depth: 2,
  figures: [
    'manifest/theta1',
    'manifest/theta2',
    ...MODEL_NAMES.flatMap((model) => [`manifest/metrics/${model}/rows`, `manifest/metrics/${model}/trees`]),
  ],
};

const fullPart: GoldenPart = {
  name: 'training',
  what: 'full training: AI1, AI2, AI3, model of the result, thresholds, manifest',
  ...OF_BUNDLE,
  measure: async (workshop) => bundleValues((await workshop.fullTraining()).path),
};

const warmStartPart: GoldenPart = {
  name: 'warm_start',
  what: 'a warm start from that bundle on five times the bars',
  ...OF_BUNDLE,
  async measure(workshop) {
    const base = readBundle((await workshop.fullTraining()).path);
    const bars = workshop.firstBars(MARKET_MINUTES);
    const result = await trainFromWarmStart(base, trainingOptions(workshop, 'warm start', { bars }));
    return result === null ? 'no model gains a tree' : bundleValues(result.path);
  },
};

/** Labels are searched too. */
const SEARCHED = tinySettings({
  minutehand: {
    search: { label: true, theta_evaluations: 12, min_trades: 5 },
  },
});

const searchPart: GoldenPart = {
  name: 'search',
  what: 'training with a search for parameters, label and thresholds, 6 trials',
  ...OF_BUNDLE,
  async measure(workshop) {
    const bars = workshop.firstBars(5000);
    const result = await train(trainingOptions(workshop, 'search', { settings: SEARCHED, bars, trials: 6 }));
    return bundleValues(result.path);
  },
};

const groupsPart: GoldenPart = {
  name: 'groups',
  what: 'training with models of their own for groups of pairs',
  ...OF_BUNDLE,
  async measure(workshop) {
    const options = groupTraining(workshop.folder('groups'), new Date('2024-01-05T12:00:00Z'));
    return bundleValues((await train(options)).path);
  },
};

const forestPart: GoldenPart = {
  name: 'random_forest',
  what: 'full training with the engine random_forest',
  ...OF_BUNDLE,
  async measure(workshop) {
    const settings = tinySettings({ minutehand: { train: { engine: 'random_forest' } } });
    return bundleValues((await train(trainingOptions(workshop, 'forest', { settings }))).path);
  },
};

export const TRAINING_PARTS: readonly GoldenPart[] = [
  datasetPart,
  fullPart,
  warmStartPart,
  searchPart,
  groupsPart,
  forestPart,
];
