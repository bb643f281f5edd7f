import { MODEL_NAMES } from '../../../../shared/core/features/feature.ts';
import { MinutehandError } from '../../../../shared/errors.ts';
import { FEATURES_OF_BARS } from '../../../../shared/policy/feature_place.ts';
import { UPDATE_OF_POLICY } from '../../../../shared/policy/online_learning.ts';
import type { Settings } from '../../../../shared/policy/policy.ts';
import { STRATEGIES } from '../../../../shared/strategies/registry.ts';
import { withTrainingSettings } from '../../../../shared/policy/training_settings.ts';
import { treeFitsOf } from '../../../learning/learners/registry.ts';
import { EVALUATION_BARRIERS } from '../../../learning/strategies/pair_reversion/label/reversion.ts';
import { refuseUnusableLearner, trainingFits } from '../../../learning/training/pipeline.ts';
import type { RunKind } from '../../../store/schema/jobs.ts';
import type { TrainingJob, TrainingKind } from '../../kinds/pair_reversion_job.ts';
import { verifyPairs, verifyPairsDeeply } from '../../kinds/verify_training.ts';
import { trainingDevice } from '../../kinds/training_device.ts';
import { PAIR_COMPARISON } from './live_comparison.ts';
import { pairMetadata } from './metadata.ts';
import type { StrategyTraining, TrainingRun } from '../strategy_training.ts';

/** Bars of a block of the bootstrap. */
export const PAIR_BLOCK = 720;

const KINDS: Readonly<Partial<Record<RunKind, TrainingKind>>> = {
  full: 'train',
  incremental: 'warm_start',
  thresholds: 'thresholds',
};

/** `pair_reversion`: AI1, AI2 and AI3 of all pairs, in one slot. */
export const PAIR_REVERSION_TRAINING: StrategyTraining = {
  shelf: 'pairs',
  runs: STRATEGIES.pair_reversion.runs,
  jobs: ['train', 'warm_start', 'thresholds'],

  requested(kind, timeframe) {
    if (timeframe !== undefined)
      throw new MinutehandError('RETRAIN_KIND', {
        seen: `kind=${kind} with a timeframe`,
        expected: 'one timeframe, of kind=direction alone',
      });
    return { kind };
  },

  // A full run chooses θ2 as well.
  retraining: (_slot, isFull) => ({ kind: isFull ? 'full' : 'thresholds' }),

  // All pairs have one slot.
  roundOf: ({ minutehand }) => (minutehand.pairs.length === 0 ? [] : [{}]),

  jobOf: pairJobOf,

  refuseUnusable(settings) {
    const { minutehand } = settings;
    if (minutehand.pairs.length === 0) return;
    const { device: _configured, ...train } = minutehand.train;
    const device = trainingDevice({ asked: undefined, engines: [train.engine] }, minutehand.train);
    const own = { ...minutehand, train: { ...train, ...(device && { device }) } };
    refuseUnusableLearner({ ...settings, minutehand: own }, undefined);
  },

  workOf({ kind, parameters, trigger }, { minutehand }) {
    if (kind !== 'full') return 1;
    const { train, search } = withTrainingSettings(minutehand, parameters.settings ?? {});
    const trials = isFirst(trigger) ? 0 : (parameters.trials ?? search.trials);
    const members = treeFitsOf({ ...train, ...parameters.ensemble, engine: parameters.engine ?? train.engine });
    const trees = MODEL_NAMES.reduce((sum, name) => sum + train[name].rounds, 0) / MODEL_NAMES.length;
    return trainingFits(train.folds, trials) * members * trees;
  },

  // Ten pairs, minutes of eight months.
  firstStages: [
    { stage: 'reading bars', duration_ms: 4 },
    { stage: 'features and labels', duration_ms: 14 },
    { stage: 'learning', duration_ms: 70 },
    { stage: 'thresholds', duration_ms: 6 },
    { stage: 'backtest', duration_ms: 6 },
  ],

  comparison: PAIR_COMPARISON,
  overlapOf: () => ({ horizon: EVALUATION_BARRIERS.horizon, block: PAIR_BLOCK }),

  metadataOf: pairMetadata,

  verify: verifyPairs,
  verifyDeeply: verifyPairsDeeply,
};

function pairJobOf(run: TrainingRun, settings: Settings, workers: number): TrainingJob {
  const { kind, trigger, parameters } = run;
  const job = KINDS[kind];
  if (job === undefined) throw new RangeError(`no training of pairs is of the kind ${kind}`);
  return {
    kind: job,
    market: settings.minutehand.market,
    window: { from: parameters.from ?? null, to: parameters.to ?? null, days: null },
    seed: parameters.seed ?? 1,
    source: { folder: null, features: featuresOf(run, settings), mid: false },
    parameters: {
      // Without models no signal can be traded: the first ones take no time for a search.
      trials: isFirst(trigger) ? 0 : (parameters.trials ?? null),
      engine: parameters.engine ?? null,
      target: 'reversion',
      holdout_from: null,
      groups: null,
      ...(job === 'warm_start' && { update: UPDATE_OF_POLICY[settings.retrain.online_learning] }),
      ...(parameters.balance && { balance: parameters.balance }),
      ...(parameters.ensemble && { ensemble: parameters.ensemble }),
      ...(parameters.settings && { settings: parameters.settings }),
    },
    output: { folder: null, hash_name: false, is_dry_run: false },
    adopt: true,
    resources: { workers, cache: true },
    trigger,
  };
}

/** Whether it trains the first models of a home. */
function isFirst({ code }: TrainingRun['trigger']): boolean {
  return code === 'first_models';
}

/** Where a run learns from: what its request says, else the policy; a search of θ2 learns nothing. */
function featuresOf({ kind, parameters }: TrainingRun, { retrain }: Settings): string | null {
  if (kind === 'thresholds') return null;
  const place = parameters.features ?? retrain.retrain_features;
  return place === FEATURES_OF_BARS ? null : place;
}
