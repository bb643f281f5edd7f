import type { OpenTime } from '../../../shared/bar.ts';
import type { Executability, ModelMetrics } from '../../../shared/bundle/manifest.ts';
import type { RetrainPolicy } from '../../../shared/policy/schema.ts';
import { finite, type GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import { meanTest } from '../statistics/mean_test.ts';
import { labelSeconds, timeBlocks, type TimedRows } from '../statistics/time_blocks.ts';

/** Adoption limits: retrain_policy.yaml. */
export type AdoptionLimits = Pick<
  RetrainPolicy,
  'adopt_min_auc' | 'adopt_min_candidates' | 'adopt_min_sharpe_ratio' | 'adopt_min_sharpe_gain' | 'adopt_max_auc_loss'
>;

/** A model without skill (as with shuffled labels) has an AUC of about 0.5. */
export function checkAuc({ auc }: Pick<ModelMetrics, 'auc'>, least: number): GateResult {
  return {
    code: 'auc',
    role: 'ai1',
    passed: auc !== null && auc >= least,
    value: auc,
    relation: '>=',
    limit: least,
    unit: 'score',
    evidence: {},
  };
}

/** Share of models at a limit that a gate with an error vetoes. */
export const VETO_LEVEL = 0.02;

/**
 * A Brier score that is worse than that of predicting the mean of these very labels, beyond chance: the probabilities
 * are miscalibrated. Whether they rank at all is another gate's question.
 */
export function checkBrier(scores: ArrayLike<number>, labels: ArrayLike<number>, rows: TimedRows): GateResult {
  const count = labels.length;
  const mean = (of: (row: number) => number): number => {
    let sum = 0;
    for (let row = 0; row < count; row++) sum += of(row);
    return sum / count;
  };
  const base = mean((row) => labels[row]!);
  const lossOf = (row: number): number => (scores[row]! - labels[row]!) ** 2;
  const baseLossOf = (row: number): number => (base - labels[row]!) ** 2;
  const test = meanTest(timeBlocks(rows.time, labelSeconds(rows), (row) => lossOf(row) - baseLossOf(row)));
  const brier = mean(lossOf);
  const baseline = mean(baseLossOf);
  const error = test === null ? 0 : test.mean - test.lowerBound(VETO_LEVEL);
  const known = (value: number): number | null => (count === 0 ? null : value);
  return {
    code: 'brier',
    role: 'ai1',
    passed: count > 0 && brier <= baseline + error,
    value: known(brier),
    relation: '<=',
    limit: known(baseline + error),
    unit: 'score',
    evidence: { baseline: known(baseline), error: known(error) },
  };
}

/** With fewer periods of candidates the error is no guide, and the range itself applies. */
const MIN_PERIODS = 30;

/**
 * @param risks risk scores of the holdout's entry candidates
 * @param rows of the candidates
 */
export function checkPassRate(
  risks: Float64Array,
  theta2: number,
  [lowest, highest]: readonly [number, number],
  rows: TimedRows,
): GateResult {
  const isPassed = (row: number): number => (risks[row]! < theta2 ? 1 : 0);
  const rate = risks.length === 0 ? 0 : risks.reduce((sum, _, row) => sum + isPassed(row), 0) / risks.length;
  const blocks = timeBlocks(rows.time, labelSeconds(rows), isPassed);
  const test = blocks.count.length < MIN_PERIODS ? null : meanTest(blocks);
  const most = test === null ? rate : test.lowerBound(VETO_LEVEL);
  const least = test === null ? rate : test.upperBound(VETO_LEVEL);
  const isHigh = most > highest || (least >= lowest && rate >= (lowest + highest) / 2);
  return {
    code: 'risk_pass_rate',
    role: null,
    passed: risks.length > 0 && most <= highest && least >= lowest,
    value: rate,
    // The bound that is nearer, or passed by.
    relation: isHigh ? '<=' : '>=',
    limit: isHigh ? highest + (rate - most) : lowest - (least - rate),
    unit: 'share',
    evidence: { candidates: risks.length, lowest, highest, error: Math.max(rate - most, least - rate) },
  };
}

/**
 * Whether enough of the net result remains without the widest minutes, or with delayed entries. Passes without trades.
 */
export function checkExecutable(
  code: 'executable_outside_wide_minutes' | 'executable_one_minute_later',
  { trades, net_bps, narrow_net_bps, delayed_net_bps }: Executability,
  left: 'narrow_net_bps' | 'after_1',
  { executable_share_min }: { readonly executable_share_min: number },
): GateResult {
  const least_share = executable_share_min;
  const idle = { code, role: null, passed: true, value: null, relation: null, limit: null, unit: 'bps' } as const;
  if (trades === 0 || net_bps === null) return { ...idle, evidence: { reason: 'no_trades', trades, least_share } };
  if (net_bps <= 0) return { ...idle, evidence: { reason: 'nothing_to_lose', net_bps, trades, least_share } };
  const remains = (left === 'after_1' ? delayed_net_bps.after_1 : narrow_net_bps) ?? 0;
  return {
    ...idle,
    passed: remains > 0 && remains >= least_share * net_bps,
    value: remains,
    relation: least_share === 0 ? '>' : '>=',
    limit: least_share * net_bps,
    evidence: { net_bps, trades, least_share },
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
    code: 'champion',
    role: null,
    passed: false,
    value: candidates,
    relation: '>=',
    limit: least,
    unit: 'count',
    evidence: { version },
  };
}

/** Trading result of one side of a comparison. `net_sharpe` is null without trades, or without two different days. */
export interface ComparedTrading {
  readonly total: { readonly net_sharpe: number | null; readonly trades: number };
}

/**
 * Metrics of each side of a comparison: AI1's, and the trades, as if every pair had an edge and as published by the
 * daemon.
 */
export interface Compared {
  readonly version: string;
  readonly models: { readonly ai1: Pick<ModelMetrics, 'auc' | 'brier'> };
  readonly all_pairs: ComparedTrading;
  readonly edge_pairs: ComparedTrading;
}

/** Brier score of the challenger's AI1 minus that of the champion's, on the same candidates. */
export interface BrierLoss {
  /** null without candidates. */
  readonly mean: number | null;
  /**
   * The largest difference of equal models: Student's t, one-sided 5 %, over blocks of time. Infinity for few blocks.
   */
  readonly chance: number;
}

/** Smallest difference of an AUC or Sharpe ratio that counts: below it are rounding errors of the subtraction. */
const ROUNDING = 1e-9;

/** Whether the challenger's AUC falls by less than the limit on the same bars. An equal AUC always passes. */
export function checkChampionAuc(
  champion: Compared,
  challenger: Compared,
  { adopt_max_auc_loss: limit }: AdoptionLimits,
): GateResult {
  const old = champion.models.ai1.auc;
  const young = challenger.models.ai1.auc;
  const loss = old === null ? 0 : young === null ? Infinity : old - young;
  return {
    code: 'champion_auc',
    role: null,
    passed: loss <= ROUNDING || loss < limit - ROUNDING,
    value: young,
    // An equal AUC passes even where the policy allows no loss.
    relation: old === null ? null : limit === 0 ? '>=' : '>',
    limit: old === null ? null : old - limit,
    unit: 'score',
    evidence: { challenger: young, champion: old, version: champion.version, most_loss: limit },
  };
}

/**
 * Where neither side has a Sharpe ratio, whether the challenger's Brier score is not worse than the champion's by more
 * than chance; null where the ratio decides.
 */
export function checkChampionBrier(champion: Compared, challenger: Compared, loss: BrierLoss): GateResult | null {
  if (sharpeRatios(champion, challenger) !== null) return null;
  const old = champion.models.ai1.brier;
  const young = challenger.models.ai1.brier;
  const isKnown = young !== null || old === null;
  const isWorse = loss.mean !== null && loss.mean > Math.max(0, loss.chance);
  const error = finite(Math.max(0, loss.chance));
  const { version } = champion;
  return {
    code: 'champion_brier',
    role: null,
    passed: isKnown && !isWorse,
    value: loss.mean,
    relation: error === null ? null : '<=',
    limit: error,
    unit: 'score',
    evidence: { ...(error === null && { reason: 'too_few' }), challenger: young, champion: old, version, error },
  };
}

/**
 * Whether the challenger's Sharpe ratio on the same bars is at least the policy's share of the champion's. A champion
 * below zero must be equaled: a share of a negative ratio would demand a gain. Passes where neither side has a ratio.
 */
export function checkChampionSharpe(
  champion: Compared,
  challenger: Compared,
  { adopt_min_sharpe_ratio: share, adopt_min_sharpe_gain: gain }: AdoptionLimits,
): GateResult {
  const ratios = sharpeRatios(champion, challenger);
  const { version } = champion;
  const idle = {
    code: 'champion_net_sharpe',
    role: null,
    passed: true,
    value: null,
    relation: null,
    limit: null,
    unit: 'ratio',
  } as const;
  if (ratios === null) {
    const trades = challenger.all_pairs.total.trades;
    const champion_trades = champion.all_pairs.total.trades;
    return { ...idle, evidence: { reason: 'no_ratio', trades, champion_trades, version } };
  }
  const { old, young, view } = ratios;
  const leastByShare = share === null ? -Infinity : Math.min(share * old, old);
  const leastByGain = gain === null ? -Infinity : old + gain;
  const least = Math.max(leastByShare, leastByGain);
  const trades = challenger[view].total.trades;
  const champion_trades = champion[view].total.trades;
  const figures = { champion: old, trades, champion_trades, version, view };
  if (least === -Infinity) return { ...idle, value: young, evidence: { reason: 'no_limit', ...figures } };
  return {
    ...idle,
    passed: young >= least - ROUNDING,
    value: young,
    relation: '>=',
    limit: least,
    evidence: figures,
  };
}

interface SharpeRatios {
  readonly old: number;
  readonly young: number;
  /** The trades that are compared. */
  readonly view: 'all_pairs' | 'edge_pairs';
}

/**
 * Sharpe ratios to compare; null if neither side has one. Where only one side trades as if every pair had an edge, the
 * trades that the daemon would publish decide, so that models without trades are not kept because others lose in pairs
 * that are not traded. A side without trades then has 0: not trading is better than losing and worse than earning.
 */
function sharpeRatios(champion: Compared, challenger: Compared): SharpeRatios | null {
  const [oldOfAll, youngOfAll] = [champion, challenger].map((side) => side.all_pairs.total.net_sharpe);
  if (oldOfAll != null && youngOfAll != null) return { old: oldOfAll, young: youngOfAll, view: 'all_pairs' };
  const [old, young] = [champion, challenger].map((side) => side.edge_pairs.total.net_sharpe);
  if (old == null && young == null) return null;
  return { old: old ?? 0, young: young ?? 0, view: 'edge_pairs' };
}
