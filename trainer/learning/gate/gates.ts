import type { Executability, Manifest, Skill } from '../../../shared/bundle/manifest.ts';
import { MODEL_NAMES, type ModelName } from '../../../shared/core/features/feature.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import type { ModelJob } from '../learners/model_job.ts';
import { rowUniqueness } from '../dataset/noise.ts';
import { FROZEN_VARIANCE, checkPredictionDispersion } from '../validate/prediction_dispersion.ts';
import {
  checkF1,
  checkF1AboveChance,
  checkRanking,
  checkSamples,
  QUALITY_MODELS,
  qualityLimits,
  type QualityCase,
  type QualityModel,
} from '../validate/quality_gate.ts';
import type { TimedRows } from '../statistics/time_blocks.ts';
import type { Validated } from '../validate/validation.ts';
import {
  checkAuc,
  checkBrier,
  checkExecutable,
  checkChampionAuc,
  checkChampionBrier,
  checkChampionSharpe,
  checkPassRate,
  type AdoptionLimits,
  type BrierLoss,
  type Compared,
  type GateResult,
} from '../criteria/criteria.ts';

import { checkDelayed, checkPlausible, checkSkill, MODEL_AUC_LIMITS, type Delayed } from './honesty.ts';

/** One gate, as it is documented (docs/reference/GATES.md) and checked. */
export interface Gate<Evidence> {
  /** Name of the result; results per model are prefixed with the model's name. */
  readonly name: string;
  /** Models that are checked separately; null: the bundle as a whole. */
  readonly models: readonly ModelName[] | null;
  /** What the gate vetoes. */
  readonly vetoes: string;
  /** Key of the limit in retrain_policy.yaml, or a fixed limit. */
  readonly threshold: { readonly key: keyof Settings['retrain'] } | { readonly fixed: string };
  /** Next step after a failure. */
  readonly next: string;
  /** @returns the result, or null if there is nothing to check */
  check(evidence: Evidence): GateResult | null;
}

/** Measurements of a training run for its bundle. */
export interface BundleEvidence {
  readonly models: Readonly<Record<ModelName, ModelEvidence>>;
  /** Risk scores of the holdout's entry candidates. */
  readonly candidateRisks: Float64Array;
  /** Their times, and when their labels were known. */
  readonly candidates: TimedRows;
  readonly theta2: number;
  readonly executability: NonNullable<Manifest['executability']>;
  /** Edge of each pair on the holdout. */
  readonly edge: Manifest['edge'];
  /** Of AI1; null where it cannot be measured. */
  readonly skill: Skill | null;
  /** The holdout with the columns of a feature table one bar later; null without columns that the daemon lacks. */
  readonly delayed: Delayed | null;
  /** Whether only pairs with an edge would trade. */
  readonly requireEdge: boolean;
  /** Results of the leakage tests of features and labels. */
  readonly leakage: readonly GateResult[];
  readonly limits: Settings['retrain'];
}

/** Measurements of a training run for one model. */
export interface ModelEvidence {
  readonly job: Pick<ModelJob, 'name' | 'samples' | 'rows'>;
  readonly validation: Validated;
  /** Results of the leakage tests of its learning. */
  readonly leakage: readonly GateResult[];
}

/** Results of a written bundle before it becomes active. */
export interface AdoptionEvidence {
  readonly golden: GateResult;
  /** null for a bundle that does not load. */
  readonly comparison: Comparison | null;
  readonly limits: AdoptionLimits;
}

export type Comparison =
  /** No champion, for this reason. */
  | { readonly kind: 'none'; readonly reason: string }
  /** Too few entry candidates that neither side was trained on. */
  | { readonly kind: 'refused'; readonly result: GateResult }
  | {
      readonly kind: 'compared';
      readonly champion: Compared;
      readonly challenger: Compared;
      readonly brierLoss: BrierLoss;
      /** First bar of both, ISO 8601. */
      readonly since: string;
    };

const DEFECT = 'A defect: report it.';

