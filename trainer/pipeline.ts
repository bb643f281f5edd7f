import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import type { OpenTime } from '../shared/bar.ts';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { writeBundle } from '../shared/bundle/bundle.ts';
import { featureSchema, type FeatureSchema } from '../shared/bundle/feature_schema.ts';
import type { Manifest, ModelReport, PairEdge } from '../shared/bundle/manifest.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { encodeOnnx } from '../shared/bundle/onnx/onnx.ts';
import { MODEL_NAMES, perModel, type FeatureDefinition, type ModelName } from '../shared/core/features/feature.ts';
import { riskKnots, riskRank } from '../shared/core/decide/risk_rank.ts';
import { parsePair, type Pair } from '../shared/pair.ts';
import { decisionPolicy, type Settings } from '../shared/policy/policy.ts';
import { createRng } from '../shared/rng.ts';
import { backtest } from './backtest/backtest.ts';
import { pairEdge } from './backtest/edge.ts';
import { buildDataset, type Dataset, type DatasetPolicy, type LabelledRows } from './dataset/dataset.ts';
import type { PairHistory } from './dataset/pair_history.ts';
import { EVALUATION_BARRIERS } from './label/reversion.ts';
import { takeLabels, takeRows, type OnTree } from './learn/fit.ts';
import { openFitPool } from './learn/fit_pool.ts';
import { predict, type GbdtParams, type Matrix, type TreeEnsemble } from './learn/gbdt.ts';
import { renderCard } from './registry/card.ts';
import { crossValidate, outOfFold, type FoldModel } from './validate/cross_validation.ts';
import { meanMetrics, modelMetrics } from './validate/model_metrics.ts';

const RISK_KNOTS = 200;
const GOLDEN_ROWS = 32;
const SECONDS_PER_MINUTE = 60;

export interface TrainOptions {
  readonly settings: Settings;
  readonly bars: ReadonlyMap<string, BarColumns>;
  /** Where the bars come from; stands in manifest and card. */
  readonly market: 'live' | 'simulated';
  readonly seed: number;
  readonly gitCommit: string | null;
  /** Folder of bundles to write into; null trains and measures without writing. */
  readonly out: string | null;
  readonly created: Date;
  /** Threads to learn on; 0 = on the calling one. They change the time and nothing else. */
  readonly workers: number;
  onProgress(stage: string, done: number, total: number): void;
}

export interface TrainResult {
  /** null when nothing was written. */
  readonly version: string | null;
  readonly path: string | null;
  readonly manifest: Omit<Manifest, 'format' | 'version' | 'created' | 'files'>;
  readonly dataset: Dataset;
}

/**
 * bars → dataset → labels → learn → validate → edge → bundle. The same bars, settings and seed give byte-identical ONNX files.
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT, MODEL_GOLDEN when onnxruntime does not answer as the learner did
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { settings, bars, seed, onProgress } = options;
  const { minutehand } = settings;
  const policy = datasetPolicy(settings);
  const pairs = minutehand.pairs.map(parsePair);
  const dataset = buildDataset(pairs, bars, policy, (done, total) => onProgress('features and labels', done, total));
  const learned = await learnAll(dataset, settings, seed, options.workers, onProgress);
  const knots = riskKnots(outOfFold(learned.ai2.folds, dataset.train.ai1), RISK_KNOTS);
  const thresholds = { theta1: settings.core.theta1_initial, theta2: settings.core.theta2_initial };
  const edge = proveEdge(dataset, learned, knots, thresholds, settings, seed, onProgress);
  const schema = featureSchema(minutehand.windows);
  const manifest = {
    market: options.market,
    seed,
    git_commit: options.gitCommit,
    feature_schema: schema.hash,
    features: dataset.definitions.map(({ name }) => name),
    windows: { ...minutehand.windows },
    pairs: dataset.histories.map(({ pair }) => pair.id),
    period: { from: isoMinute(dataset.from), to: isoMinute(dataset.to), holdout_from: isoMinute(dataset.holdoutFrom) },
    data_hash: hashBars(bars),
    label_policy: {
      ...prefixed('ai1', policy.barriers),
      ...prefixed('ai2', policy.risk),
      ...prefixed('ai3', policy.scale),
    },
    engine: { name: 'gbdt', parameters: { ...numericParameters(minutehand.train), ...treeCounts(learned) } },
    ...thresholds,
    risk_knots: knots,
    metrics: {
      ai1: learned.ai1.report,
      ai2: learned.ai2.report,
      ai3: learned.ai3.report,
      ai2_parts: { ...dataset.riskParts },
    },
    edge,
    golden: goldenVectors(dataset, learned),
  };
  if (options.out === null) return { version: null, path: null, manifest, dataset };
  const models = perModel((name) =>
    encodeOnnx(learned[name].ensemble, {
      metadata: { model: name, feature_schema: schema.hash, market: options.market },
    }),
  );
  const path = writeBundle(options.out, options.created, { manifest, models, card: renderCard });
  const version = await proveLoadable(path, schema);
  return { version, path, manifest, dataset };
}

/**
 * The proof that the daemon will take it: read back, verified, loaded and compared with its golden answers. A bundle that fails is
 * removed, or it would stand there as the newest.
 */
