import { checkTimeframes } from '../../../../../shared/bar_file/own_timeframe.ts';
import { legBars } from '../../../../../shared/bar_file/resampled_bars.ts';
import { isoMinute, SECONDS_PER_BAR, type OpenTime } from '../../../../../shared/bar.ts';
import type { BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import { featureSchema } from '../../../../../shared/bundle/feature_schema.ts';
import type { Matrix } from '../../../../../shared/bundle/onnx/tree_ensemble.ts';
import { featureDefinitions } from '../../../../../shared/core/features/features.ts';
import { perModel, type FeatureDefinition, type ModelName } from '../../../../../shared/core/features/feature.ts';
import { sequenceBars, type Windows } from '../../../../../shared/core/features/windows.ts';
import { MinutehandError } from '../../../../../shared/errors.ts';
import { earlierText, type RecentBars } from '../../../../../shared/core/recent_history.ts';
import { barSecondsOf, symbolsOf, type Pair } from '../../../../../shared/pair.ts';
import { meanOf } from '../../../../../shared/statistics.ts';
import { withOtherBars } from '../../../../../shared/bar_file/other_bars.ts';
import type { PairLabelPolicy, RiskPart } from '../label/pair_labels.ts';
import type { Barriers } from '../label/reversion.ts';
import type { RiskLabelPolicy } from '../label/risk.ts';
import type { ScaleLabelPolicy } from '../label/scale.ts';
import { applyTable, type TabledBuild } from './apply_table.ts';
import { checkSchema, type FeatureSource } from '../../../feature_table/feature_table.ts';
import type { DatasetRows } from '../../../dataset/dataset_rows.ts';
import type { RiskRows } from './risk_rows.ts';
import { gatherBars, gatherFeatures, gatherPart, gatherRows, type BarTable } from './labeled_rows.ts';
import type { KeptBuild, PairPolicy, PairTask } from './pair_build.ts';
import type { CacheOptions } from '../../../dataset/cache_folder.ts';
import { openPairCache, pairKeys, type CacheReport } from './pair_cache.ts';
import { wholeHistory, type KeptHistory } from '../../../history/kept_history.ts';
import { countCommonMinutes, HISTORY_COLUMNS, recentCommonMinutes } from '../../../history/pair_history.ts';
import { unknownValues } from './pair_columns.ts';
import type { Scratch } from './scratch.ts';
import { buildPairs } from './pair_pool.ts';
import { hasSameBars, selectRows } from './row_list.ts';
import { snapshotId } from '../../../dataset/snapshot.ts';

export type { DatasetRows, LabeledRows } from '../../../dataset/dataset_rows.ts';
export type { RiskRows } from './risk_rows.ts';

/** Labels look an hour ahead: more than one row in five minutes adds training time and hardly any information. */
const DENSEST_SHARE = 0.2;

export interface DatasetPolicy {
  readonly windows: Windows;
  /** Barriers of AI1's training label; its evaluation label is fixed. */
  readonly barriers: Barriers;
  readonly risk: RiskLabelPolicy;
  readonly scale: ScaleLabelPolicy;
  /** Fraction of time at the end that is reserved for the holdout. */
  readonly holdoutFraction: number;
  /** Start of the holdout, overriding the fraction; null: by the fraction. */
  readonly holdoutFrom: OpenTime | null;
  /** Maximum rows of the training period per model, evenly spread over time. */
  readonly maxRows: number;
  /** Columns that a model does not get, by model; absent: none. */
  readonly leftOut?: { readonly [Model in ModelName]?: readonly string[] | undefined };
  /** A pair with fewer common bars up to its newest one, without a gap of more than five days, is excluded. */
  readonly minBars: number;
}

export interface DatasetOptions {
  /** Threads that build pairs; 0 = the calling thread. Affects speed only, not results. */
  readonly workers: number;
  /** null: no cache. Affects speed only, not results. */
  readonly cache: CacheOptions | null;
  /** Where histories are kept; null or absent: in memory. Affects memory only, not results. */
  readonly scratch?: Scratch | null;
  /** External features and labels that replace the engine's; absent = none. */
  readonly source?: FeatureSource | null;
  /** Called after each pair, with the number of completed pairs. */
  onProgress(done: number, total: number, pair: string): void;
}

export interface ModelRows {
  readonly ai1: DatasetRows;
  readonly ai2: RiskRows;
  readonly ai3: DatasetRows;
}

export interface Dataset {
  readonly definitions: readonly FeatureDefinition[];
  /** In memory, or in the files of `DatasetOptions.scratch` while these are open. */
  readonly histories: readonly KeptHistory[];
  /** Rows whose labels were known before the holdout. */
  readonly train: ModelRows;
  /** Rows of the holdout. AI1: all candidates. AI2, AI3: thinned like the training rows. */
  readonly holdout: ModelRows;
  /**
   * All candidates of AI1's evaluation label, never thinned; the same objects as `train.ai1` and `holdout.ai1` if those
   * are identical. z uses the dataset's own windows, so bundles with other windows are evaluated on other candidates.
   */
  readonly evaluation: Readonly<Record<'train' | 'holdout', DatasetRows>>;
  readonly from: OpenTime;
  readonly to: OpenTime;
  readonly holdoutFrom: OpenTime;
  /** Share of AI2's training rows in which each part is 1. */
  readonly riskParts: Readonly<Record<RiskPart, number>>;
  /** 64 hex digits identifying the models' input. See `snapshotId`. */
  readonly snapshotId: string;
  /** null without a cache. */
  readonly cache: CacheReport | null;
  /** Columns of a feature table whose values are not those that the daemon computes from the same bars. */
  readonly outsideColumns: readonly string[];
}

/**
 * Bars → features by the daemon's core → labels. The last part of the period is the holdout. It does not overlap with
 * the training rows, because a training row's label must be known before the holdout begins.
 *
 * Pairs are built one after the other (on each thread). Apart from the bars, a pair takes 116 bytes per warm bar plus 4
 * per kept feature: of all bars of the holdout, all candidates, and the sampled minutes, at most `maxRows`. With
 * `scratch` they are in a file, and in memory only for the pair that is worked on. A row of a model takes 36 bytes
 * (AI2: 60) plus 4 per feature, which AI2 and AI3 share. With 38 features and eight months of real bars, ten pairs of
 * twelve symbols have 2.4 million bars: 0.37 GB of histories, 0.11 GB of rows.
 *
 * Where models get a sequence of rows, the features of all warm bars are kept, and one table of them serves all models:
 * 4 bytes per bar and feature, with the same ten pairs 0.37 GB.
 * @throws MinutehandError DATA_MISSING, DATA_TOO_SHORT, DATA_FORMAT as `checkTimeframes`
 */
export async function buildDataset(
  pairs: readonly Pair[],
  known: ReadonlyMap<string, BarColumns>,
  policy: DatasetPolicy,
  options: DatasetOptions,
): Promise<Dataset> {
  checkTimeframes(pairs, known);
  const bars = withOtherBars(known, policy.windows);
  const counted = pairs.map((pair) => ({
    pair,
    common: countCommonMinutes(legBars(bars, pair, 'a'), legBars(bars, pair, 'b')),
    recent: recentCommonMinutes(legBars(bars, pair, 'a'), legBars(bars, pair, 'b'), barSecondsOf(pair)),
  }));
  const usable = counted.filter(({ recent }) => recent !== null && recent.bars >= policy.minBars);
  if (usable.length === 0) throw noUsablePair(counted, bars, policy.minBars);
  const symbols = symbolsOf(usable.map(({ pair }) => pair));
  const used = symbols.map((symbol) => bars.get(symbol)!);
  const from = Math.min(...used.map(({ time }) => time[0]!)) as OpenTime;
  const to = Math.max(...used.map(({ time, length }) => time[length - 1]!)) as OpenTime;
  const holdoutMinutes = Math.floor(((to - from) / SECONDS_PER_BAR) * policy.holdoutFraction);
  const holdoutFrom = policy.holdoutFrom ?? ((to - holdoutMinutes * SECONDS_PER_BAR) as OpenTime);

  if (holdoutFrom <= from)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `a holdout from ${isoMinute(holdoutFrom)}`,
      expected: `one that begins after the first bar, ${isoMinute(from)}`,
    });
  if (holdoutFrom > to)
    throw new MinutehandError('DATA_TOO_SHORT', {
      seen: `a holdout from ${isoMinute(holdoutFrom)}, which has no bar`,
      expected: `one that begins before the last bar, ${isoMinute(to)}`,
      next: 'Choose an earlier --holdout-from: what is not measured on bars that the models have not seen cannot pass a gate.',
    });

  // AI2 and AI3 score every bar but are trained on a sample, because neighbors are nearly identical.
  const commonBars = usable.reduce((sum, { common }) => sum + common, 0);
  const share = Math.min(DENSEST_SHARE, (policy.maxRows * (to - from)) / (commonBars * (holdoutFrom - from)));
  const tasks = usable.map(({ pair }): PairTask => {
    const own: PairPolicy = { ...pairPolicy(policy), share, holdoutFrom };
    return { pair, a: legBars(bars, pair, 'a')!, b: legBars(bars, pair, 'b')!, policy: own };
  });
  const definitions = withoutLeftOut(featureDefinitions(policy.windows), policy.leftOut);
  const { source = null } = options;
  if (source !== null) checkSchema(source, definitions);
  const { builds: computed, cache } = await buildAll(tasks, options);
  const tabled = source === null ? null : await applyToAll(source, computed, definitions);
  const builds = tabled ?? computed;
  const outside = new Set(tabled?.flatMap((build) => build.outside));

  const isTraining = (_time: number, labelEnd: number): boolean => labelEnd < holdoutFrom;
  const isHoldout = (time: number): boolean => time >= holdoutFrom;
  const gathering: Gathering = {
    builds,
    columns: definitions.length,
    table: gatherBars(builds, definitions.length, sequenceBars(policy.windows)),
  };
  const train = gatherModels(gathering, isTraining, policy.maxRows);
  const holdout = gatherModels(gathering, isHoldout, Infinity);
  const evaluation = {
    train: gatherEvaluation(gathering, isTraining, train.ai1),
    holdout: gatherEvaluation(gathering, isHoldout, holdout.ai1),
  };
  const identity = {
    schema: featureSchema(policy.windows).hash,
    policy,
    pairs: usable.map(({ pair }) => pair.id),
    period: [from, to, holdoutFrom],
  };
  const sets = [train, holdout].flatMap(({ ai1, ai2, ai3 }) => [ai1, ai2, ai3]);
  return {
    definitions,
    histories: builds.map(({ history }) => history),
    train,
    holdout,
    evaluation,
    from,
    to,
    holdoutFrom,
    riskParts: perRiskPart((part) => shareOfOnes(train.ai2.parts[part])),
    snapshotId: snapshotId(identity, [...sets, evaluation.train, evaluation.holdout]),
    cache,
    outsideColumns: [...outside],
  };
}

