import { MinutehandError } from '../../../shared/errors.ts';
import { finite, type GateResult } from '../../../shared/bundle/gates/gate_result.ts';
import type { AdoptionEvidence, AdoptionLimits, BrierLoss, Compared, Comparison, Gate } from './gate.ts';

export const champion: Gate<AdoptionEvidence> = {
  code: 'champion',
  vetoes:
    'Too few entry candidates (of a direction model: labeled bars) unseen by both bundles. Passes without a comparable champion.',
  threshold: { key: 'adopt_min_candidates' },
  check: ({ comparison }) => checkChampion(comparison),
};

export const championAuc: Gate<AdoptionEvidence> = {
  code: 'champion_auc',
  vetoes:
    'An AUC of AI1 (of a direction model: mean over up, down and range, each against the rest) below that of the champion on the same bars by the limit or more.',
  threshold: { key: 'adopt_max_auc_loss' },
  check: ({ comparison, limits }) => compare(comparison, limits, checkChampionAuc),
};

export const championBrier: Gate<AdoptionEvidence> = {
  code: 'champion_brier',
  vetoes:
    'Where neither side has a Sharpe ratio (no trades, or less than two days): a Brier score of AI1 (of a direction model: over its three classes) worse than the champion’s on the same bars by more than chance.',
  threshold: { fixed: 'Student’s t, one-sided 5 %, over blocks of eight hours (direction: three days)' },
  check: ({ comparison, limits }) =>
    compare(comparison, limits, (champion, challenger, _, brierLoss) =>
      checkChampionBrier(champion, challenger, brierLoss),
    ),
};

export const championNetSharpe: Gate<AdoptionEvidence> = {
  code: 'champion_net_sharpe',
  vetoes:
    'A net Sharpe ratio on the same bars below the limit times the champion’s, below zero: below the champion’s. `adopt_min_sharpe_gain` can demand a gain. Trades count as if every pair or instrument had an edge; where only one side has any, those that would be published. Passes where neither side has a ratio.',
  threshold: { key: 'adopt_min_sharpe_ratio' },
  check: ({ comparison, limits }) => compare(comparison, limits, checkChampionSharpe),
};

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

/** Why there is no comparison: an unusable champion does not block its successor. */
export interface NoChampion {
  readonly reason: 'none' | 'other_market' | 'unusable';
  readonly [figure: string]: string;
}

/**
 * Refuses a training before it begins: its data lack what formulas of the champion read.
 * @param remedy a sentence without its end
 */
export function comparisonImpossible(version: string, seen: string, remedy: string): MinutehandError {
  return new MinutehandError('COMPARISON_IMPOSSIBLE', {
    seen: `${seen}, which formulas of the active ${version} read`,
    expected: 'everything that the active models read, in all of the time in which new models are compared with them',
    next: `${remedy}, or train into a folder of its own (\`--out\`), where nothing is compared or adopted.`,
  });
}

/**
 * Why the challenger cannot be compared with the champion `version`; null if it can.
 * @param times epoch seconds of the rows that the challenger was not trained on: entry candidates, or labeled bars
 * @param from start of the comparison: neither side was trained on bars that open at or after it
 */
export function checkCandidates(
  times: ArrayLike<number>,
  from: number,
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

/** Smallest difference of an AUC or Sharpe ratio that counts: below it are rounding errors of the subtraction. */
const ROUNDING = 1e-9;

/** Whether the challenger's AUC falls by less than the limit on the same bars. An equal AUC always passes. */
export function checkChampionAuc(
  champion: Compared,
  challenger: Compared,
  { adopt_max_auc_loss: limit }: AdoptionLimits,
): GateResult {
  const old = champion.scores.auc;
  const young = challenger.scores.auc;
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
  const old = champion.scores.brier;
  const young = challenger.scores.brier;
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
    const { trades } = challenger.all;
    const champion_trades = champion.all.trades;
    return { ...idle, evidence: { reason: 'no_ratio', trades, champion_trades, version } };
  }
  const { old, young, view } = ratios;
  const leastByShare = share === null ? -Infinity : Math.min(share * old, old);
  const leastByGain = gain === null ? -Infinity : old + gain;
  const least = Math.max(leastByShare, leastByGain);
  const { trades } = challenger[VIEWS[view]];
  const champion_trades = champion[VIEWS[view]].trades;
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

/** The trades that a recorded verdict names. */
const VIEWS = { all_pairs: 'all', edge_pairs: 'withEdge' } as const;

interface SharpeRatios {
  readonly old: number;
  readonly young: number;
  /** The trades that are compared. */
  readonly view: keyof typeof VIEWS;
}

/**
 * Sharpe ratios to compare; null if neither side has one. Where only one side trades as if every subject had an edge,
 * the trades that the daemon would publish decide, so that models without trades are not kept because others lose in
 * subjects that are not traded. A side without trades then has 0: not trading is better than losing and worse than
 * earning.
 */
function sharpeRatios(champion: Compared, challenger: Compared): SharpeRatios | null {
  const oldOfAll = champion.all.net_sharpe;
  const youngOfAll = challenger.all.net_sharpe;
  if (oldOfAll != null && youngOfAll != null) return { old: oldOfAll, young: youngOfAll, view: 'all_pairs' };
  const old = champion.withEdge.net_sharpe;
  const young = challenger.withEdge.net_sharpe;
  if (old == null && young == null) return null;
  return { old: old ?? 0, young: young ?? 0, view: 'edge_pairs' };
}