async function proveLoadable(path: string, schema: FeatureSchema): Promise<string> {
  try {
    const set = await loadModelSet(path, schema, 1);
    await set.release();
    return set.version;
  } catch (error) {
    rmSync(path, { recursive: true, force: true });
    throw error;
  }
}

export function datasetPolicy({ core, minutehand }: Settings): DatasetPolicy {
  const { label, train: learning, windows } = minutehand;
  const horizon = label.horizon_bars;
  return {
    windows,
    barriers: EVALUATION_BARRIERS,
    risk: {
      horizon,
      leverage: label.leverage,
      dd_threshold: core.risk_label_dd_threshold,
      vol_ratio: core.risk_label_vol_ratio,
      corr_drop: core.risk_label_corr_drop,
    },
    scale: { horizon, leverage: label.leverage, target_sigma: label.target_sigma },
    holdoutFraction: learning.holdout_fraction,
    maxRows: learning.max_rows,
    minBars: learning.min_bars,
  };
}

interface Learned {
  readonly ensemble: TreeEnsemble;
  readonly folds: readonly FoldModel[];
  readonly report: ModelReport;
}

async function learnAll(
  dataset: Dataset,
  settings: Settings,
  seed: number,
  workers: number,
  onProgress: TrainOptions['onProgress'],
): Promise<Record<ModelName, Learned>> {
  const { rounds, folds } = settings.minutehand.train;
  const fits = MODEL_NAMES.length * (folds + 2);
  const shares: number[] = [];
  const progressOfNextFit = (): OnTree => {
    const fit = shares.push(0) - 1;
    return (done, total) => {
      shares[fit] = done / total;
      onProgress(
        'learning',
        shares.reduce((sum, share) => sum + share, 0),
        fits,
      );
    };
  };
  const pool = openFitPool(workers);
  try {
    const [ai1, ai2, ai3] = await Promise.all(
      MODEL_NAMES.map((name) => {
        const params = gbdtParams(settings, dataset.definitions, name, seed);
        return learn(name, dataset, settings, (rows, subset, trees) =>
          pool.fit(
            { rows, subset, params: { ...params, rounds: trees ?? rounds }, stopsEarly: trees === null },
            progressOfNextFit(),
          ),
        );
      }),
    );
    onProgress('learning', fits, fits);
    return { ai1: ai1!, ai2: ai2!, ai3: ai3! };
  } finally {
    await pool.close();
  }
}

/** Learns from these rows: so many trees, or with null as many as help. */
type Fit = (rows: LabelledRows, subset: Int32Array, trees: number | null) => Promise<TreeEnsemble>;

async function learn(name: ModelName, dataset: Dataset, settings: Settings, fit: Fit): Promise<Learned> {
  const rows = dataset.train[name];
  const embargo = settings.minutehand.label.horizon_bars * SECONDS_PER_MINUTE;
  const all = Int32Array.from(rows.y.keys());
  const [folds, ensemble] = await Promise.all([
    crossValidate(rows, settings.minutehand.train.folds, embargo, (of, subset) => fit(of, subset, null)),
    // How many trees help is asked of the last part of the training time; then all of it is learned with so many.
    fit(rows, all, null).then(({ trees }) => fit(rows, all, trees.length)),
  ]);
  const metrics = folds.map((fold) => fold.metrics);
  const report: ModelReport = {
    cross_validation: { mean: meanMetrics(metrics), folds: metrics },
    ...measureHoldout(ensemble, dataset.holdout[name], dataset.histories),
  };
  return { ensemble, folds, report };
}

/** How many trees each model ended up with; `rounds` is the most it could have. */
function treeCounts(learned: Record<ModelName, Learned>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(learned).map(([name, { ensemble }]) => [`trees_${name}`, ensemble.trees.length]),
  );
}

function gbdtParams(
  { minutehand }: Settings,
  definitions: readonly FeatureDefinition[],
  model: ModelName,
  seed: number,
): GbdtParams {
  const { rounds, learning_rate, leaves, min_data_in_leaf, l2, row_fraction, column_fraction } = minutehand.train;
  return {
    rounds,
    learningRate: learning_rate,
    leaves,
    minDataInLeaf: min_data_in_leaf,
    l2,
    minGain: 0,
    maxBins: 255,
    rowFraction: row_fraction,
    columnFraction: column_fraction,
    seed: `${seed}/${model}`,
    columns: definitions.flatMap(({ models }, column) => (models.includes(model) ? [column] : [])),
  };
}

