import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { isoMinute, type OpenTime } from '../shared/bar.ts';
import type { BarColumns } from '../shared/bar_file/bar_file.ts';
import { writeBundle } from '../shared/bundle/bundle.ts';
import { featureSchema, type FeatureSchema } from '../shared/bundle/feature_schema.ts';
import type { Manifest } from '../shared/bundle/manifest.ts';
import { loadModelSet } from '../shared/bundle/model_set.ts';
import { encodeTreeModel } from '../shared/bundle/onnx/onnx.ts';
import type { TreeModel } from '../shared/bundle/onnx/tree_ensemble.ts';
import { perModel, type ModelName } from '../shared/core/features/feature.ts';
import { riskKnots, riskRank } from '../shared/core/decide/risk_rank.ts';
import { parsePair } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { proveEdge } from './backtest/holdout.ts';
import { buildDataset, type Dataset } from './dataset/dataset.ts';
import { datasetPolicy } from './dataset/dataset_policy.ts';
import type { CacheOptions } from './dataset/pair_cache.ts';
import { judgePassRate, judgeSkill, type GateResult } from './gate/gate.ts';
import { RISK_PARTS, type RiskPart } from './label/pair_labels.ts';
import { learnModels, type Ai1Search, type Learning } from './learn/learn_models.ts';
import { treeAnswer } from './learn/scoring.ts';
import { renderCard } from './registry/card.ts';
import { goldenVectors } from './registry/golden.ts';
import { chooseThresholds } from './search/choose_thresholds.ts';
import { searchAi1, type SearchedLearning } from './search/search_ai1.ts';
import { outOfFold } from './validate/cross_validation.ts';
import { judgeBars } from './validate/leaks/bars.ts';
import { auc } from './validate/metrics.ts';
import type { ModelValidation } from './validate/validation.ts';

const RISK_KNOTS = 200;

export interface TrainOptions {
  readonly settings: Settings;
  readonly bars: ReadonlyMap<string, BarColumns>;
  /** Where the bars come from; stands in manifest and card. */
  readonly market: 'live' | 'simulated';
  readonly seed: number;
  readonly gitCommit: string | null;
  /** Folder of bundles to write into. */
  readonly out: string;
  readonly created: Date;
  /** Threads to learn on; 0 = on the calling one. They change the time and nothing else. */
  readonly workers: number;
  /** Where built features and labels are kept; null = nowhere. */
  readonly cache: CacheOptions | null;
  /** Trials of AI1's parameters; 0 learns by the configured ones and takes the initial thresholds. */
  readonly trials: number;
  /** Where a search that was cut off goes on from; null = nowhere. */
  readonly searchFolder: string | null;
  /** Where the final period begins; null = at the configured share of the time. */
  readonly holdoutFrom: OpenTime | null;
  onProgress(stage: string, done: number, total: number): void;
}

export interface TrainResult {
  readonly version: string;
  readonly path: string;
  readonly manifest: Omit<Manifest, 'format' | 'version' | 'created' | 'files'>;
  readonly dataset: Dataset;
  readonly validation: Readonly<Record<ModelName, ModelValidation>>;
  /** Quality and leak tests of this run; whether it is adopted is the gate's to say. */
  readonly gates: readonly GateResult[];
}