/** Gates of the bundle as a whole. */
export const BUNDLE_GATES: readonly Gate<BundleEvidence>[] = [
  {
    name: 'ai1 auc',
    models: null,
    vetoes: 'An AUC of AI1 on the holdout below the limit.',
    threshold: { key: 'adopt_min_auc' },
    next: 'AI1 has no skill on these pairs: use more history, or other pairs.',
    check: ({ models, limits }) => checkAuc(models.ai1.validation.report.holdout.pooled, limits.adopt_min_auc),
  },
  {
    name: 'ai1 brier',
    models: null,
    vetoes: 'A Brier score of AI1 on the holdout above the limit.',
    threshold: { fixed: 'Brier score of the baseline, and its error' },
    next: 'Its probabilities are miscalibrated, often after a regime change: see `calibration` in `validation.json`.',
    check: ({ models: { ai1 } }) =>
      checkBrier(ai1.validation.holdoutScores, ai1.job.rows.holdout.y, ai1.job.rows.holdout),
  },
  {
    name: 'risk pass rate',
    models: null,
    vetoes: 'An AI2 that admits too few or too many of the holdout’s entry candidates at θ2, beyond chance.',
    threshold: { key: 'pass_rate_range' },
    next: 'The holdout’s volatility differs from the training period’s: another θ2, or wait.',
    check: ({ candidateRisks, candidates, theta2, limits }) =>
      checkPassRate(candidateRisks, theta2, limits.pass_rate_range, candidates),
  },
  {
    name: 'executable outside wide minutes',
    models: null,
    vetoes:
      'Trading pairs (all, when `require_edge` is false) that lose their net result without the widest 25 % of minutes.',
    threshold: { key: 'executable_share_min' },
    next: 'Spreads are wider than the backtest’s: check `symbols` and `no_entry_windows`.',
    check: (evidence) =>
      checkExecutable('executable outside wide minutes', tradedPairs(evidence), 'narrow_net_bps', evidence.limits),
  },
  {
    name: 'executable one minute later',
    models: null,
    vetoes: 'Trading pairs that lose their net result when filled one minute later.',
    threshold: { key: 'executable_share_min' },
    next: 'The edge is in untradable prices: bad ticks, or the bid of a wide quote.',
    check: (evidence) =>
      checkExecutable('executable one minute later', tradedPairs(evidence), 'after_1', evidence.limits),
  },
  {
    name: 'ai1 skill',
    models: null,
    vetoes:
      'A bundle with an edge on any pair whose AI1 ranks no better than the same model in placebo markets, where bars are mirrored by coins: its AUC is geometry.',
    threshold: { fixed: 'AUC − placebo above 0 at 95 %' },
    next: 'The edge is not of the model: use more history, or other pairs.',
    check: ({ skill, edge }) => checkSkill(skill, edge),
  },
  {
    name: 'edge with columns one bar later',
    models: null,
    vetoes:
      'An edge that is gone when the columns of a feature table that the daemon does not compute arrive one bar later.',
    threshold: { fixed: 'half of each pair’s edge' },
    next: 'These columns know the bar before it is over: correct their times.',
    check: ({ edge, delayed }) => checkDelayed(edge, delayed),
  },
  ...(['ai1', 'ai2'] as const).map((model): Gate<BundleEvidence> => ({
    name: `${model} auc plausible`,
    models: null,
    vetoes: 'An AUC on the holdout that no honest model of a market reaches.',
    threshold: { fixed: `${MODEL_AUC_LIMITS[model]}` },
    next: 'The bars or features know what comes: check their source and their times.',
    check: ({ models }) => checkPlausible(model, models[model].validation.report.holdout.pooled.auc),
  })),
  {
    name: 'features look-ahead',
    models: null,
    vetoes: 'Features of sampled bars that differ when recomputed from their warm-up alone.',
    threshold: { fixed: 'no difference' },
    next: `Look-ahead, or a warm-up too short. ${DEFECT}`,
    check: ({ leakage }) => resultOf('features look-ahead', leakage),
  },
  ...MODEL_NAMES.map((model): Gate<BundleEvidence> => ({
    name: `${model} label ends`,
    models: null,
    vetoes: 'Labels that depend on a bar after their end.',
    threshold: { fixed: 'no difference' },
    next: `Purging would be wrong. ${DEFECT}`,
    check: ({ leakage }) => resultOf(`${model} label ends`, leakage),
  })),
];

