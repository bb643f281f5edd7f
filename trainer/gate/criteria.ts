import type { OpenTime } from '../../shared/bar.ts';
import type { Executability, ModelMetrics } from '../../shared/bundle/manifest.ts';
import type { RetrainPolicy } from '../../shared/policy/schema.ts';

/** Adoption limits: retrain_policy.yaml. */
export type AdoptionLimits = Pick<
  RetrainPolicy,
  'adopt_min_auc' | 'adopt_min_candidates' | 'adopt_min_sharpe_gain' | 'adopt_max_auc_loss'
>;

export interface GateResult {
  readonly name: string;
  readonly passed: boolean;
  readonly seen: string;
  readonly limit: string;
}

/** A model without skill (as with shuffled labels) has an AUC of about 0.5. */
export function checkAuc({ auc }: Pick<ModelMetrics, 'auc'>, least: number): GateResult {
  return {
    name: 'ai1 auc',
    passed: auc !== null && auc >= least,
    seen: shown(auc),
    limit: `at least ${least} on the holdout`,
  };
}

/** A model without skill is no better than predicting the mean. */
export function checkBrier({ brier, brier_baseline }: Pick<ModelMetrics, 'brier' | 'brier_baseline'>): GateResult {
  return {
    name: 'ai1 brier',
    passed: brier !== null && brier_baseline !== null && brier < brier_baseline,
    seen: shown(brier),
    limit: `below ${shown(brier_baseline)}, that of the baseline`,
  };
}

/** @param risks risk scores of the holdout's entry candidates */
export function checkPassRate(
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

/**
 * Whether enough of the net result remains without the widest minutes, or with delayed entries. Passes without trades.
 */
export function checkExecutable(
  name: string,
  { trades, net_bps, narrow_net_bps, delayed_net_bps }: Executability,
  left: 'narrow_net_bps' | 'after_1',
  { executable_share_min }: { readonly executable_share_min: number },
): GateResult {
  const limit = `above 0, and at least ${percent(executable_share_min)} of it`;
  if (trades === 0 || net_bps === null) return { name, passed: true, seen: 'no pair with an edge', limit };
  if (net_bps <= 0)
    return { name, passed: true, seen: `${net_bps.toFixed(2)} bps per trade: no net result to lose`, limit };
  const remains = (left === 'after_1' ? delayed_net_bps.after_1 : narrow_net_bps) ?? 0;
  return {
    name,
    passed: remains > 0 && remains >= executable_share_min * net_bps,
    seen: `${remains.toFixed(2)} of ${net_bps.toFixed(2)} bps per trade, ${trades} trades`,
    limit,
  };
}

/**
 * Why the challenger cannot be compared with the champion `version`; null if it can.
 * @param times open times of the holdout's entry candidates
 * @param from start of the comparison: neither side was trained on bars that open at or after it
 */
export function checkCandidates(
  times: ArrayLike<number>,
  from: OpenTime,
  version: string,
  { adopt_min_candidates: least }: Pick<AdoptionLimits, 'adopt_min_candidates'>,
): GateResult | null {
  const candidates = Array.from(times).filter((time) => time >= from).length;
  if (candidates >= least) return null;
  return {
    name: 'champion',
    passed: false,
    seen: `${candidates} entry candidates that neither these models nor ${version} have learned from`,
    limit: `at least ${least} to compare by`,
  };
}

/** Metrics of each side of a comparison: AI1's AUC, and the backtest as if every pair had an edge. */
export interface Compared {
  readonly version: string;
  readonly models: { readonly ai1: Pick<ModelMetrics, 'auc'> };
  readonly all_pairs: { readonly total: { readonly net_sharpe: number | null; readonly trades: number } };
}

/** Whether the challenger's AUC is not worse than the champion's on the same bars. */
export function checkChampionAuc(
  champion: Compared,
  challenger: Compared,
  { adopt_max_auc_loss: most }: AdoptionLimits,
): GateResult {
  const [old, young] = [champion.models.ai1.auc, challenger.models.ai1.auc];
  return {
    name: 'champion auc',
    passed: old === null || (young !== null && young >= old - most),
    seen: `${shown(young)} against ${shown(old)} of ${champion.version}`,
    limit: `not more than ${most} below`,
  };
}

/**
 * Whether the challenger's Sharpe ratio exceeds the champion's by the minimum gain on the same bars. Without trades the
 * ratio is 0.
 */
export function checkChampionSharpe(
  champion: Compared,
  challenger: Compared,
  { adopt_min_sharpe_gain: gain }: AdoptionLimits,
): GateResult {
  const [old, young] = [champion.all_pairs.total, challenger.all_pairs.total];
  const [oldSharpe, youngSharpe] = [old.net_sharpe ?? 0, young.net_sharpe ?? 0];
  const leastSharpe = oldSharpe + gain;
  return {
    name: 'champion net sharpe',
    passed: youngSharpe >= leastSharpe,
    seen: `${youngSharpe.toFixed(2)} of ${young.trades} trades against ${oldSharpe.toFixed(2)} of ${old.trades} of ${champion.version}`,
    limit: `at least ${leastSharpe.toFixed(2)}, as if every pair had an edge`,
  };
}

function shown(value: number | null): string {
  return value === null ? 'none' : value.toFixed(4);
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
