import { join } from 'node:path';
import { isoMinute, type OpenTime } from '../../shared/bar.ts';
import { clipBars, type BarColumns } from '../../shared/bar_file/bar_file.ts';
import { readActive } from '../../shared/bundle/bundle.ts';
import { featureSchema } from '../../shared/bundle/feature_schema.ts';
import type { ModelMetrics } from '../../shared/bundle/manifest.ts';
import { loadModelSet, type ModelSet } from '../../shared/bundle/model_set.ts';
import { describeError } from '../../shared/errors.ts';
import { parsePair } from '../../shared/pair.ts';
import { WARM_UP_SECONDS } from '../../shared/core/features/features.ts';
import { decisionPolicy, type Settings } from '../../shared/policy/policy.ts';
import { backtestPeriod, ROWS_PER_SCORE, type BundleResult } from '../backtest/period.ts';
import { datasetPolicy } from '../dataset/dataset_policy.ts';
import type { TrainResult } from '../pipeline.ts';

/** How far a challenger may fall behind the champion: in AUC, and as a share of the champion's Sharpe ratio. */
const AUC_TOLERANCE = 0.02;
const SHARPE_TOLERANCE = 0.1;
const LEAST_AUC = 0.52;
/** With fewer entry candidates that neither has seen, nothing can be compared. */
const FEWEST_CANDIDATES = 50;

export interface GateResult {
  readonly name: string;
  readonly passed: boolean;
  readonly seen: string;
  readonly limit: string;
}

export interface AdoptionContext {
  readonly settings: Settings;
  /** The bars that the challenger was made of. */
  readonly bars: ReadonlyMap<string, BarColumns>;
  /** Where the champion is: the folder with active.json. */
  readonly modelsFolder: string;
  readonly workers: number;
  onProgress(stage: string, done: number, total: number): void;
}

/**
 * Whether a new bundle may be put in force: it loads and answers in onnxruntime as its learner did, all tests of its training have passed, and on the
 * same bars, which neither has learned from, it is not worse than the champion.
 */
export async function judge(result: TrainResult, context: AdoptionContext): Promise<GateResult[]> {
  const golden = { name: 'golden vectors', limit: 'onnxruntime answers within 1e-5 of the learner' };
  let challenger: ModelSet;
  try {
    challenger = await loadModelSet(result.path, schemaOf(context), ROWS_PER_SCORE);
  } catch (error) {
    return [...result.gates, { ...golden, passed: false, seen: describeError(error).message }];
  }
  try {
    const rows = result.manifest.golden.features.length;
    const loaded = { ...golden, passed: true, seen: `${rows} rows in each of three models` };
    return [...result.gates, loaded, ...(await judgeAgainstChampion(result, challenger, context))];
  } finally {
    await challenger.release();
  }
}

/** A model that learned nothing (as from shuffled labels) ranks like a coin and is no better than always answering the mean. */
export function judgeSkill({ auc: rank, brier, brier_of_mean }: ModelMetrics): GateResult[] {
  return [
    {
      name: 'ai1 auc',
      passed: rank !== null && rank >= LEAST_AUC,
      seen: shown(rank),
      limit: `at least ${LEAST_AUC} on the holdout`,
    },
    {
      name: 'ai1 brier',
      passed: brier !== null && brier_of_mean !== null && brier < brier_of_mean,
      seen: shown(brier),
      limit: `below ${shown(brier_of_mean)}, that of the mean`,
    },
  ];
}

/** @param risks risk scores of the holdout's entry candidates */
export function judgePassRate(
  risks: Float64Array,
  theta2: number,
  [lowest, highest]: readonly [number, number],
): GateResult {
  const passed = risks.reduce((count, risk) => count + (risk < theta2 ? 1 : 0), 0);
  const rate = risks.length === 0 ? 0 : passed / risks.length;
  return {
    name: 'risk pass rate',
    passed: rate >= lowest && rate <= highest,
    seen: `${percent(rate)} of ${risks.length} candidates`,
    limit: `from ${percent(lowest)} to ${percent(highest)} of the holdout's`,
  };
}

async function judgeAgainstChampion(
  result: TrainResult,
  challenger: ModelSet,
  context: AdoptionContext,
): Promise<GateResult[]> {
  const champion = await openChampion(result, context);
  if (typeof champion === 'string')
    return [{ name: 'champion', passed: true, seen: champion, limit: 'none to compare with' }];
  try {
    return await compare(result, champion, challenger, context);
  } finally {
    await champion.release();
  }
}