function tradedPairs({ executability, requireEdge }: BundleEvidence): Executability {
  return requireEdge ? executability.edge_pairs : executability.all_pairs;
}

/** Gates of each model. */
export const MODEL_GATES: readonly Gate<ModelEvidence & Pick<BundleEvidence, 'limits'>>[] = [
  {
    name: 'samples',
    models: QUALITY_MODELS,
    vetoes: 'A model learned from fewer rows than the limit.',
    threshold: { key: 'quality_min_samples' },
    next: 'More history, or more pairs.',
    check: ({ job, limits }) => checkSamples(job, limits.quality_min_samples),
  },
  {
    name: 'f1',
    models: QUALITY_MODELS,
    vetoes:
      'An F1 on the holdout, with as many positive answers as there are positives out of fold, below the limit; only of models in `quality_f1_gates`.',
    threshold: { key: 'quality_f1_floor' },
    next: 'F1 depends on the share of positives: compare it with `f1 above chance`.',
    check: (model) =>
      checkF1(qualityCase(model), qualityLimits({ retrain: model.limits }, model.job.name as QualityModel).f1_floor),
  },
  {
    name: 'f1 above chance',
    models: QUALITY_MODELS,
    vetoes: 'An F1 on the holdout, plain or with balanced classes, that as many random positive answers may have.',
    threshold: { fixed: 'chance, and its error' },
    next: 'A longer holdout, or more pairs.',
    check: (model) => checkF1AboveChance(qualityCase(model)),
  },
  {
    name: 'auc above noise',
    models: QUALITY_MODELS,
    vetoes: 'An AUC on the holdout that may be chance.',
    threshold: { fixed: '½, and its error' },
    next: 'A longer holdout, or more pairs.',
    check: (model) => checkRanking(qualityCase(model)),
  },
  {
    name: 'prediction dispersion',
    models: MODEL_NAMES,
    vetoes: 'Predictions that do not vary, in all or over a pair’s last 24 h.',
    threshold: { fixed: `variance ${FROZEN_VARIANCE}` },
    next: 'Look for constant or missing inputs of the named pair.',
    check: ({ validation }) => checkPredictionDispersion(validation.report.holdout.predictions),
  },
  {
    name: 'fold borders',
    models: MODEL_NAMES,
    vetoes: 'Training labels that touch a test label of their fold, or begin within the embargo after one.',
    threshold: { fixed: 'no overlap' },
    next: DEFECT,
    check: leakageTest('fold borders'),
  },
  {
    name: 'fitted on training rows only',
    models: MODEL_NAMES,
    vetoes: 'A fit that changes when rows outside its training set change.',
    threshold: { fixed: 'the same bytes' },
    next: DEFECT,
    check: leakageTest('fitted on training rows only'),
  },
  {
    name: 'shuffled labels',
    models: MODEL_NAMES,
    vetoes: 'An AUC on shuffled labels beyond chance, in two shuffles.',
    threshold: { fixed: '½, and its error' },
    next: 'A second shuffle has confirmed it. Report a leak.',
    check: leakageTest('shuffled labels'),
  },
  {
    name: 'shuffled labels refused',
    models: QUALITY_MODELS,
    vetoes: 'Quality gates that accept a model of shuffled labels, in two shuffles.',
    threshold: { fixed: 'refused' },
    next: 'A second shuffle has confirmed it. Report a leak.',
    check: leakageTest('shuffled labels refused'),
  },
];