/**
 * bars → dataset → labels → learn → validate → edge → bundle. The same bars, settings and seed give byte-identical ONNX files.
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT, MODEL_GOLDEN when onnxruntime does not answer as the learner did
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { settings, bars, seed, onProgress } = options;
  const { minutehand } = settings;
  const policy = datasetPolicy(settings, options.holdoutFrom);
  const pairs = minutehand.pairs.map(parsePair);
  const dataset = await buildDataset(pairs, bars, policy, {
    workers: options.workers,
    cache: options.cache,
    onProgress: (done, total) => onProgress('features and labels', done, total),
  });
  const search = options.trials === 0 ? null : planSearch({ dataset, settings, seed }, options);
  const learned = await learnModels({ dataset, settings, seed }, search, options.workers, (done, total) =>
    onProgress(search?.stage() ?? 'learning', done, total),
  );
  const searched = search?.found() ?? null;
  const knots = riskKnots(outOfFold(learned.ai2.folds, dataset.train.ai1), RISK_KNOTS);
  const chosen =
    options.trials === 0 || minutehand.search.theta_evaluations === 0
      ? null
      : chooseThresholds(dataset, learned, knots, settings, (done, total) => onProgress('thresholds', done, total));
  const thresholds = chosen?.thresholds ?? {
    theta1: settings.core.theta1_initial,
    theta2: settings.core.theta2_initial,
  };
  const deciders = { ai1: learned.ai1.model, ai2: learned.ai2.model, riskKnots: knots, thresholds };
  const edge = proveEdge(dataset, deciders, settings, seed, (done, total) =>
    onProgress('backtest of the holdout', done, total),
  );
  const gates = [
    ...judgeSkill(learned.ai1.report.holdout),
    judgePassRate(
      candidateRisks(dataset, learned.ai2.model, knots),
      thresholds.theta2,
      settings.retrain.pass_rate_range,
    ),
    ...judgeBars(dataset.histories, bars, policy, `${seed}/cut off`),
    ...learned.ai1.gates,
    ...learned.ai2.gates,
    ...learned.ai3.gates,
  ];
  const validation = perModel((name) => learned[name].validation);
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
    dataset_id: dataset.snapshotId,
    label_policy: {
      ...prefixed('ai1', searched?.barriers ?? policy.barriers),
      ...prefixed('ai2', policy.risk),
      ...prefixed('ai3', policy.scale),
    },
    engine: {
      name: minutehand.train.engine,
      parameters: engineParameters(searched?.learning.settings ?? settings),
    },
    ...thresholds,
    search: { ai1: searched?.report ?? null, thresholds: chosen?.report ?? null },
    risk_knots: knots,
    metrics: {
      ai1: learned.ai1.report,
      ai2: learned.ai2.report,
      ai3: learned.ai3.report,
      ai2_parts: { ...dataset.riskParts },
      ai2_parts_auc: aucOfRiskParts(dataset, learned.ai2.holdoutScores),
    },
    edge,
    gates,
    golden: goldenVectors(dataset, learned),
  };
  const models = perModel((name) =>
    encodeTreeModel(learned[name].model, {
      metadata: { model: name, feature_schema: schema.hash, market: options.market },
    }),
  );
  const path = writeBundle(options.out, options.created, { manifest, models, validation, card: renderCard });
  const version = await proveLoadable(path, schema);
  return { version, path, manifest, dataset, validation, gates };
}

/** A trial learns from fewer rows than the models that ship, and most are given up on the way. */
const FITS_PER_TRIAL = 1;

interface PlannedSearch extends Ai1Search {
  /** What is being done, for people. */
  stage(): string;
  /** null until it is over. */
  found(): SearchedLearning | null;
}

function planSearch(learning: Learning, { trials, searchFolder }: TrainOptions): PlannedSearch {
  let stage = `learning, ${trials} trials`;
  let found: SearchedLearning | null = null;
  return {
    fits: trials * FITS_PER_TRIAL,
    stage: () => stage,
    found: () => found,
    async run(fit, onProgress) {
      found = await searchAi1(learning, {
        trials,
        folder: searchFolder,
        fit,
        onProgress: ({ done, total, best, configured }) => {
          stage = `learning, trial ${done} of ${total}, log loss ${shown(best)} (configured ${shown(configured)})`;
          onProgress(done / total);
        },
      });
      onProgress(1);
      stage = 'learning';
      return found.learning;
    },
  };
}

function shown(value: number | null): string {
  return value === null ? '–' : value.toFixed(5);
}

/** Risk scores of the holdout's entry candidates. */
function candidateRisks(dataset: Dataset, model: TreeModel, knots: readonly number[]): Float64Array {
  return treeAnswer(model, dataset.evaluation.holdout.x).map((risk) => riskRank(knots, risk));
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

/** What the AUC of AI2 would be if one part alone were the label, on the holdout. */
function aucOfRiskParts(dataset: Dataset, scores: Float64Array): Record<RiskPart, number | null> {
  const { parts } = dataset.holdout.ai2;
  return Object.fromEntries(RISK_PARTS.map((part) => [part, auc(scores, parts[part])])) as Record<
    RiskPart,
    number | null
  >;
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

/** Parameters of learning: those that all models share, and `ai1_rounds` … of each. */
function engineParameters({ minutehand: { train } }: Settings): Record<string, number> {
  const { ai1, ai2, ai3 } = train;
  return {
    ...numericParameters(train),
    ...prefixed('ai1', ai1),
    ...prefixed('ai2', ai2),
    ...prefixed('ai3', ai3),
  };
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
