import type { MarketKind } from '../../../shared/signal/signal.ts';
import type { Finding, FindingCode } from '../../../shared/run_trigger/run_trigger.ts';
import { findingText } from '../../../shared/run_trigger/trigger_text.ts';
import type { RetrainPolicy } from '../../../shared/policy/policy.ts';
import type { Timeframe } from '../../../shared/pair.ts';
import type { LiveDirection, LiveDirections } from './direction_look.ts';
import { SIGMAS, type FeatureDrift } from '../../learning/profile/drift.ts';
import type { FillPerformance, SymbolFills } from './fill_performance.ts';
import type { ServedPerformance } from './group_performance.ts';
import { isSkipped, type Part } from '../../learning/profile/part.ts';
import type { Breach, KpiFigures } from './kpi.ts';
import type { Compared, PassRate, RiskStreak } from '../../learning/profile/performance_drift.ts';

/** Result of one check of the active models. Plain data, independent of this machine's clock. */
export interface MonitorReport {
  readonly version: string;
  /** The evaluated bars: opens of the first and the last, ISO 8601 in UTC, and how many of all pairs. */
  readonly period: { readonly from: string; readonly to: string; readonly bars: number };
  /** Between the last bar that was known in training and the newest one. */
  readonly age_days: number;
  /** Of the pair that has most: whether there is anything new to learn. */
  readonly new_bars: number;
  readonly drift: Part<{ readonly rows: number; readonly features: readonly FeatureDrift[] }>;
  readonly performance: ServedPerformance & {
    readonly pass_rate: PassRate;
    readonly risk_streak: RiskStreak;
  };
  /** The direction models by timeframe; empty without instruments. */
  readonly direction: LiveDirections;
  /** Fills of this version's entries: `paper`, `demo`, `real`, each as far as it has fills. */
  readonly fills: Part<{ readonly accounts: Readonly<Record<string, FillPerformance>> }>;
  readonly kpi: KpiFigures;
  /** Deviations; most of them are a reason to retrain. */
  readonly findings: readonly DriftFinding[];
  /** Reasons to halt. */
  readonly breaches: readonly Breach[];
}

/** The pairs in full or θ2 only, or the direction model of a timeframe. */
export type Retraining = 'full' | 'thresholds' | { readonly direction: Timeframe };

/** A significant violation of a limit. */
export interface DriftFinding extends Finding {
  /** What is to be trained again; null: the configuration must be changed first. */
  readonly retrains: Retraining | null;
  /** In English, e.g. `drift psi z_score 0.41 > 0.25 (most in EURUSD_GBPUSD)`. */
  readonly text: string;
}

export type DriftPolicy = Pick<
  RetrainPolicy,
  | 'drift_psi_max'
  | 'drift_mean_shift_max'
  | 'drift_metric_gap'
  | 'win_rate_min_trades'
  | 'win_rate_noise_sigmas'
  | 'model_max_age_days'
  | 'pass_rate_range'
  | 'fill_min_trades'
  | 'fill_win_rate_gap'
  | 'fill_net_gap_bps'
  | 'fill_cost_gap'
  | 'adopt_min_candidates'
>;

/** A direction model without bias calls up as often as down. */
const BALANCED = 0.5;

/** Smaller differences of costs are rounding of prices. */
const MIN_COST_BPS = 0.01;

/**
 * Figures beyond the policy's limits that are not explained by chance.
 * @param minBars with fewer new bars an old model is not reported, since there is nothing to learn from
 */
export function findingsOf(
  report: Pick<MonitorReport, 'age_days' | 'new_bars' | 'drift' | 'performance' | 'direction' | 'fills'>,
  policy: DriftPolicy,
  minBars: number,
  market: MarketKind,
): DriftFinding[] {
  const { age_days, new_bars, drift, performance, direction, fills } = report;
  const features = isSkipped(drift) ? [] : drift.features;
  return [
    ...features.flatMap((feature) => featureFindings(feature, policy)),
    ...Object.entries({ '': performance, ...performance.groups }).flatMap(([group, { auc, win_rate }]) => [
      ...comparisonFinding('auc', group, auc, policy.drift_metric_gap),
      ...winRateFinding(group, win_rate, policy),
    ]),
    ...directionFindings(direction, policy),
    ...passRateFinding(performance.pass_rate, policy.pass_rate_range),
    ...streakFinding(performance.risk_streak),
    ...(policy.model_max_age_days !== null && age_days > policy.model_max_age_days && new_bars >= minBars
      ? [finding('model age', { subject: '', figure: age_days, limit: policy.model_max_age_days })]
      : []),
    ...(isSkipped(fills) ? [] : Object.entries(fills.accounts))
      // Paper is traded at the configured costs: on a live market it adds no information about costs.
      .filter(([account]) => account !== 'paper' || market === 'simulated')
      .flatMap(([account, own]) => fillFindings(account, own, policy)),
  ];
}