function measureHoldout(
  ensemble: TreeEnsemble,
  rows: LabelledRows,
  histories: readonly PairHistory[],
): Pick<ModelReport, 'holdout' | 'holdout_by_pair'> {
  const scores = predict(ensemble, rows.x);
  const byPair = histories.map(({ pair }, index) => {
    const own = Int32Array.from([...rows.pair.keys()].filter((row) => rows.pair[row] === index));
    return [pair.id, modelMetrics(takeLabels(scores, own), takeLabels(rows.y, own))] as const;
  });
  return { holdout: modelMetrics(scores, rows.y), holdout_by_pair: Object.fromEntries(byPair) };
}

function proveEdge(
  dataset: Dataset,
  learned: Record<ModelName, Learned>,
  knots: readonly number[],
  thresholds: { theta1: number; theta2: number },
  settings: Settings,
  seed: number,
  onProgress: TrainOptions['onProgress'],
): Record<string, PairEdge> {
  // Whether there is an edge is judged as if the gate were not there.
  const policy = { ...decisionPolicy(settings), require_edge: false };
  const entries = dataset.histories.map((history, index) => {
    onProgress('backtest of the holdout', index + 1, dataset.histories.length);
    const from = firstBarFrom(history, dataset.holdoutFrom);
    const x = holdoutFeatures(history, from, dataset.definitions.length);
    const returns = predict(learned.ai1.ensemble, x);
    const risks = predict(learned.ai2.ensemble, x);
    const trades = backtest(history, from, history.length, {
      thresholds,
      policy,
      edge: true,
      costs: symbolCosts(settings, history.pair),
      scores: (t) => ({
        return_prob: Math.fround(returns[t - from]!),
        risk_score: riskRank(knots, Math.fround(risks[t - from]!)),
      }),
    });
    return [history.pair.id, pairEdge(trades, `${seed}/edge/${history.pair.id}`)] as const;
  });
  return Object.fromEntries(entries);
}

function symbolCosts({ minutehand }: Settings, { a, b }: Pair): Parameters<typeof backtest>[3]['costs'] {
  return { a: minutehand.symbols[a]!, b: minutehand.symbols[b]! };
}

function firstBarFrom(history: PairHistory, time: OpenTime): number {
  const found = history.time.findIndex((barTime) => barTime >= time);
  return found < 0 ? history.length : found;
}

/** Features of every bar from `from` on: the holdout keeps them all, so its rows follow one another. */
function holdoutFeatures(history: PairHistory, from: number, columns: number): Matrix {
  const rows = history.length - from;
  const first = rows === 0 ? history.rows : history.row[from]!;
  return { rows, columns, values: history.features.subarray(first * columns, (first + rows) * columns) };
}

/** Rows of the holdout (of the training rows when it is empty) and one with everything missing, with the learner's answers. */
function goldenVectors(dataset: Dataset, learned: Record<ModelName, Learned>): Manifest['golden'] {
  const source = [dataset.holdout.ai1, dataset.holdout.ai2, dataset.train.ai2].find((rows) => rows.x.rows > 0)!;
  const rng = createRng('golden rows');
  const picked = takeRows(
    source.x,
    Array.from({ length: GOLDEN_ROWS - 1 }, () => rng.integer(source.x.rows)),
  );
  const { columns } = picked;
  const values = new Float32Array(GOLDEN_ROWS * columns).fill(NaN);
  // JSON knows no infinity: the manifest would say null, which is missing.
  values.set(picked.values.map((value) => (Number.isFinite(value) ? value : NaN)));
  const x: Matrix = { rows: GOLDEN_ROWS, columns, values };
  const features = Array.from({ length: x.rows }, (_, row) =>
    Array.from(values.subarray(row * columns, (row + 1) * columns), (value) => (Number.isFinite(value) ? value : null)),
  );
  const answers = (name: ModelName): number[] => Array.from(predict(learned[name].ensemble, x));
  return { features, ai1: answers('ai1'), ai2: answers('ai2'), ai3: answers('ai3') };
}

function hashBars(bars: ReadonlyMap<string, BarColumns>): string {
  const hash = createHash('sha256');
  for (const symbol of [...bars.keys()].sort()) {
    const columns = bars.get(symbol)!;
    hash.update(symbol);
    for (const column of [
      columns.time,
      columns.open,
      columns.high,
      columns.low,
      columns.close,
      columns.volume,
      columns.spread ?? new Float64Array(),
    ]) {
      hash.update(new Uint8Array(column.buffer, column.byteOffset, column.byteLength));
    }
  }
  return hash.digest('hex');
}

function numericParameters(parameters: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(parameters).filter((entry): entry is [string, number] => typeof entry[1] === 'number'),
  );
}

/** The horizon of AI1 is not the one of the other two: their names must not collide. */
function prefixed(model: ModelName, parameters: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(numericParameters(parameters)).map(([key, value]) => [`${model}_${key}`, value]),
  );
}

function isoMinute(time: OpenTime): string {
  return new Date(time * 1000).toISOString().slice(0, 16) + 'Z';
}
