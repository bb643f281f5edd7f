import { ownGroups, type Manifest, type ModelMetrics } from '../../../shared/bundle/manifest.ts';
import { pool, type BundleResult } from '../../learning/strategies/pair_reversion/backtest/period.ts';
import { auc } from '../../learning/measures/metrics.ts';
import {
  compareAuc,
  compareWinRate,
  type Compared,
  type LabelCounts,
  type WinCount,
} from '../../learning/profile/performance_drift.ts';

export interface LivePerformance {
  readonly auc: Compared;
  readonly win_rate: Compared;
}

/** Of the pairs that the pooled models serve; and of each group with models of its own, if there is one. */
export interface ServedPerformance extends LivePerformance {
  readonly groups?: Readonly<Record<string, LivePerformance>>;
}

export interface LiveResult extends Pick<BundleResult, 'ai1'> {
  readonly trades: BundleResult['all_pairs']['trades'];
  /** The day of each trade, 0 … `dayCount` − 1. */
  readonly days: readonly number[];
  readonly dayCount: number;
  /** Of AI1's evaluation label, of these pairs. */
  countLabels(pairs: readonly string[]): LabelCounts;
}

/**
 * AI1's AUC and the win rate of pairs that share models, each against the holdout of those models on those pairs. A
 * group whose AI1 is the pooled one has no AUC: its rows count among the pooled ones.
 * @param backtest of the holdout of all pairs
 */
export function servedPerformance(live: LiveResult, manifest: Manifest, backtest: WinCount | null): ServedPerformance {
  const { metrics, edge } = manifest;
  const groups = ownGroups(manifest);
  const compare = (
    ranked: (pairId: string) => boolean,
    holdout: ModelMetrics | null,
    traded: (pairId: string) => boolean,
    wins: WinCount | null,
  ): LivePerformance => {
    const ids = Object.keys(live.ai1).filter(ranked);
    const { scores, labels } = pool(ids.map((id) => live.ai1[id]!));
    const kept = [...live.trades.keys()].filter((i) => traded(live.trades[i]!.pairId));
    const trades = kept.map((i) => live.trades[i]!);
    const days = kept.map((i) => live.days[i]!);
    return {
      auc: compareAuc(auc(scores, labels), live.countLabels(ids), holdout),
      win_rate: compareWinRate(trades, days, live.dayCount, wins),
    };
  };
  if (groups.length === 0) return compare(everyPair, metrics.ai1.holdout, everyPair, backtest);
  const hasOwn = (pairId: string): boolean => groups.some(({ pairs }) => pairs.includes(pairId));
  const withAi1 = groups.filter(({ own }) => own.files.ai1 !== undefined);
  const isRankedAlone = (pairId: string): boolean => withAi1.some(({ pairs }) => pairs.includes(pairId));
  const pooledHoldout = withAi1.length === 0 ? metrics.ai1.holdout : (metrics.ai1.holdout_served ?? null);
  const winsOf = (isWanted: (pairId: string) => boolean): WinCount | null =>
    countWins(Object.entries(edge).flatMap(([id, own]) => (isWanted(id) ? [own] : [])));
  const isPooled = (pairId: string): boolean => !hasOwn(pairId);
  const ofGroups = groups.map(({ name, pairs, own }): [string, LivePerformance] => {
    const isIn = (pairId: string): boolean => pairs.includes(pairId);
    const isRanked = own.files.ai1 === undefined ? noPair : isIn;
    return [name, compare(isRanked, own.metrics.ai1?.holdout ?? null, isIn, winsOf(isIn))];
  });
  return {
    ...compare((id) => !isRankedAlone(id), pooledHoldout, isPooled, winsOf(isPooled)),
    groups: Object.fromEntries(ofGroups),
  };
}

const everyPair = (): boolean => true;
const noPair = (): boolean => false;

/** null where wins were not counted. */
function countWins(edges: readonly Manifest['edge'][string][]): WinCount | null {
  const sum = { trades: 0, wins: 0 };
  for (const { trades, wins } of edges) {
    if (wins === undefined) return null;
    sum.trades += trades;
    sum.wins += wins;
  }
  return sum;
}