async function compare(
  { dataset }: TrainResult,
  champion: ModelSet,
  challenger: ModelSet,
  { settings, bars, workers, onProgress }: AdoptionContext,
): Promise<GateResult[]> {
  const championFrom = Date.parse(champion.manifest.period.holdout_from) / 1000;
  const from = Math.max(dataset.holdoutFrom, championFrom) as OpenTime;
  const { time } = dataset.evaluation.holdout;
  const candidates = time.reduce((count, at) => count + (at >= from ? 1 : 0), 0);
  if (candidates < FEWEST_CANDIDATES) {
    return [
      {
        name: 'champion',
        passed: false,
        seen: `${candidates} entry candidates that neither these models nor ${champion.version} have learned from`,
        limit: `at least ${FEWEST_CANDIDATES} to compare by`,
      },
    ];
  }
  const warmFrom = (from - WARM_UP_SECONDS) as OpenTime;
  const { bundles } = await backtestPeriod({
    pairs: settings.minutehand.pairs.map(parsePair),
    bars: new Map([...bars].map(([symbol, columns]) => [symbol, clipBars(columns, warmFrom)])),
    from,
    sets: [champion, challenger],
    policy: decisionPolicy(settings),
    labels: datasetPolicy(settings),
    costs: settings.minutehand.symbols,
    workers,
    onProgress: (done, total) => onProgress('champion and challenger', done, total),
  });
  const [old, young] = bundles as [BundleResult, BundleResult];
  const since = `since ${isoMinute(from)}`;
  return judgeComparison(old, young).map((gate) => ({ ...gate, seen: `${gate.seen} ${since}` }));
}

/** What a comparison asks of each side: AI1's AUC, and the backtest as if every pair had an edge. */
export interface Compared {
  readonly version: string;
  readonly models: { readonly ai1: Pick<ModelMetrics, 'auc'> };
  readonly gate_off: { readonly total: { readonly net_sharpe: number | null; readonly trades: number } };
}

/** Whether the challenger is not worse than the champion, both on the same bars. Who does not trade earns nothing: a ratio of 0. */
export function judgeComparison(champion: Compared, challenger: Compared): GateResult[] {
  const [oldAuc, youngAuc] = [champion.models.ai1.auc, challenger.models.ai1.auc];
  const [old, young] = [champion.gate_off.total, challenger.gate_off.total];
  const [oldSharpe, youngSharpe] = [old.net_sharpe ?? 0, young.net_sharpe ?? 0];
  const leastSharpe = oldSharpe - SHARPE_TOLERANCE * Math.abs(oldSharpe);
  return [
    {
      name: 'champion auc',
      passed: oldAuc === null || (youngAuc !== null && youngAuc >= oldAuc - AUC_TOLERANCE),
      seen: `${shown(youngAuc)} against ${shown(oldAuc)} of ${champion.version}`,
      limit: `not more than ${AUC_TOLERANCE} below`,
    },
    {
      name: 'champion net sharpe',
      passed: youngSharpe >= leastSharpe,
      seen: `${youngSharpe.toFixed(2)} of ${young.trades} trades against ${oldSharpe.toFixed(2)} of ${old.trades} of ${champion.version}`,
      limit: `at least ${leastSharpe.toFixed(2)}, as if every pair had an edge`,
    },
  ];
}

/** The active bundle, or why there is none to compare with: one that cannot be used does not keep its successor out. */
async function openChampion(result: TrainResult, context: AdoptionContext): Promise<ModelSet | string> {
  const { modelsFolder } = context;
  try {
    const active = readActive(modelsFolder);
    if (active === null) return 'there is none';
    const champion = await loadModelSet(join(modelsFolder, active.version), schemaOf(context), ROWS_PER_SCORE);
    const { market } = champion.manifest;
    if (market === result.manifest.market) return champion;
    await champion.release();
    return `${active.version} was trained on a ${market} market`;
  } catch (error) {
    return describeError(error).message;
  }
}

function schemaOf({ settings }: AdoptionContext): ReturnType<typeof featureSchema> {
  return featureSchema(settings.minutehand.windows);
}

function shown(value: number | null): string {
  return value === null ? 'none' : value.toFixed(4);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