/** Gates of a written bundle, before it becomes active. */
export const ADOPTION_GATES: readonly Gate<AdoptionEvidence>[] = [
  {
    name: 'golden vectors',
    models: null,
    vetoes: 'A bundle that does not load, or whose answers in onnxruntime differ from the learner’s.',
    threshold: { fixed: '1e-5' },
    next: 'Train again.',
    check: ({ golden }) => golden,
  },
  {
    name: 'champion',
    models: null,
    vetoes: 'Too few entry candidates on bars unseen by both bundles. Passes without a comparable champion.',
    threshold: { key: 'adopt_min_candidates' },
    next: 'A holdout that begins later.',
    check: ({ comparison }) => checkChampion(comparison),
  },
  {
    name: 'champion auc',
    models: null,
    vetoes: 'An AUC of AI1 below that of the champion on the same bars by the limit or more.',
    threshold: { key: 'adopt_max_auc_loss' },
    next: 'Keep the champion.',
    check: ({ comparison, limits }) => compare(comparison, limits, checkChampionAuc),
  },
  {
    name: 'champion brier',
    models: null,
    vetoes:
      'Where neither side has a Sharpe ratio (no trades, or less than two days): a Brier score of AI1 worse than the champion’s on the same bars by more than chance.',
    threshold: { fixed: 'Student’s t, one-sided 5 %, over blocks of eight hours' },
    next: 'Keep the champion.',
    check: ({ comparison, limits }) =>
      compare(comparison, limits, (champion, challenger, _, brierLoss) =>
        checkChampionBrier(champion, challenger, brierLoss),
      ),
  },
  {
    name: 'champion net sharpe',
    models: null,
    vetoes:
      'A net Sharpe ratio on the same bars below the limit times the champion’s, below zero: below the champion’s. `adopt_min_sharpe_gain` can demand a gain. Trades count as if every pair had an edge; where only one side has any, those that would be published. Passes where neither side has a ratio.',
    threshold: { key: 'adopt_min_sharpe_ratio' },
    next: 'Keep the champion.',
    check: ({ comparison, limits }) => compare(comparison, limits, checkChampionSharpe),
  },
];

/** Every gate, in the order of their results. */
export const GATES: readonly Gate<never>[] = [...BUNDLE_GATES, ...MODEL_GATES, ...ADOPTION_GATES];

/** Results of the gates of a training run. */
export function checkTraining(evidence: BundleEvidence): GateResult[] {
  const { models, limits } = evidence;
  const ofModels = MODEL_NAMES.flatMap((name) =>
    MODEL_GATES.filter((gate) => gate.models!.includes(name)).flatMap((gate) => {
      const result = gate.check({ ...models[name], limits });
      return result === null ? [] : [{ ...result, name: `${name} ${gate.name}` }];
    }),
  );
  return [...BUNDLE_GATES.flatMap((gate) => gate.check(evidence) ?? []), ...ofModels];
}

/** Results of the gates of a written bundle. */
export function checkAdoption(evidence: AdoptionEvidence): GateResult[] {
  return ADOPTION_GATES.flatMap((gate) => gate.check(evidence) ?? []);
}

function qualityCase({ job, validation: { holdoutScores, rate } }: ModelEvidence): QualityCase {
  const { holdout } = job.rows;
  const { y: labels, time, labelEnd } = holdout;
  const uniqueness = rowUniqueness(holdout);
  return { samples: job.samples, scores: holdoutScores, labels, rate, uniqueness, time, labelEnd };
}

function leakageTest(name: string): (model: ModelEvidence) => GateResult {
  return (model) => resultOf(`${model.job.name} ${name}`, model.leakage);
}

function resultOf(name: string, results: readonly GateResult[]): GateResult {
  const result = results.find((own) => own.name === name);
  if (result === undefined) throw new RangeError(`no result of the leakage test ${name}`);
  return result;
}

function checkChampion(comparison: Comparison | null): GateResult | null {
  if (comparison?.kind === 'refused') return comparison.result;
  if (comparison?.kind !== 'none') return null;
  return { name: 'champion', passed: true, seen: comparison.reason, limit: 'none to compare with' };
}

function compare(
  comparison: Comparison | null,
  limits: AdoptionLimits,
  check: (champion: Compared, challenger: Compared, limits: AdoptionLimits, brierLoss: BrierLoss) => GateResult | null,
): GateResult | null {
  if (comparison?.kind !== 'compared') return null;
  const { champion, challenger, brierLoss, since } = comparison;
  const result = check(champion, challenger, limits, brierLoss);
  return result === null ? null : { ...result, seen: `${result.seen} since ${since}` };
}