/**
 * Those of direction models. Without enough bars to compare a new model with the active one, nothing is trained: its
 * run would be rejected.
 */
export function directionFindings(directions: LiveDirections, policy: DriftPolicy): DriftFinding[] {
  return Object.entries(directions).flatMap(([name, own]) => {
    if (isSkipped(own)) return [];
    const timeframe = name as Timeframe;
    const hasNewBars = own.new_bars >= policy.adopt_min_candidates;
    const retrains = hasNewBars ? { direction: timeframe } : null;
    return [
      ...biasFindings(timeframe, own),
      ...directionDriftFindings(timeframe, own, policy),
      ...directionWinRate(timeframe, own, policy),
      ...(hasNewBars ? directionAge(timeframe, own, policy) : []),
    ].map((found) => ({ ...found, retrains, evidence: { ...found.evidence, version: own.version } }));
  });
}

function biasFindings(timeframe: Timeframe, { bias, bars, version }: LiveDirection): DriftFinding[] {
  const evidence = { mean: bias.overall_balance!, calls: bars, version };
  return bias.biased.map((name) =>
    finding('direction bias', {
      subject: `${timeframe} ${name}`,
      figure: bias.buy_sell_ratio!,
      limit: BALANCED,
      evidence,
    }),
  );
}

function directionDriftFindings(timeframe: Timeframe, { drift }: LiveDirection, policy: DriftPolicy): DriftFinding[] {
  const codes = { psi: 'direction drift psi', shift: 'direction drift mean shift' } as const;
  const features = isSkipped(drift) ? [] : drift.features;
  return features.flatMap((feature) =>
    featureFindings({ ...feature, name: `${timeframe} ${feature.name}` }, policy, codes),
  );
}

function directionWinRate(timeframe: Timeframe, { win_rate }: LiveDirection, policy: DriftPolicy): DriftFinding[] {
  return winRateFinding(timeframe, win_rate, policy, 'direction win rate');
}

function directionAge(timeframe: Timeframe, { age_days }: LiveDirection, policy: DriftPolicy): DriftFinding[] {
  const limit = policy.model_max_age_days;
  return limit === null || age_days <= limit
    ? []
    : [finding('direction age', { subject: timeframe, figure: age_days, limit })];
}

function fillFindings(
  account: string,
  { win_rate, net, symbols }: FillPerformance,
  policy: DriftPolicy,
): DriftFinding[] {
  const { fill_min_trades, fill_win_rate_gap, fill_net_gap_bps, fill_cost_gap } = policy;
  const found: DriftFinding[] = [];
  const isBelow = (gap: number | null, limit: number | null, noise: number): boolean =>
    gap !== null && limit !== null && -gap > limit && -gap > noise;
  const hasEnough = win_rate.live_count >= fill_min_trades;
  if (hasEnough && isBelow(win_rate.gap, fill_win_rate_gap, winRateNoise(win_rate, policy))) {
    const { live, bundle, live_count, gap } = win_rate;
    const evidence = { live: live!, bundle: bundle!, positions: live_count };
    found.push(finding('fill win rate', { subject: account, figure: -gap!, limit: fill_win_rate_gap!, evidence }));
  }
  if (isBelow(net.gap_bps, fill_net_gap_bps, net.noise_bps)) {
    const { live_bps, bundle_bps, live_count, gap_bps } = net;
    const evidence = { live_bps: live_bps!, bundle_bps: bundle_bps!, positions: live_count };
    found.push(finding('fill result', { subject: account, figure: -gap_bps!, limit: fill_net_gap_bps!, evidence }));
  }
  if (fill_cost_gap !== null)
    for (const [symbol, own] of Object.entries(symbols))
      found.push(...costFinding(account, symbol, own, fill_cost_gap));
  return found;
}

/** Costs above the configured ones, with the values to configure: the measured ones where they are higher. */
function costFinding(
  account: string,
  symbol: string,
  { slippage, shortfall, spread_multiple }: SymbolFills,
  gap: number,
): DriftFinding[] {
  const allowed = gap * shortfall.configured_bps + MIN_COST_BPS;
  const above = ({ bps, configured_bps, noise_bps }: SymbolFills['slippage']): number => {
    const excess = (bps ?? 0) - configured_bps;
    return excess > allowed && excess > noise_bps ? excess : 0;
  };
  const moreSlippage = above(slippage);
  const more = above(shortfall);
  if (moreSlippage === 0 && more === 0) return [];
  const slippage_bps = moreSlippage > 0 ? slippage.bps! : slippage.configured_bps;
  // The cost per side is half of the spread, a multiple of the configured base, plus the slippage.
  const spread_bps =
    (2 / spread_multiple) *
    (more > 0 ? Math.max(0, shortfall.bps! - slippage_bps) : shortfall.configured_bps - slippage.configured_bps);
  const kind = more >= moreSlippage ? 'spread_and_slippage' : 'slippage';
  const worst = kind === 'slippage' ? slippage : shortfall;
  const limit = worst.configured_bps + allowed;
  const evidence = {
    kind,
    symbol,
    account,
    fills: worst.fills,
    configured_bps: worst.configured_bps,
    gap_percent: gap * 100,
    spread_bps,
    slippage_bps,
  };
  const subject = `${symbol} (${account})`;
  return [{ ...finding('fill costs', { subject, figure: worst.bps!, limit, evidence }), retrains: null }];
}

