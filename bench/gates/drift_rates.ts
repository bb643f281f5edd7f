import { createRng } from '../../shared/rng.ts';
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

/** Time constants of autoregressive features, days: ten minutes to five days. */
export const TIME_CONSTANTS: readonly number[] = [0.007, 0.05, 0.25, 0.5, 1, 2, 3, 5];

/** How often a look finds a drift of a feature, by its population stability index. */
export interface DriftRate {
  /** Time constant of the feature's autocorrelation. */
  readonly days: number;
  /** Distance of the live mean from that in training, standard deviations; 0 is no drift. */
  readonly shift: number;
  readonly looks: number;
  /** Above what chance gives in one of a hundred looks. */
  readonly above_chance: number;
  /** Above `drift_psi_max`. */
  readonly above_limit: number;
  /** Above both: a finding. */
  readonly found: number;
}

/** Looks at an autoregressive feature over 30 days, against 180 days of training. */
export function driftRate(days: number, shift: number, looks: number): DriftRate {
  const rate = { days, shift, looks, above_chance: 0, above_limit: 0, found: 0 };
  for (let look = 0; look < looks; look++) {
    const { psi, psi_noise } = lookAt(days, shift, look);
    if (psi > psi_noise) rate.above_chance++;
    if (psi > PSI_MAX) rate.above_limit++;
    if (psi > psi_noise && psi > PSI_MAX) rate.found++;
  }
  return rate;
}

function lookAt(days: number, shift: number, look: number): FeatureDrift {
  const training = pathOf(TRAINING_DAYS, days, 0, `drift training ${days} ${look}`);
  const live = pathOf(LIVE_DAYS, days, shift, `drift live ${days} ${look}`);
  const profile = featureProfile(training, [COLUMN], [PAIR], 1);
  return featureDrift(profile, live, [COLUMN], [PAIR], 1)![0]!;
}

function pathOf(span: number, days: number, shift: number, seed: string): ProfiledRows {
  const rng = createRng(seed);
  const rows = (span * MINUTES_PER_DAY) / MINUTES_PER_ROW;
  const kept = Math.exp(-MINUTES_PER_ROW / (MINUTES_PER_DAY * days));
  const noise = Math.sqrt(1 - kept * kept);
  const values = new Float32Array(rows);
  let value = rng.normal();
  for (let row = 0; row < rows; row++) {
    values[row] = shift + value;
    value = kept * value + noise * rng.normal();
  }
  return {
    x: { rows, columns: 1, values },
    time: Float64Array.from(values, (_, row) => row * MINUTES_PER_ROW * 60),
    pair: new Int32Array(rows),
  };
}
