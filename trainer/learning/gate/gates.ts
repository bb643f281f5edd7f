import { GATE_STEPS } from '../../../shared/bundle/gates/gate_steps.ts';
import {
  ADOPTION_GATES as ADOPTION_ROLES,
  PAIR_GATES as PAIR_ROLES,
  gateKey,
  type GateCode,
  type GateIdentity,
  type GateRole,
} from '../../../shared/bundle/gates/gate_codes.ts';
import type { Evidence, GateResult } from '../../../shared/bundle/gates/gate_result.ts';
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
} from '../criteria/criteria.ts';

import { checkDelayed, checkPlausible, checkSkill, MODEL_AUC_LIMITS, type Delayed } from './honesty.ts';

/** One gate, as it is documented (docs/reference/GATES.md) and checked. */
export interface Gate<Measured> {
  /** With what it judges: `PAIR_GATES`, `ADOPTION_GATES` of shared/bundle/gates/gate_codes.ts. */
  readonly code: GateCode;
  /** What the gate vetoes. */
  readonly vetoes: string;
  /** Key of the limit in retrain_policy.yaml, or a fixed limit. */
  readonly threshold: { readonly key: keyof Settings['retrain'] } | { readonly fixed: string };
  /** Next step after a failure. */
  readonly next: string;
  /** @returns the result, or null if there is nothing to check */
  check(evidence: Measured, role: GateRole | null): GateResult | null;
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
  /** No champion; `reason` of the evidence says why. */
  | { readonly kind: 'none'; readonly evidence: Evidence }
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

/** Gates of the bundle as a whole. */
export const BUNDLE_GATES: readonly Gate<BundleEvidence>[] = [
  {
    code: 'auc',
    vetoes: 'An AUC of AI1 on the holdout below the limit.',
    threshold: { key: 'adopt_min_auc' },
    next: GATE_STEPS.auc,
    check: ({ models, limits }) => checkAuc(models.ai1.validation.report.holdout.pooled, limits.adopt_min_auc),
  },
  {
    code: 'brier',
    vetoes: 'A Brier score of AI1 on the holdout above the limit.',
    threshold: { fixed: 'Brier score of the baseline, and its error' },
    next: GATE_STEPS.brier,
    check: ({ models: { ai1 } }) =>
      checkBrier(ai1.validation.holdoutScores, ai1.job.rows.holdout.y, ai1.job.rows.holdout),
  },
  {
    code: 'risk_pass_rate',
    vetoes: 'An AI2 that admits too few or too many of the holdout’s entry candidates at θ2, beyond chance.',
    threshold: { key: 'pass_rate_range' },
    next: GATE_STEPS.risk_pass_rate,
    check: ({ candidateRisks, candidates, theta2, limits }) =>
      checkPassRate(candidateRisks, theta2, limits.pass_rate_range, candidates),
  },
  {
    code: 'executable_outside_wide_minutes',
    vetoes:
      'Trading pairs (all, when `require_edge` is false) that lose their net result without the widest 25 % of minutes.',
    threshold: { key: 'executable_share_min' },
    next: GATE_STEPS.executable_outside_wide_minutes,
    check: (evidence) =>
      checkExecutable('executable_outside_wide_minutes', tradedPairs(evidence), 'narrow_net_bps', evidence.limits),
  },
  {
    code: 'executable_one_minute_later',
    vetoes: 'Trading pairs that lose their net result when filled one minute later.',
    threshold: { key: 'executable_share_min' },
    next: GATE_STEPS.executable_one_minute_later,
    check: (evidence) =>
      checkExecutable('executable_one_minute_later', tradedPairs(evidence), 'after_1', evidence.limits),
  },
  {
    code: 'skill',
    vetoes:
      'A bundle with an edge on any pair whose AI1 ranks no better than the same model in placebo markets, where bars are mirrored by coins: its AUC is geometry.',
    threshold: { fixed: 'AUC − placebo above 0 at 95 %' },
    next: GATE_STEPS.skill,
    check: ({ skill, edge }) => checkSkill(skill, edge),
  },
  {
    code: 'edge_with_columns_one_bar_later',
    vetoes:
      'An edge that is gone when the columns of a feature table that the daemon does not compute arrive one bar later.',
    threshold: { fixed: 'half of each pair’s edge' },
    next: GATE_STEPS.edge_with_columns_one_bar_later,
    check: ({ edge, delayed }) => checkDelayed(edge, delayed),
  },
  {
    code: 'auc_plausible',
    vetoes: 'An AUC on the holdout that no honest model of a market reaches.',
    threshold: { fixed: `${MODEL_AUC_LIMITS.ai1} of AI1, ${MODEL_AUC_LIMITS.ai2} of AI2` },
    next: GATE_STEPS.auc_plausible,
    check: ({ models }, role) => {
      const model = role as keyof typeof MODEL_AUC_LIMITS;
      return checkPlausible(model, models[model].validation.report.holdout.pooled.auc);
    },
  },
  {
    code: 'features_look_ahead',
    vetoes: 'Features of sampled bars that differ when recomputed from their warm-up alone.',
    threshold: { fixed: 'no difference' },
    next: GATE_STEPS.features_look_ahead,
    check: ({ leakage }) => resultOf({ code: 'features_look_ahead', role: null }, leakage),
  },
  {
    code: 'label_ends',
    vetoes: 'Labels that depend on a bar after their end.',
    threshold: { fixed: 'no difference' },
    next: GATE_STEPS.label_ends,
    check: ({ leakage }, role) => resultOf({ code: 'label_ends', role }, leakage),
  },
];

function tradedPairs({ executability, requireEdge }: BundleEvidence): Executability {
  return requireEdge ? executability.edge_pairs : executability.all_pairs;
}

/** Gates of each model. */
export const MODEL_GATES: readonly Gate<ModelEvidence & Pick<BundleEvidence, 'limits'>>[] = [
  {
    code: 'samples',
    vetoes: 'A model learned from fewer rows than the limit.',
    threshold: { key: 'quality_min_samples' },
    next: GATE_STEPS.samples,
    check: ({ job, limits }) => checkSamples(job, limits.quality_min_samples),
  },
  {
    code: 'f1',
    vetoes:
      'An F1 on the holdout, with as many positive answers as there are positives out of fold, below the limit; only of models in `quality_f1_gates`.',
    threshold: { key: 'quality_f1_floor' },
    next: GATE_STEPS.f1,
    check: (model) =>
      checkF1(qualityCase(model), qualityLimits({ retrain: model.limits }, model.job.name as QualityModel).f1_floor),
  },
  {
    code: 'f1_above_chance',
    vetoes: 'An F1 on the holdout, plain or with balanced classes, that as many random positive answers may have.',
    threshold: { fixed: 'chance, and its error' },
    next: GATE_STEPS.f1_above_chance,
    check: (model) => checkF1AboveChance(qualityCase(model)),
  },
  {
    code: 'auc_above_noise',
    vetoes: 'An AUC on the holdout, each row weighted by the uniqueness of its label, that may be chance.',
    threshold: { fixed: '½, and its error' },
    next: GATE_STEPS.auc_above_noise,
    check: (model) => checkRanking(qualityCase(model)),
  },
  {
    code: 'prediction_dispersion',
    vetoes: 'Predictions that do not vary, in all or over a pair’s last 24 h.',
    threshold: { fixed: `variance ${FROZEN_VARIANCE}` },
    next: GATE_STEPS.prediction_dispersion,
    check: ({ validation }) => checkPredictionDispersion(validation.report.holdout.predictions),
  },
  {
    code: 'fold_borders',
    vetoes: 'Training labels that touch a test label of their fold, or begin within the embargo after one.',
    threshold: { fixed: 'no overlap' },
    next: GATE_STEPS.fold_borders,
    check: leakageTest('fold_borders'),
  },
  {
    code: 'fitted_on_training_rows_only',
    vetoes: 'A fit that changes when rows outside its training set change.',
    threshold: { fixed: 'the same bytes' },
    next: GATE_STEPS.fitted_on_training_rows_only,
    check: leakageTest('fitted_on_training_rows_only'),
  },
  {
    code: 'shuffled_labels',
    vetoes: 'An AUC on shuffled labels beyond chance, in two shuffles.',
    threshold: { fixed: '½, and its error' },
    next: GATE_STEPS.shuffled_labels,
    check: leakageTest('shuffled_labels'),
  },
  {
    code: 'shuffled_labels_refused',
    vetoes: 'Quality gates that accept a model of shuffled labels, in two shuffles.',
    threshold: { fixed: 'refused' },
    next: GATE_STEPS.shuffled_labels_refused,
    check: leakageTest('shuffled_labels_refused'),
  },
];

/** Gates of a written bundle, before it becomes active. */
export const ADOPTION_GATES: readonly Gate<AdoptionEvidence>[] = [
  {
    code: 'golden_vectors',
    vetoes: 'A bundle that does not load, or whose answers in onnxruntime differ from the learner’s.',
    threshold: { fixed: '1e-5' },
    next: GATE_STEPS.golden_vectors,
    check: ({ golden }) => golden,
  },
  {
    code: 'champion',
    vetoes: 'Too few entry candidates on bars unseen by both bundles. Passes without a comparable champion.',
    threshold: { key: 'adopt_min_candidates' },
    next: GATE_STEPS.champion,
    check: ({ comparison }) => checkChampion(comparison),
  },
  {
    code: 'champion_auc',
    vetoes: 'An AUC of AI1 below that of the champion on the same bars by the limit or more.',
    threshold: { key: 'adopt_max_auc_loss' },
    next: GATE_STEPS.champion_auc,
    check: ({ comparison, limits }) => compare(comparison, limits, checkChampionAuc),
  },
  {
    code: 'champion_brier',
    vetoes:
      'Where neither side has a Sharpe ratio (no trades, or less than two days): a Brier score of AI1 worse than the champion’s on the same bars by more than chance.',
    threshold: { fixed: 'Student’s t, one-sided 5 %, over blocks of eight hours' },
    next: GATE_STEPS.champion_brier,
    check: ({ comparison, limits }) =>
      compare(comparison, limits, (champion, challenger, _, brierLoss) =>
        checkChampionBrier(champion, challenger, brierLoss),
      ),
  },
  {
    code: 'champion_net_sharpe',
    vetoes:
      'A net Sharpe ratio on the same bars below the limit times the champion’s, below zero: below the champion’s. `adopt_min_sharpe_gain` can demand a gain. Trades count as if every pair had an edge; where only one side has any, those that would be published. Passes where neither side has a ratio.',
    threshold: { key: 'adopt_min_sharpe_ratio' },
    next: GATE_STEPS.champion_net_sharpe,
    check: ({ comparison, limits }) => compare(comparison, limits, checkChampionSharpe),
  },
];

/** Every gate, in the order of their results. */
export const GATES: readonly Gate<never>[] = [...BUNDLE_GATES, ...MODEL_GATES, ...ADOPTION_GATES];

/** Results of the gates of a training run: of the bundle, then of each model. */
export function checkTraining(evidence: BundleEvidence): GateResult[] {
  const { models, limits } = evidence;
  const ofBundle = BUNDLE_GATES.flatMap((gate) => rolesOf(gate).flatMap((role) => gate.check(evidence, role) ?? []));
  const ofModels = MODEL_NAMES.flatMap((name) =>
    MODEL_GATES.filter((gate) => rolesOf(gate).includes(name)).flatMap((gate) => {
      const result = gate.check({ ...models[name], limits }, name);
      return result === null ? [] : [{ ...result, role: name }];
    }),
  );
  return [...ofBundle, ...ofModels];
}

/** Results of the gates of a written bundle. */
export function checkAdoption(evidence: AdoptionEvidence): GateResult[] {
  return ADOPTION_GATES.flatMap((gate) => gate.check(evidence, null) ?? []);
}

/** What a gate judges: each has a result of its own. */
export function rolesOf({ code }: Pick<Gate<never>, 'code'>): readonly (GateRole | null)[] {
  const known: Readonly<Record<string, readonly (GateRole | null)[]>> = { ...PAIR_ROLES, ...ADOPTION_ROLES };
  return known[code]!;
}

function qualityCase({ job, validation: { holdoutScores, rate } }: ModelEvidence): QualityCase {
  const { holdout } = job.rows;
  const { y: labels, time, labelEnd } = holdout;
  const uniqueness = rowUniqueness(holdout);
  return { samples: job.samples, scores: holdoutScores, labels, rate, uniqueness, time, labelEnd };
}

function leakageTest(code: GateCode): (model: ModelEvidence) => GateResult {
  return (model) => resultOf({ code, role: model.job.name }, model.leakage);
}

function resultOf(wanted: GateIdentity, results: readonly GateResult[]): GateResult {
  const key = gateKey(wanted);
  const result = results.find((own) => gateKey(own) === key);
  if (result === undefined) throw new RangeError(`no result of the leakage test ${key}`);
  return result;
}

function checkChampion(comparison: Comparison | null): GateResult | null {
  if (comparison?.kind === 'refused') return comparison.result;
  if (comparison?.kind !== 'none') return null;
  const { evidence } = comparison;
  return {
    code: 'champion',
    role: null,
    passed: true,
    value: null,
    relation: null,
    limit: null,
    unit: 'count',
    evidence,
  };
}

function compare(
  comparison: Comparison | null,
  limits: AdoptionLimits,
  check: (champion: Compared, challenger: Compared, limits: AdoptionLimits, brierLoss: BrierLoss) => GateResult | null,
): GateResult | null {
  if (comparison?.kind !== 'compared') return null;
  const { champion, challenger, brierLoss, since } = comparison;
  const result = check(champion, challenger, limits, brierLoss);
  return result === null ? null : { ...result, evidence: { ...result.evidence, since } };
}