/**
 * The definitions, of which a model does not use those that it is to leave out. They stay columns of the matrix.
 * @throws MinutehandError CONFIG_INVALID for a name that is no column of the model
 */
export function withoutLeftOut(
  definitions: readonly FeatureDefinition[],
  leftOut: DatasetPolicy['leftOut'] = {},
): readonly FeatureDefinition[] {
  for (const [model, names = []] of Object.entries(leftOut)) {
    const own = definitions.filter(({ models }) => models.includes(model as ModelName)).map(({ name }) => name);
    const unknown = names.find((name) => !own.includes(name));
    if (unknown !== undefined)
      throw new MinutehandError('CONFIG_INVALID', {
        seen: `train.left_out.${model}: ${unknown}`,
        expected: `columns of ${model}: ${own.join(', ')}`,
      });
  }
  return definitions.map((definition) => {
    const models = definition.models.filter((model) => leftOut[model]?.includes(definition.name) !== true);
    return models.length === definition.models.length ? definition : { ...definition, models };
  });
}

/** Reads cached pairs, builds the others, and caches them. */
async function buildAll(
  tasks: readonly PairTask[],
  { workers, cache: cacheOptions, scratch = null, onProgress }: DatasetOptions,
): Promise<{ builds: KeptBuild[]; cache: CacheReport | null }> {
  const cache = cacheOptions === null ? null : openPairCache(cacheOptions);
  const keys = cache === null ? [] : pairKeys(tasks);
  const builds = tasks.map((task, i) => cache?.read(keys[i]!, task, scratch) ?? null);
  const absent = tasks.flatMap((_, i) => (builds[i] === null ? [i] : []));
  let done = tasks.length - absent.length;
  onProgress(done, tasks.length, '');
  await buildPairs(
    absent.map((i) => tasks[i]!),
    workers,
    (build, n) => {
      const i = absent[n]!;
      const kept: KeptBuild = cache?.write(keys[i]!, build, scratch) ?? build;
      builds[i] = kept === build && scratch !== null ? scratch.store(build) : kept;
      onProgress(++done, tasks.length, tasks[i]!.pair.id);
    },
  );
  cache?.prune();
  // One memory for the longest, of which shorter ones are parts.
  unknownValues(Math.max(0, ...builds.map((build) => build!.history.length)));
  return { builds: builds.map((build) => withoutUnknown(build!)), cache: cache?.report() ?? null };
}

