import { SECONDS_PER_BAR, type OpenTime } from '../shared/bar.ts';
import { clipBars, type BarColumns } from '../shared/bar_file/bar_file.ts';
import type { Bundle } from '../shared/bundle/bundle.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import { riskKnots } from '../shared/core/decide/risk_rank.ts';
import { MODEL_NAMES, perModel } from '../shared/core/features/feature.ts';
import { MinutehandError } from '../shared/errors.ts';
import { parsePair, symbolsOf } from '../shared/pair.ts';
import type { Settings } from '../shared/policy/policy.ts';
import { buildDataset, type Dataset, type DatasetPolicy } from './dataset/dataset.ts';
import { datasetPolicy } from './dataset/dataset_policy.ts';
import type { CacheOptions } from './dataset/pair_cache.ts';
import { continuePeriod, startContinuation, withNewRows } from './learn/continue_plan.ts';
import { learnModels, type Ai1Search, type Learning } from './learn/learn_models.ts';
import { countTrees } from './learn/model_learning.ts';
import { barriersOfBundle, settingsOfBundle } from './registry/bundle_settings.ts';
import { labelPolicy, makeBundle, type TrainResult } from './registry/make_bundle.ts';
import { chooseThresholds } from './search/choose_thresholds.ts';
import { searchAi1, type SearchedLearning } from './search/search_ai1.ts';
import { outOfFold } from './validate/cross_validation.ts';

export type { TrainResult } from './registry/make_bundle.ts';

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

/**
 * bars → dataset → labels → search → learn → validate → thresholds → edge → bundle. The same bars, settings and seed give byte-identical ONNX
 * files.
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT, MODEL_GOLDEN when onnxruntime does not answer as the learner did
 */
export async function train(options: TrainOptions): Promise<TrainResult> {
  const { settings, bars, seed, onProgress } = options;
  const { core, minutehand } = settings;
  const policy = datasetPolicy(settings, options.holdoutFrom);
  const dataset = await datasetOf(bars, policy, options);
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
  return makeBundle({
    ...options,
    settings: searched?.learning.settings ?? settings,
    dataset,
    policy: { ...policy, barriers: searched?.barriers ?? policy.barriers },
    learned,
    riskKnots: knots,
    thresholds: chosen?.thresholds ?? { theta1: core.theta1_initial, theta2: core.theta2_initial },
    search: { ai1: searched?.report ?? null, thresholds: chosen?.report ?? null },
  });
}

/**
 * Goes on from a bundle: trees for what has come since it was learned in full are added to each of its models; parameters, label, thresholds and risk
 * ranks stay as they are. Judged on bars that neither it nor its base has seen.
 * @returns null when no model gains a tree: then there is nothing new
 * @throws MinutehandError CONTINUE_REFUSED, and as `train`
 */
export async function continueTraining(base: Bundle, options: TrainOptions): Promise<TrainResult | null> {
  const { seed, onProgress } = options;
  const { manifest } = base;
  const settings = settingsOfBundle(options.settings, manifest);
  const { train: learning, label, windows, pairs } = settings.minutehand;
  const configured = datasetPolicy(settings);
  const policy = { ...configured, barriers: barriersOfBundle(manifest, configured) };
  const start = startContinuation(base, {
    market: options.market,
    feature_schema: featureSchema(windows).hash,
    label_policy: labelPolicy(policy),
    pairs: [...pairs],
    engine: learning.engine,
    most: learning.continue_most,
  });
  const period = continuePeriod(manifest, lastBar(options.bars, pairs), learning, options.holdoutFrom);
  const bars = new Map([...options.bars].map(([symbol, own]) => [symbol, clipBars(own, period.barsFrom)]));
  const own = { ...policy, holdoutFrom: period.holdoutFrom };
  const whole = await datasetOf(bars, own, options);
  const dataset = withNewRows(manifest, whole, label.horizon_bars * SECONDS_PER_BAR);
  const known = { models: start.models, rows: perModel((name) => manifest.metrics[name].rows ?? 0) };
  const learned = await learnModels({ dataset, settings, seed, known }, null, options.workers, (done, total) =>
    onProgress('learning', done, total),
  );
  const isNew = MODEL_NAMES.some((name) => countTrees(learned[name].model) > countTrees(start.models[name]));
  if (!isNew) return null;
  const { theta1, theta2, risk_knots, search } = manifest;
  return makeBundle({
    ...options,
    settings,
    bars,
    dataset,
    policy: own,
    learned,
    riskKnots: risk_knots,
    thresholds: { theta1, theta2 },
    search: search ?? { ai1: null, thresholds: null },
    continued: { from: start.from, learnedFrom: manifest.period.from },
  });
}

function datasetOf(
  bars: TrainOptions['bars'],
  policy: DatasetPolicy,
  { settings, workers, cache, onProgress }: TrainOptions,
): Promise<Dataset> {
  return buildDataset(settings.minutehand.pairs.map(parsePair), bars, policy, {
    workers,
    cache,
    onProgress: (done, total) => onProgress('features and labels', done, total),
  });
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

/** Open of the newest bar of these pairs. @throws MinutehandError DATA_MISSING */
function lastBar(bars: TrainOptions['bars'], pairs: readonly string[]): OpenTime {
  const times = symbolsOf(pairs.map(parsePair)).flatMap((symbol) => bars.get(symbol)?.time.at(-1) ?? []);
  if (times.length === 0) throw new MinutehandError('DATA_MISSING', { seen: 'no bars of the configured pairs' });
  return Math.max(...times) as OpenTime;
}
