import type { RetrainPolicy } from '../../shared/policy/policy.ts';
import type { FeatureDrift } from './drift.ts';
import type { Breach, KpiFigures } from './kpi.ts';
import type { Compared, PassRate } from './performance_drift.ts';

/** A part of a look, or why it could not be looked at, in words. */
export type Part<T> = T | { readonly skipped: string };

export function isSkipped<T extends object>(part: Part<T>): part is { readonly skipped: string } {
  return 'skipped' in part;
}

/** What one look at the models in force has seen. Plain data; nothing in it is of this machine's clock. */
export interface MonitorReport {
  readonly version: string;
  /** The bars it was looked at on: opens of the first and the last, ISO 8601 in UTC, and how many of all pairs. */
  readonly period: { readonly from: string; readonly to: string; readonly bars: number };
  /** Between the last bar that was known in training and the newest one. */
  readonly age_days: number;
  /** Of the pair that has most: whether there is anything new to learn. */
  readonly new_bars: number;
  readonly drift: Part<{ readonly rows: number; readonly features: readonly FeatureDrift[] }>;
  readonly performance: {
    readonly auc: Compared;
    readonly win_rate: Compared;
    readonly pass_rate: PassRate;
  };
  readonly kpi: KpiFigures;
  /** Reasons to train anew. */
  readonly findings: readonly Finding[];
  /** Reasons to halt. */
  readonly breaches: readonly Breach[];
}

/** Something that is past its limit by more than chance. */
export interface Finding {
  /** `drift psi`, `drift mean shift`, `auc`, `win rate`, `pass rate`, `model age`. */
  readonly trigger: string;
  /** What of: a feature, or empty. */
  readonly subject: string;
  readonly figure: number;
  readonly limit: number;
  /** The pair that moved most; null where it is of all together. */
  readonly pair: string | null;
  /** All of it in words, e.g. `drift psi z_score 0.41 > 0.25 (most in EURUSD_GBPUSD)`. */
  readonly text: string;
}

export type FindingPolicy = Pick<
  RetrainPolicy,
  'drift_psi_max' | 'drift_mean_shift_max' | 'drift_metric_gap' | 'model_max_age_days' | 'pass_rate_range'
>;

/**
 * What of these figures is past the limits of the policy, and more than chance.
 * @param minBars with fewer new bars an old model is left alone: there is nothing to learn from
 */
export function findingsOf(
  report: Pick<MonitorReport, 'age_days' | 'new_bars' | 'drift' | 'performance'>,
  policy: FindingPolicy,
  minBars: number,
): Finding[] {
  const { age_days, new_bars, drift, performance } = report;
  const features = isSkipped(drift) ? [] : drift.features;
  return [
    ...features.flatMap((feature) => featureFindings(feature, policy)),
    ...comparisonFinding('auc', performance.auc, policy.drift_metric_gap),
    ...comparisonFinding('win rate', performance.win_rate, policy.drift_metric_gap),
    ...passRateFinding(performance.pass_rate, policy.pass_rate_range),
    ...(policy.model_max_age_days !== null && age_days > policy.model_max_age_days && new_bars >= minBars
      ? [
          finding(
            'model age',
            '',
            age_days,
            policy.model_max_age_days,
            null,
            `model age ${age_days.toFixed(1)} > ${policy.model_max_age_days} days`,
          ),
        ]
      : []),
  ];
}

function featureFindings(feature: FeatureDrift, { drift_psi_max, drift_mean_shift_max }: FindingPolicy): Finding[] {
  const { name, psi, psi_noise, shift, shift_noise } = feature;
  const found: Finding[] = [];
  if (drift_psi_max !== null && psi > drift_psi_max && psi > psi_noise) {
    const pair = mostMoved(feature, (own) => own.psi);
    found.push(
      finding(
        'drift psi',
        name,
        psi,
        drift_psi_max,
        pair,
        `drift psi ${name} ${psi.toFixed(2)} > ${drift_psi_max}${mostIn(pair)}`,
      ),
    );
  }
  const moved = Math.abs(shift ?? 0);
  if (drift_mean_shift_max !== null && moved > drift_mean_shift_max && moved > shift_noise) {
    const pair = mostMoved(feature, (own) => Math.abs(own.shift ?? 0));
    found.push(
      finding(
        'drift mean shift',
        name,
        moved,
        drift_mean_shift_max,
        pair,
        `drift mean shift ${name} ${moved.toFixed(2)} > ${drift_mean_shift_max} σ${mostIn(pair)}`,
      ),
    );
  }
  return found;
}

function mostMoved({ pairs }: FeatureDrift, by: (drift: FeatureDrift['pairs'][string]) => number): string | null {
  let most: string | null = null;
  for (const [pair, own] of Object.entries(pairs)) if (most === null || by(own) > by(pairs[most]!)) most = pair;
  return most;
}

function mostIn(pair: string | null): string {
  return pair === null ? '' : ` (most in ${pair})`;
}

function comparisonFinding(name: string, { live, bundle, gap, gap_noise }: Compared, limit: number | null): Finding[] {
  if (limit === null || gap === null) return [];
  const apart = Math.abs(gap);
  if (!(apart > limit && apart > gap_noise)) return [];
  const text = `${name} ${live!.toFixed(3)} against ${bundle!.toFixed(3)} of the bundle: ${(apart * 100).toFixed(0)} % apart > ${limit * 100} %`;
  return [finding(name, '', apart, limit, null, text)];
}

function passRateFinding({ live, noise }: PassRate, [low, high]: FindingPolicy['pass_rate_range']): Finding[] {
  if (live === null) return [];
  const limit = live < low ? low : high;
  const beyond = Math.max(low - live, live - high);
  if (!(beyond > 0 && beyond > noise)) return [];
  return [finding('pass rate', '', live, limit, null, `pass rate ${live.toFixed(2)} outside ${low} to ${high}`)];
}

function finding(
  trigger: string,
  subject: string,
  figure: number,
  limit: number,
  pair: string | null,
  text: string,
): Finding {
  return { trigger, subject, figure, limit, pair, text };
}
