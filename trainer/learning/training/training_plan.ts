import { warmUpSeconds } from '../../../shared/core/features/features.ts';
import { horizonSeconds } from '../../../shared/policy/policy.ts';
import type { OpenTime } from '../../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../../shared/bar_file/bar_file.ts';
import type { Bundle } from '../../../shared/bundle/bundle.ts';
import { featureSchema } from '../../../shared/bundle/feature_schema.ts';
import type { WarmStartFrom, Manifest, NetReport } from '../../../shared/bundle/manifest.ts';
import type { InputDescription } from '../../../shared/bundle/input_novelty.ts';
import { decodeTreeModel } from '../../../shared/bundle/onnx/tree_graph.ts';
import type { Expectation } from '../../../shared/core/cost/expected_net.ts';
import type { Thresholds } from '../../../shared/strategies/pair_reversion/pair_input.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { parsePair, symbolsOf } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { Dataset, DatasetPolicy } from '../strategies/pair_reversion/dataset/dataset.ts';
import { datasetPolicy } from '../strategies/pair_reversion/dataset/dataset_policy.ts';
import { warmStartPeriod, startWarm, withNewRows } from '../learners/warm_start.ts';
import type { Learning } from '../learners/learning.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import { fittedTrees } from '../learners/trees/fitted_trees.ts';
import { recalibration } from '../calibrate/recalibrate.ts';
import { barriersOfBundle, settingsOfBundle } from '../bundle/bundle_settings.ts';
import { labelPolicy } from '../bundle/make_bundle.ts';
import type { TrainOptions } from '../options/train_options.ts';

/** Inputs of a training run. */
export interface TrainingPlan {
  readonly settings: Settings;
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly policy: DatasetPolicy;
  /** null: learned in full. */
  readonly warmStart: WarmStart | null;
}

/** Parts of a bundle that a training run takes over. */
export interface WarmStart {
  readonly known: NonNullable<Learning['known']>;
  readonly riskQuantiles: readonly number[];
  readonly expectation: Expectation | null;
  readonly inputs: InputDescription | null;
  readonly thresholds: Thresholds;
  readonly net: NetPart | null;
  readonly search: NonNullable<Manifest['search']>;
  /** For the manifest of the new bundle. */
  readonly origin: { readonly from: WarmStartFrom; readonly learnedFrom: string };
  /** The dataset with only the rows that the bundle has not learned from. */
  newRows(dataset: Dataset): Dataset;
  /** Whether the update has changed any model. */
  differs(models: Readonly<Record<ModelName, Fitted>>): boolean;
}

/** A bundle's model of the result, with what was measured of it. */
export interface NetPart {
  readonly model: Fitted;
  readonly report: NetReport;
}

/** All models from nothing, by the configured settings. */
export function fullTraining({ settings, bars, holdoutFrom }: TrainOptions): TrainingPlan {
  return { settings, bars, policy: datasetPolicy(settings, holdoutFrom), warmStart: null };
}

/**
 * A few more trees for each model of a bundle, or another calibration, from the bars since it was learned in full;
 * parameters, label, thresholds and risk ranks are its own. The holdout is of bars that neither the bundle nor its base
 * has seen.
 * @throws MinutehandError WARM_START_REFUSED, DATA_MISSING, DATA_TOO_SHORT
 */
export function warmStartTraining({ manifest, models }: Bundle, options: TrainOptions): TrainingPlan {
  const settings = settingsOfBundle(options.settings, manifest);
  const { train, windows, pairs } = settings.minutehand;
  const configured = datasetPolicy(settings);
  const policy = { ...configured, barriers: barriersOfBundle(manifest, configured) };
  const start = startWarm(
    { manifest, models },
    {
      market: options.market,
      feature_schema: featureSchema(windows).hash,
      label_policy: labelPolicy(policy),
      pairs: [...pairs],
      engine: train.engine,
      maxWarmStarts: train.max_warm_starts,
    },
  );
  const period = warmStartPeriod(
    manifest,
    lastBar(options.bars, pairs),
    train,
    options.holdoutFrom,
    warmUpSeconds(windows),
  );
  const { theta1, theta2, risk_quantiles, search } = manifest;
  const isRecalibrated = options.update === 'calibration';
  return {
    settings,
    bars: new Map([...options.bars].map(([symbol, own]) => [symbol, clipBars(own, period.barsFrom)])),
    policy: { ...policy, holdoutFrom: period.holdoutFrom },
    warmStart: {
      known: {
        models: start.models,
        rows: perModel((name) => manifest.metrics[name].rows ?? 0),
        update: isRecalibrated ? recalibration : undefined,
      },
      riskQuantiles: risk_quantiles,
      expectation: manifest.expectation ?? null,
      inputs: manifest.inputs ?? null,
      thresholds: { theta1, theta2 },
      net: netPartOf({ manifest, models }),
      search: search ?? { ai1: null, thresholds: null },
      origin: {
        from: { ...start.from, ...(isRecalibrated && { update: 'calibration' as const }) },
        learnedFrom: manifest.period.from,
      },
      newRows: (dataset) => withNewRows(manifest, dataset, horizonSeconds(settings.minutehand)),
      differs: (learned) =>
        MODEL_NAMES.some((name) =>
          isRecalibrated ? learned[name] !== start.models[name] : stepsOf(learned[name]) > stepsOf(start.models[name]),
        ),
    },
  };
}

/** As it was learned in full: a warm start adds no trees to it. */
function netPartOf({ manifest, models }: Pick<Bundle, 'manifest' | 'models'>): NetPart | null {
  const report = manifest.metrics.net;
  if (models.net === undefined || report === undefined) return null;
  return { model: fittedTrees(manifest.engine.name, decodeTreeModel(models.net).model), report };
}

/** Open of the newest bar of these pairs. @throws MinutehandError DATA_MISSING */
function lastBar(bars: TrainOptions['bars'], pairs: readonly string[]): OpenTime {
  const times = symbolsOf(pairs.map(parsePair)).flatMap((symbol) => bars.get(symbol)?.time.at(-1) ?? []);
  if (times.length === 0) throw new MinutehandError('DATA_MISSING', { seen: 'no bars of the configured pairs' });
  return Math.max(...times) as OpenTime;
}

function stepsOf({ iterations }: Fitted): number {
  return iterations ?? 0;
}