/** Columns in which nothing is known, such as spreads that the source does not quote, share one memory of NaN. */
function withoutUnknown({ history, labels }: KeptBuild): KeptBuild {
  if ('read' in history) return { history, labels };
  const columns = HISTORY_COLUMNS.filter((name) => history[name].every(Number.isNaN));
  const shared = Object.fromEntries(columns.map((name) => [name, unknownValues(history.length)]));
  return { history: { ...history, ...shared }, labels };
}

/** One pair after the other, so that only one table is in memory. */
async function applyToAll(
  source: FeatureSource,
  computed: readonly KeptBuild[],
  definitions: readonly FeatureDefinition[],
): Promise<TabledBuild[]> {
  const names = definitions.map(({ name }) => name);
  const builds: TabledBuild[] = [];
  for (const { history, labels } of computed)
    builds.push(await applyTable(source, { history: wholeHistory(history), labels }, names));
  return builds;
}

type IsWanted = (time: number, labelEnd: number) => boolean;

/** What rows are gathered from. */
interface Gathering {
  readonly builds: readonly KeptBuild[];
  readonly columns: number;
  /** null: models get each row alone. */
  readonly table: BarTable | null;
}

function gatherModels({ builds, columns, table }: Gathering, isWanted: IsWanted, most: number): ModelRows {
  const lists = perModel((model) => selectRows(builds, ({ labels }) => labels[model], isWanted, most));
  const rowsOf = (model: ModelName, x: Matrix): DatasetRows =>
    gatherRows(builds, lists[model], ({ labels }) => labels[model], x);
  const x = gatherFeatures(builds, lists.ai2, columns, table);
  const ai3 = hasSameBars(lists.ai2, lists.ai3) ? x : gatherFeatures(builds, lists.ai3, columns, table);
  return {
    ai1: rowsOf('ai1', gatherFeatures(builds, lists.ai1, columns, table)),
    ai2: { ...rowsOf('ai2', x), parts: perRiskPart((part) => gatherPart(builds, lists.ai2, part)) },
    ai3: rowsOf('ai3', ai3),
  };
}