function featureFindings(
  feature: FeatureDrift,
  { drift_psi_max, drift_mean_shift_max }: DriftPolicy,
  codes: { readonly psi: FindingCode; readonly shift: FindingCode } = { psi: 'drift psi', shift: 'drift mean shift' },
): DriftFinding[] {
  const { name, psi, psi_noise, shift, shift_noise } = feature;
  const found: DriftFinding[] = [];
  if (drift_psi_max !== null && psi > drift_psi_max && psi > psi_noise) {
    const pair = mostMoved(feature, (own) => own.psi);
    found.push(finding(codes.psi, { subject: name, figure: psi, limit: drift_psi_max, pair }));
  }
  const moved = Math.abs(shift ?? 0);
  if (drift_mean_shift_max !== null && moved > drift_mean_shift_max && moved > shift_noise) {
    const pair = mostMoved(feature, (own) => Math.abs(own.shift ?? 0));
    found.push(finding(codes.shift, { subject: name, figure: moved, limit: drift_mean_shift_max, pair }));
  }
  return found;
}

function mostMoved({ pairs }: FeatureDrift, by: (drift: FeatureDrift['pairs'][string]) => number): string | null {
  let most: string | null = null;
  for (const [pair, own] of Object.entries(pairs)) if (most === null || by(own) > by(pairs[most]!)) most = pair;
  return most;
}

/** As specified, a win rate past its limit is a finding; the policy can demand that it is beyond chance. */
function winRateFinding(
  subject: string,
  win_rate: Compared,
  policy: DriftPolicy,
  code: 'win rate' | 'direction win rate' = 'win rate',
): DriftFinding[] {
  const { live_count, bundle_count } = win_rate;
  if (Math.min(live_count, bundle_count) < policy.win_rate_min_trades) return [];
  const own = { ...win_rate, gap_noise: winRateNoise(win_rate, policy) };
  return comparisonFinding(code, subject, own, policy.drift_metric_gap);
}

/** Gap that `win_rate_noise_sigmas` standard errors allow. */
function winRateNoise({ gap_noise }: Compared, { win_rate_noise_sigmas: sigmas }: DriftPolicy): number {
  return sigmas === null ? 0 : (gap_noise * sigmas) / SIGMAS;
}

function comparisonFinding(
  name: 'auc' | 'win rate' | 'direction win rate',
  subject: string,
  { live, bundle, gap, gap_noise }: Compared,
  limit: number | null,
): DriftFinding[] {
  if (limit === null || gap === null) return [];
  const apart = Math.abs(gap);
  if (!(apart > limit && apart > gap_noise)) return [];
  return [finding(name, { subject, figure: apart, limit, evidence: { live: live!, bundle: bundle! } })];
}

function passRateFinding({ live, noise }: PassRate, [low, high]: DriftPolicy['pass_rate_range']): DriftFinding[] {
  if (live === null) return [];
  const limit = live < low ? low : high;
  const beyond = Math.max(low - live, live - high);
  if (!(beyond > 0 && beyond > noise)) return [];
  const evidence = { lowest: low, highest: high };
  return [{ ...finding('pass rate', { subject: '', figure: live, limit, evidence }), retrains: 'thresholds' }];
}

function streakFinding({ blocks, candidates, limit, expected_pass_rate }: RiskStreak): DriftFinding[] {
  if (limit === null || blocks < limit) return [];
  const evidence = { candidates, pass_rate: expected_pass_rate };
  return [{ ...finding('risk streak', { subject: '', figure: blocks, limit, evidence }), retrains: 'thresholds' }];
}

/** @param measured without `pair`: of no pair alone */
function finding(
  trigger: FindingCode,
  measured: Pick<Finding, 'subject' | 'figure' | 'limit'> & Partial<Pick<Finding, 'pair' | 'evidence'>>,
): DriftFinding {
  const { subject, figure, limit, pair = null, evidence = {} } = measured;
  const found: Finding = { trigger, subject, figure, limit, pair, evidence };
  return { ...found, retrains: 'full', text: findingText(found) };
}
