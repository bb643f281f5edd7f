import type { MarketKind } from '../../../shared/signal/signal.ts';
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { isoMinute } from '../../../shared/bar.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { writeBundle, type GroupContent, type ManifestContent } from '../../../shared/bundle/bundle.ts';
import { settingsSummary } from '../../../shared/bundle/version_name.ts';
import { featureSchema, type FeatureSchema } from '../../../shared/bundle/feature_schema.ts';
import {
  MONITOR_FILE,
  VALIDATION_FILE,
  type HoldoutBacktest,
  type BundleModel,
  type Manifest,
  type NetReport,
  type PairEdge,
  type Skill,
} from '../../../shared/bundle/manifest.ts';
import type { InputDescription } from '../../../shared/bundle/input_novelty.ts';
import { loadModelSet } from '../../../shared/bundle/model_set.ts';
import type { Expectation } from '../../../shared/core/cost/expected_net.ts';
import type { Thresholds } from '../../../shared/strategies/pair_reversion/pair_input.ts';
import { MODEL_NAMES, perModel, type ModelName } from '../../../shared/core/features/feature.ts';
import { readsSeries, warmupBars } from '../../../shared/core/features/features.ts';
import { BALANCED_ROLES } from '../../../shared/policy/balances.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { lookLevel } from '../backtest/edge.ts';
import type { Dataset, DatasetPolicy } from '../strategies/pair_reversion/dataset/dataset.ts';
import { hashSeries } from '../strategies/pair_reversion/dataset/pair_cache.ts';
import type { GateResult, RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import type { Fitted } from '../learners/contract/fitted.ts';
import type { Matrix } from '../../../shared/bundle/onnx/tree_ensemble.ts';
import { isNetwork, networkParameters } from '../learners/networks/network_parameters.ts';
import { ensembleParameters } from '../learners/mixture/ensemble_parameters.ts';
import type { LearnedGroup, OwnModels } from '../groups/learn_groups.ts';
import { RISK_PARTS, type RiskPart } from '../strategies/pair_reversion/label/pair_labels.ts';
import { monitorReference, type ProfileSource } from '../profile/reference.ts';
import { scoredRows } from '../profile/score_profile.ts';
import { auc } from '../measures/metrics.ts';
import type { ModelValidation } from '../validate/validation.ts';
import { renderCard } from './card.ts';
import { goldenVectors } from './golden.ts';
import { modelReport, type TrainedModel } from '../proof/model_report.ts';

/** All inputs of a bundle. */
export interface BundleParts {
  /** Settings of the training, including adopted search results. */
  readonly settings: Settings;
  readonly bars: ReadonlyMap<string, BarColumns>;
  readonly market: MarketKind;
  readonly seed: number;
  readonly gitCommit: string | null;
  readonly out: string;
  readonly created: Date;
  readonly hashName?: boolean;
  readonly settingsName?: boolean;
  readonly dataset: Dataset;
  readonly policy: DatasetPolicy;
  readonly models: Readonly<Record<ModelName, TrainedModel>>;
  readonly riskQuantiles: readonly number[];
  readonly expectation: Expectation | null;
  /** Of the rows that AI1 learned from; null where they are not known. */
  readonly inputs: InputDescription | null;
  readonly thresholds: Thresholds;
  /** The model of the result; null in a bundle without one. */
  readonly net: { readonly model: Fitted; readonly report: NetReport } | null;
  readonly search: NonNullable<Manifest['search']>;
  readonly edge: Readonly<Record<string, PairEdge>>;
  /** Number of this evaluation of the holdout, from 1. */
  readonly look: number;
  readonly trials: NonNullable<Manifest['trials']>;
  readonly backtest: HoldoutBacktest;
  readonly executability: NonNullable<Manifest['executability']>;
  /** Of AI1; null where it cannot be measured. */
  readonly skill: Skill | null;
  readonly gates: GateResult[];
  readonly groups: readonly LearnedGroup[];
  /** Models that were not trained here; null = none. */
  readonly imported: NonNullable<Manifest['imported']> | null;
  /** null for a bundle that was learned in full. */
  readonly warmStart: { readonly from: NonNullable<Manifest['warm_start_from']>; readonly learnedFrom: string } | null;
}

export interface TrainResult {
  readonly version: string;
  readonly path: string;
  readonly manifest: ManifestContent;
  readonly dataset: Dataset;
  readonly validation: Readonly<Record<ModelName, ModelValidation>>;
  /** Gate results of this run; `adoptTrained` decides whether the bundle becomes active. */
  readonly gates: readonly RecordedGate[];
}

/**
 * Writes the bundle and loads it as a daemon would.
 * @throws MinutehandError MODEL_GOLDEN when onnxruntime does not answer as the learner did
 */
export async function makeBundle(parts: BundleParts): Promise<TrainResult> {
  const { settings, dataset, models, edge, gates } = parts;
  const { windows } = settings.minutehand;
  const schema = featureSchema(windows);
  const validation = perModel((name) => models[name].validation.report);
  const manifest = manifestOf(parts, schema);
  const own = parts.groups.flatMap((group) => (group.own === undefined ? [] : [[group.name, group.own] as const]));
  const reference = monitorReference({
    ...profileSource(dataset, models),
    definitions: dataset.definitions,
    groups: Object.fromEntries(own.map(([name, group]) => [name, profileSource(group.dataset, group.models)])),
    lookBackBars: warmupBars(windows),
    backtest: countTrades(edge),
  });
  const encode: Encode = (name, model, trained) =>
    model.toOnnx({
      metadata: { model: name, feature_schema: schema.hash, market: parts.market },
      ...(trained && { trained }),
    });
  const encoded = {
    ...perModel((name) => encode(name, models[name].learned.model, models[name].job.rows.trained.x)),
    ...(parts.net && { net: encode('net', parts.net.model) }),
  };
  const path = writeBundle(parts.out, parts.created, {
    manifest,
    models: encoded,
    groupModels: encodeGroups(parts.groups, encode),
    reports: { [VALIDATION_FILE]: validation, [MONITOR_FILE]: reference },
    card: renderCard,
    hashName: parts.hashName === true,
    ...(parts.settingsName === true && {
      summary: settingsSummary(manifest.engine.name, parts.settings.minutehand.label.horizon_bars),
    }),
  });
  const version = await proveLoadable(path, schema);
  return { version, path, manifest, dataset, validation, gates };
}

/** What the monitor compares live bars of these pairs with. */
export function profileSource(
  { train, holdout, histories }: Dataset,
  models: Readonly<Record<ModelName, { readonly learned: { readonly model: Fitted } }>>,
): ProfileSource {
  return {
    rows: train.ai2,
    scores: scoredRows(
      holdout.ai2,
      perModel((name) => models[name].learned.model),
    ),
    pairs: histories.map(({ pair }) => pair.id),
  };
}

/** @param trained rows that the model learned from */
type Encode = (name: BundleModel, model: Fitted, trained?: Matrix) => Uint8Array;

/** The own models of each group. */
function encodeGroups(
  groups: readonly LearnedGroup[],
  encode: Encode,
): Record<string, Partial<Record<ModelName, Uint8Array>>> {
  return Object.fromEntries(
    groups.flatMap(({ name, own }) => {
      if (own === undefined) return [];
      const files = MODEL_NAMES.filter((model) => own.isOwn[model]).map((model) => {
        const { learned, job } = own.models[model];
        return [model, encode(model, learned.model, job.rows.trained.x)] as const;
      });
      return [[name, Object.fromEntries(files)]];
    }),
  );
}

function groupContent(
  { name, pairs, verdict, comparison, gates, own }: LearnedGroup,
  net: BundleParts['net'],
): GroupContent {
  return {
    name,
    pairs: [...pairs],
    verdict,
    ...(comparison && { comparison }),
    ...(gates && { gates: [...gates] }),
    ...(own && { own: ownContent(own, net) }),
  };
}

function ownContent({ dataset, models, isOwn, proven }: OwnModels, net: BundleParts['net']): GroupContent['own'] {
  const { thresholds, report, riskQuantiles, skill } = proven;
  const reports = MODEL_NAMES.filter((name) => isOwn[name]).map((name) => [
    name,
    modelReport(models[name], dataset.histories),
  ]);
  return {
    ...thresholds,
    thresholds: report,
    risk_quantiles: [...riskQuantiles],
    ...expectationContent(proven),
    ...(isOwn.ai1 && proven.inputs && { inputs: proven.inputs }),
    ...(isOwn.ai1 && { skill }),
    metrics: Object.fromEntries(reports) as NonNullable<GroupContent['own']>['metrics'],
    golden: goldenVectors(dataset, { ...perModel((name) => models[name].learned), ...(net && { net }) }),
  };
}

/** Pairs outside groups that have this model of their own; null without such a group. */
function servedByPooled(name: ModelName, { dataset, groups }: BundleParts): string[] | null {
  const grouped = groups.flatMap(({ pairs, own }) => (own?.isOwn[name] === true ? pairs : []));
  if (grouped.length === 0) return null;
  return dataset.histories.map(({ pair }) => pair.id).filter((id) => !grouped.includes(id));
}

function expectationContent({ expectation }: Pick<BundleParts, 'expectation'>): Pick<ManifestContent, 'expectation'> {
  if (expectation === null) return {};
  return { expectation: { ...expectation, promised: [...expectation.promised], earned: [...expectation.earned] } };
}

function manifestOf(parts: BundleParts, schema: FeatureSchema): TrainResult['manifest'] {
  const { settings, bars, dataset, models, thresholds, warmStart } = parts;
  const { windows, train } = settings.minutehand;
  return {
    market: parts.market,
    seed: parts.seed,
    git_commit: parts.gitCommit,
    feature_schema: schema.hash,
    features: dataset.definitions.map(({ name }) => name),
    windows: { ...windows },
    pairs: dataset.histories.map(({ pair }) => pair.id),
    period: {
      from: warmStart?.learnedFrom ?? isoMinute(dataset.from),
      to: isoMinute(dataset.to),
      holdout_from: isoMinute(dataset.holdoutFrom),
    },
    ...(warmStart === null ? {} : { warm_start_from: warmStart.from }),
    ...(parts.imported && { imported: parts.imported }),
    data_hash: hashBars(bars, readsSeries(windows)),
    dataset_id: dataset.snapshotId,
    label_policy: labelPolicy(parts.policy),
    configuration: configurationSummary(settings),
    engine: { name: train.engine, parameters: engineParameters(settings) },
    ...thresholds,
    search: parts.search,
    risk_quantiles: [...parts.riskQuantiles],
    ...expectationContent(parts),
    ...(parts.inputs && { inputs: parts.inputs }),
    metrics: {
      ...perModel((name) => modelReport(models[name], dataset.histories, servedByPooled(name, parts))),
      ai2_parts: { ...dataset.riskParts },
      ai2_parts_auc: aucOfRiskParts(dataset, models.ai2.validation.holdoutScores),
      ...(parts.net && { net: parts.net.report }),
    },
    edge: parts.edge,
    holdout_look: { look: parts.look, level: lookLevel(parts.look) },
    trials: parts.trials,
    backtest: parts.backtest,
    executability: parts.executability,
    skill: parts.skill,
    ...(models.ai1.validation.report.warnings.length > 0 && {
      warnings: [...models.ai1.validation.report.warnings],
    }),
    ...(dataset.outsideColumns.length > 0 && { outside_columns: [...dataset.outsideColumns] }),
    gates: parts.gates,
    golden: goldenVectors(dataset, {
      ...perModel((name) => models[name].learned),
      ...(parts.net && { net: parts.net }),
    }),
    ...(parts.groups.length > 0 && { groups: parts.groups.map((group) => groupContent(group, parts.net)) }),
  };
}

/** Training parameters as plain values, `section.key`, with the policy_hash. */
export function configurationSummary({ minutehand, policyHash }: Settings): NonNullable<Manifest['configuration']> {
  const { train, search, label, decision } = minutehand;
  const entries = Object.entries({ train, search, label, decision }).flatMap(([section, values]) =>
    Object.entries(values).flatMap(([key, value]) =>
      typeof value === 'object' && value !== null
        ? []
        : [[`${section}.${key}`, value as string | number | boolean | null]],
    ),
  );
  return {
    policy_hash: policyHash,
    ...Object.fromEntries(entries),
    ...ensembleSummary(train),
    ...networksSummary(train),
    ...balanceSummary(train),
  };
}

/** What an ensemble consists of, the default members as well; of other engines nothing. */
function ensembleSummary(train: Settings['minutehand']['train']): Record<string, string | number | boolean> {
  const { voteMembers, bagging, stacking } = ensembleParameters(train);
  if (train.engine === 'vote') return { 'train.vote_members': voteMembers.join(' ') };
  if (train.engine === 'bagging')
    return {
      'train.bagging.learners': bagging.members.join(' '),
      'train.bagging.fraction': bagging.fraction,
      ...(bagging.seed !== null && { 'train.bagging.seed': bagging.seed }),
    };
  if (train.engine === 'stacking')
    return {
      'train.stacking.members': stacking.members.join(' '),
      'train.stacking.meta': stacking.meta,
      'train.stacking.folds': stacking.blocks,
      'train.stacking.probabilities': stacking.probabilities,
      ...(stacking.seed !== null && { 'train.stacking.seed': stacking.seed }),
    };
  return {};
}

/** What is configured against imbalance of the classes; nothing where nothing is. */
function balanceSummary({ balance }: Settings['minutehand']['train']): Record<string, string> {
  const configured = BALANCED_ROLES.flatMap((role) => {
    const method = balance?.[role];
    return method === undefined ? [] : [[`train.balance.${role}`, method] as const];
  });
  return Object.fromEntries(configured);
}

/** Figures of the networks, the default ones as well; of other engines nothing. */
function networksSummary({ engine, networks }: Settings['minutehand']['train']): Record<string, number> {
  if (!isNetwork(engine)) return {};
  return Object.fromEntries(
    MODEL_NAMES.flatMap((model) =>
      Object.entries(networkParameters(networks, model)).map(([key, value]) => [
        `train.networks.${model}.${key}`,
        value,
      ]),
    ),
  );
}

/** Label parameters, as in the manifest. */
export function labelPolicy({ barriers, risk, scale }: DatasetPolicy): Record<string, number> {
  return { ...prefixed('ai1', barriers), ...prefixed('ai2', risk), ...prefixed('ai3', scale) };
}

/** For all pairs, as if each had an edge. */
function countTrades(edge: Readonly<Record<string, PairEdge>>): { trades: number; wins: number } {
  const pairs = Object.values(edge);
  const sum = (of: (pair: PairEdge) => number): number => pairs.reduce((total, pair) => total + of(pair), 0);
  return { trades: sum(({ trades }) => trades), wins: sum(({ wins = 0 }) => wins) };
}

/**
 * Checks that the daemon accepts the bundle: reads, verifies, loads and compares it with its golden answers. A failing
 * bundle is removed, or it would remain as the newest.
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

/** AUC of AI2 on the holdout with each part alone as the label. */
function aucOfRiskParts(dataset: Dataset, scores: Float64Array): Record<RiskPart, number | null> {
  const { parts } = dataset.holdout.ai2;
  return Object.fromEntries(RISK_PARTS.map((part) => [part, auc(scores, parts[part])])) as Record<
    RiskPart,
    number | null
  >;
}

/** @param withSeries also over the auxiliary series that these bars can see: where formulas read any */
export function hashBars(bars: ReadonlyMap<string, BarColumns>, withSeries = false): string {
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
    if (withSeries) hashSeries(hash, columns);
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

/** AI1's horizon differs from that of the others, so names are prefixed. */
function prefixed(model: ModelName, parameters: object): Record<string, number> {
  return Object.fromEntries(
    Object.entries(numericParameters(parameters)).map(([key, value]) => [`${model}_${key}`, value]),
  );
}