/** @param ai1 the training rows, returned if they are identical */
function gatherEvaluation({ builds, columns, table }: Gathering, isWanted: IsWanted, ai1: DatasetRows): DatasetRows {
  const list = selectRows(builds, ({ labels }) => labels.evaluation, isWanted, Infinity);
  const isLearned = builds.every(({ labels }) => labels.evaluation === labels.ai1) && list.length === ai1.x.rows;
  if (isLearned) return ai1;
  return gatherRows(builds, list, ({ labels }) => labels.evaluation, gatherFeatures(builds, list, columns, table));
}

function pairPolicy({
  windows,
  barriers,
  risk,
  scale,
}: DatasetPolicy): PairLabelPolicy & { readonly windows: Windows } {
  return { windows, barriers, risk, scale };
}

function perRiskPart<T>(make: (part: RiskPart) => T): Record<RiskPart, T> {
  return { drawdown: make('drawdown'), volatility: make('volatility'), correlation: make('correlation') };
}

function shareOfOnes(labels: Float64Array): number {
  return labels.length === 0 ? 0 : meanOf(labels);
}

function noUsablePair(
  counted: readonly { readonly pair: Pair; readonly recent: RecentBars | null }[],
  bars: ReadonlyMap<string, BarColumns>,
  minBars: number,
): MinutehandError {
  const symbols = new Set(counted.flatMap(({ pair: { a, b } }) => [a, b]));
  const present = [...symbols].filter((symbol) => (bars.get(symbol)?.length ?? 0) > 0);
  if (present.length === 0)
    return new MinutehandError('DATA_MISSING', { seen: 'no bars', expected: `bars of ${[...symbols].join(', ')}` });
  const minutes = counted.map(({ pair, recent }) => {
    if (recent === null) return `${pair.id} 0`;
    return `${pair.id} ${recent.bars}${recent.before === null ? '' : ` (${earlierText(recent)})`}`;
  });
  return new MinutehandError('DATA_TOO_SHORT', {
    seen: `minutes that both legs have: ${minutes.join(', ')}`,
    expected: `at least ${minBars} for a pair, without a gap of more than five days`,
  });
}
