import { createRng } from '../../shared/rng.ts';
import type { Rng } from '../../shared/ports.ts';
import { meanOf } from '../../shared/statistics.ts';
import { featureDrift, type FeatureDrift } from '../../trainer/learning/profile/drift.ts';
import { featureProfile, type ProfiledRows } from '../../trainer/learning/profile/feature_profile.ts';

const MINUTES_PER_DAY = 1440;
const MINUTES_PER_ROW = 10;
const TRAINING_DAYS = 180;
const LIVE_DAYS = 30;
const PAIR = 'AAA_BBB';
const COLUMN = { name: 'feature', models: ['ai1'] } as const;
/** `drift_psi_max`. */
const PSI_MAX = 0.25;
/** Half-life of the fast part of features with two time scales, days. */
const FAST = 0.02;

/** A stationary feature: its next value, at a minute of the day. */
type Feature = (rng: Rng) => (minute: number) => number;

/** Simulated features by what they are called in docs/reference/GATE_RATES.md. */
export const DRIFT_FEATURES: Readonly<Record<string, Feature>> = {
  'independent rows': (rng) => () => rng.normal(),
  'half-life 10 minutes': autoregressive(10 / MINUTES_PER_DAY),
  'half-life 1 hour': autoregressive(1 / 24),
  'half-life 6 hours': autoregressive(0.25),
  'half-life 12 hours': autoregressive(0.5),
  'half-life 1 day': autoregressive(1),
  'half-life 2 days': autoregressive(2),
  'half-life 3.5 days': autoregressive(3.5),
  'sum of half an hour and 20 % of 17 hours': sumOf(0.7, 0.2),
  'sum of half an hour and 50 % of 17 hours': sumOf(0.7, 0.5),
  'sum of half an hour and 20 % of 2 days': sumOf(2, 0.2),
  'sum of half an hour and 50 % of 2 days': sumOf(2, 0.5),
  'sum of half an hour and 20 % of 3.5 days': sumOf(3.5, 0.2),
  'sum of half an hour and 50 % of 3.5 days': sumOf(3.5, 0.5),
  'independent rows of a volatility of 2 days': volatile(2),
  'independent rows of a volatility of 3.5 days': volatile(3.5),
  'two states of a day each': switching(1),
  'two states of three days each': switching(3),
  'daily season and half-life 6 hours': seasonal,
  'daily season of an amplitude of 1.4 days': swinging,
};

/** Unit variance. @param halfLife days */
function autoregressive(halfLife: number): Feature {
  return (rng) => {
    const kept = 0.5 ** (MINUTES_PER_ROW / (MINUTES_PER_DAY * halfLife));
    const noise = Math.sqrt(1 - kept * kept);
    let value = rng.normal();
    return () => {
      value = kept * value + noise * rng.normal();
      return value;
    };
  };
}

/** A fast and a slow part. @param share of the slow part in the variance */
function sumOf(halfLife: number, share: number): Feature {
  return (rng) => {
    const fast = autoregressive(FAST)(rng);
    const slow = autoregressive(halfLife)(rng);
    return (minute) => Math.sqrt(1 - share) * fast(minute) + Math.sqrt(share) * slow(minute);
  };
}

function volatile(halfLife: number): Feature {
  return (rng) => {
    const slow = autoregressive(halfLife)(rng);
    return (minute) => Math.exp(0.7 * slow(minute)) * rng.normal();
  };
}

/** @param days mean duration of a state */
function switching(days: number): Feature {
  return (rng) => {
    const change = MINUTES_PER_ROW / (MINUTES_PER_DAY * days);
    let state = rng.uniform() < 0.5 ? 1 : -1;
    return () => {
      if (rng.uniform() < change) state = -state;
      return state + 0.5 * rng.normal();
    };
  };
}

function seasonal(rng: Rng): (minute: number) => number {
  const own = autoregressive(0.25)(rng);
  return (minute) => dailyWave(minute) + own(minute);
}

function swinging(rng: Rng): (minute: number) => number {
  const slow = autoregressive(1.4)(rng);
  return (minute) => Math.exp(0.5 * slow(minute)) * dailyWave(minute) + 0.3 * rng.normal();
}

function dailyWave(minute: number): number {
  return Math.sin((2 * Math.PI * minute) / MINUTES_PER_DAY);
}

/** How often a look finds a drift of a feature, by its population stability index. */
export interface DriftRate {
  /** Key of `DRIFT_FEATURES`. */
  readonly feature: string;
  /** Distance of the live mean from that in training, in the feature's standard deviations; 0 is no drift. */
  readonly shift: number;
  readonly looks: number;
  /** Above what chance gives in one of a hundred looks. */
  readonly above_chance: number;
  /** Above `drift_psi_max`. */
  readonly above_limit: number;
  /** Above both: a finding. */
  readonly found: number;
  /** Not judged: training expects too few independent rows of such a feature in 30 days. */
  readonly not_judged: number;
}

/** Looks at a feature over 30 days, against 180 days of training. */
export function driftRate(feature: string, shift: number, looks: number): DriftRate {
  const rate = { feature, shift, looks, above_chance: 0, above_limit: 0, found: 0, not_judged: 0 };
  const deviation = shift === 0 ? 1 : deviationOf(feature);
  for (let look = 0; look < looks; look++) {
    const { psi, psi_noise } = lookAt(feature, shift * deviation, look);
    if (psi > psi_noise) rate.above_chance++;
    if (psi > PSI_MAX) rate.above_limit++;
    if (psi > psi_noise && psi > PSI_MAX) rate.found++;
    if (psi_noise === Infinity) rate.not_judged++;
  }
  return rate;
}

/** Standard deviation of a feature, of a long path. */
function deviationOf(feature: string): number {
  const { values } = pathOf(3 * TRAINING_DAYS, feature, 0, `drift deviation ${feature}`).x;
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length);
}

function lookAt(feature: string, shift: number, look: number): FeatureDrift {
  const training = pathOf(TRAINING_DAYS, feature, 0, `drift training ${feature} ${look}`);
  const live = pathOf(LIVE_DAYS, feature, shift, `drift live ${feature} ${look}`);
  const profile = featureProfile(training, [COLUMN], [PAIR], 1);
  return featureDrift(profile, live, [COLUMN], [PAIR], 1)![0]!;
}

function pathOf(span: number, feature: string, shift: number, seed: string): ProfiledRows {
  const next = DRIFT_FEATURES[feature]!(createRng(seed));
  const rows = (span * MINUTES_PER_DAY) / MINUTES_PER_ROW;
  const values = new Float32Array(rows);
  for (let row = 0; row < rows; row++) values[row] = shift + next(row * MINUTES_PER_ROW);
  return {
    x: { rows, columns: 1, values },
    time: Float64Array.from(values, (_, row) => row * MINUTES_PER_ROW * 60),
    pair: new Int32Array(rows),
  };
}
