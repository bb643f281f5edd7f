import { isoMinute } from '../../../shared/bar.ts';
import { riskQuantiles } from '../../../shared/strategies/pair_reversion/risk_rank.ts';
import type { Manifest, Skill, ThresholdReport } from '../../../shared/bundle/manifest.ts';
import type { InputDescription } from '../../../shared/bundle/input_novelty.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import type { Thresholds } from '../../../shared/strategies/pair_reversion/pair_input.ts';
import { perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { symbolsOf } from '../../../shared/pair.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { canonicalJson } from '../../../shared/policy/policy_hash.ts';
import { sha256Hex } from '../../../shared/sha256.ts';
import { proveEdge, withoutClaims, type HoldoutProof } from '../strategies/pair_reversion/backtest/holdout.ts';
import { calibrateExpectation } from '../calibrate/expectation.ts';
import type { LearnedModel } from '../calibrate/calibrate_model.ts';
import type { Dataset } from '../strategies/pair_reversion/dataset/dataset.ts';
import { columnsFromOutside, withColumnsLater } from '../feature_checks/columns_later.ts';
import { candidateRisks } from '../gates/candidate_risks.ts';
import type { GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { checkTraining } from '../gates/registry.ts';
import { countLook, type Evaluated } from '../backtest/holdout_looks.ts';
import { countTrials, trialsBefore } from '../backtest/trial_ledger.ts';
import { marketsOf, type GeneratedMarkets } from '../generated/generated_pairs.ts';
import type { PlaceboMarkets } from '../placebo/placebo_rows.ts';
import { describeLearned } from '../novelty/learned_inputs.ts';
import { modelSkill } from '../placebo/skill.ts';
import type { TrainedModel } from './model_report.ts';
import { findThresholds, type Calibrated } from '../strategies/pair_reversion/thresholds/choose_thresholds.ts';
import { type TrainOptions } from '../options/train_options.ts';
import { outOfFold } from '../learners/cross_validation.ts';
import { testModelLeakage } from '../validate/leakage/model_leakage.ts';
import { validateModel } from '../validate/validation.ts';

const RISK_QUANTILES = 200;

/** A model with its validation and leakage test results. */
export interface ExaminedModel extends TrainedModel {
  readonly leakage: readonly GateResult[];
}

/** Trained models for the pairs of `dataset`. */
export interface LearnedParts {
  readonly dataset: Dataset;
  /** Markets of each scenario, of these pairs and others; null where they cannot be made. */
  readonly generated: GeneratedMarkets | null;
  readonly models: Readonly<Record<ModelName, ExaminedModel>>;
  readonly settings: Settings;
  /** The holdout of these pairs in placebo markets. */
  readonly placebo: PlaceboMarkets;
  /** Results for features and labels. */
  readonly leakage: readonly GateResult[];
  /** Model of the result, with its folds if trained in this run. */
  readonly net: { readonly model: Fitted; readonly folds?: LearnedModel['folds'] } | null;
  /** Values reused by a warm start; null = chosen here. */
  readonly warmStart: (Calibrated & { readonly thresholds: Thresholds }) | null;
  /** Number of this evaluation of the holdout, from 1; absent: it is counted with the trades of these models. */
  readonly look?: number;
  /** Of the rows that AI1 learned from; absent: described here, null: they are not known. */
  readonly inputs?: InputDescription | null | undefined;
  /** Trials of the search of parameters. */
  readonly searchTrials: number;
  /** Trials before these models were learned, which are then not counted themselves; absent: as counted so far. */
  readonly trialsBefore?: number;
  /** Whether a brought model may know the labels of the holdout, which were given out. */
  readonly claimsNothing?: boolean;
}

export interface ProvenModels extends Calibrated, HoldoutProof {
  readonly thresholds: Thresholds;
  /** Choice of the thresholds; null without one. */
  readonly report: ThresholdReport | null;
  /** Configurations that were tried on the bars before the holdout: by this training, and ever. */
  readonly trials: NonNullable<Manifest['trials']>;
  /** Of AI1; null where it cannot be measured. */
  readonly skill: Skill | null;
  readonly gates: GateResult[];
}

/** validate → look-ahead leakage tests. */
export async function examineModel(
  name: ModelName,
  { job, learned }: Pick<TrainedModel, 'job' | 'learned'>,
  { dataset, generated, settings, seed }: Pick<LearnedParts, 'dataset' | 'generated' | 'settings'> & { seed: number },
): Promise<ExaminedModel> {
  const markets = marketsOf(generated, name, dataset);
  const validation = validateModel(learned, job.rows, { dataset, markets, seed: `${seed}/importance/${name}` });
  const leakage = await testModelLeakage(job, learned, validation, settings, `${seed}/${name}`);
  return { job, learned, validation, leakage };
}

/** thresholds → edge → gates. */
export function proveModels(parts: LearnedParts, options: TrainOptions): ProvenModels {
  const { dataset, models, settings, placebo, leakage, net, warmStart } = parts;
  const { seed, onProgress } = options;
  const learned = perModel((name) => models[name].learned);
  const quantiles = warmStart?.riskQuantiles ?? riskQuantiles(knownRisks(learned.ai2, dataset), RISK_QUANTILES);
  const expectation = warmStart?.expectation ?? calibrateExpectation(dataset, learned.ai1, settings);
  const calibrated = { riskQuantiles: quantiles, expectation, inputs: inputsOf(parts, seed) };
  const answering = { ...learned, ...(net?.folds && { net: { folds: net.folds } }) };
  const place = holdoutOf(dataset, options);
  const work = workOf(parts, options);
  const repeated = procedureOf(parts, options);
  const before = parts.trialsBefore ?? options.trialsBefore ?? trialsBefore(options.counts, place, work);
  // The configuration itself is a trial.
  const ofSearch = 1 + parts.searchTrials;
  const { thresholds, report } =
    warmStart === null
      ? findThresholds(dataset, answering, calibrated, options, before + ofSearch)
      : { thresholds: warmStart.thresholds, report: null };
  const own = ofSearch + (report?.tried ?? 0);
  if (parts.trialsBefore === undefined && options.trialsBefore === undefined)
    countTrials(options.counts, place, { kind: 'training', work, trials: own });

  const { ai1, ai2 } = perModel((name) => learned[name].model);
  const deciders = { ai1, ai2, ...calibrated, thresholds, ...(net && { net: net.model }) };
  const proven = proveEdge(
    dataset,
    deciders,
    settings,
    (trades) =>
      parts.look ??
      options.holdoutLook ??
      countLook(options.counts, place, trades, { work: repeated, earlier: [options.out] }),
    (done, total) => onProgress('backtest of the holdout', done, total),
  );
  const holdout = parts.claimsNothing ? withoutClaims(proven) : proven;

  const fromOutside = columnsFromOutside(dataset, settings.minutehand.windows);
  const delayed =
    fromOutside.length === 0
      ? null
      : proveEdge(
          withColumnsLater(dataset, fromOutside),
          deciders,
          settings,
          () => holdout.look,
          (done, total) => onProgress('backtest of the holdout, columns one bar later', done, total),
        );

  const skill = skillOfReturns(models.ai1, dataset, placebo, `${seed}/skill`);
  const gates = checkTraining({
    ...holdout,
    models,
    skill,
    leakage,
    outsideColumns: dataset.outsideColumns,
    candidateRisks: candidateRisks(dataset, ai2, quantiles),
    candidates: dataset.evaluation.holdout,
    theta2: thresholds.theta2,
    delayed: delayed && { columns: fromOutside, edge: delayed.edge },
    requireEdge: settings.core.require_edge,
    limits: settings.retrain,
  });
  return { ...calibrated, thresholds, report, trials: { own, total: before + own }, ...holdout, skill, gates };
}

/** A warm start keeps the description of what was learned in full. */
function inputsOf({ inputs, warmStart, models, dataset }: LearnedParts, seed: number): InputDescription | null {
  if (inputs !== undefined) return inputs;
  if (warmStart !== null) return warmStart.inputs ?? null;
  return describeLearned(models.ai1.job.rows.trained, dataset, `${seed}`);
}

/** Identity of a training that is repeated on other bars. */
function procedureOf(
  { settings, searchTrials, warmStart }: LearnedParts,
  { seed, target, market }: TrainOptions,
): string {
  const { minutehand, core } = settings;
  const { pairs, train, search, decision, label, windows } = minutehand;
  const start = warmStart === null ? 'full' : 'incremental';
  return sha256Hex(
    canonicalJson({
      pairs,
      train,
      search,
      decision,
      label,
      windows,
      core,
      searchTrials,
      seed,
      target: target ?? null,
      market,
      start,
    }),
  );
}

/** Identity of a training: the same rows, settings and seed are no further trial. */
function workOf(
  { dataset, settings, searchTrials }: LearnedParts,
  { seed, target = 'reversion' }: TrainOptions,
): string {
  const { train, search, decision, label } = settings.minutehand;
  const { theta1_initial, theta2_initial, theta_search_range, theta_step, novelty_min } = settings.core;
  // Without a limit the identity is that of earlier versions.
  const limit = novelty_min === null ? {} : { novelty_min };
  const thetas = { theta1_initial, theta2_initial, theta_search_range, theta_step, ...limit };
  const identity = { rows: dataset.snapshotId, train, search, decision, label, thetas, searchTrials, seed, target };
  return sha256Hex(canonicalJson(identity));
}

/** Risks of AI1's candidates out of fold; a model that was brought has none before its calibration. */
function knownRisks({ folds }: LearnedModel, { train }: Dataset): Float64Array {
  return outOfFold(folds, train.ai1).filter((risk) => !Number.isNaN(risk));
}

/** AI1 on the candidates of the holdout, against the same model in placebo markets. */
function skillOfReturns(
  { job, learned, validation }: ExaminedModel,
  { histories }: Dataset,
  placebo: PlaceboMarkets,
  seed: string,
): Skill | null {
  const { y, time } = job.rows.holdout;
  const pairs = histories.map(({ pair }) => pair.id);
  return modelSkill(
    (x) => learned.model.answers(x),
    { scores: validation.holdoutScores, y, time },
    placebo,
    pairs,
    seed,
  );
}

export function holdoutOf({ holdoutFrom, to, histories }: Dataset, { market }: TrainOptions): Evaluated {
  const symbols = symbolsOf(histories.map(({ pair }) => pair));
  return { market, from: isoMinute(holdoutFrom), to: isoMinute(to), symbols };
}
