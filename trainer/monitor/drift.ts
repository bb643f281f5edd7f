import { ln } from '../../shared/elementary.ts';
import {
  columnOf,
  MIN_BLOCKS,
  groupRows,
  summarize,
  type ColumnSummary,
  type FeatureProfile,
  type ProfiledColumn,
  type ProfiledRows,
} from './feature_profile.ts';

/** Number of standard deviations by which a metric must exceed its noise. */
export const SIGMAS = 3;
/** Lower bound of an unobserved share. */
const MIN_SHARE = 1e-4;

/** Distance of a feature's live distribution from training. */
export interface Drift {
  /**
   * Population stability index Σ (live − training) · ln(live / training) over the deciles of training and the missing
   * rows.
   */
  readonly psi: number;
  /** PSI expected by chance: a larger one is drift. Infinity with too little data. */
  readonly psi_noise: number;
  /**
   * Live mean minus training mean, in standard deviations of training; null without variation in training or without
   * values.
   */
  readonly shift: number | null;
  /** Expected amount by chance. */
  readonly shift_noise: number;
  /** Shares of rows without the feature. */
  readonly missing: number;
  readonly missing_in_training: number;
}

export interface FeatureDrift extends Drift {
  readonly name: string;
  /** By pair, each compared with itself. */
  readonly pairs: Readonly<Record<string, Drift>>;
}

/**
 * Drift of every feature of a profile, live against training. All pairs together are compared with training at the live
 * mix of pairs, so that a closed pair is no drift.
 * @param pairs ids of the pairs in `live.pair`; those missing in the profile are ignored
 * @returns null with fewer than ten blocks of rows, each at least eight hours and a look-back long: too few to separate
 * drift from chance
 */
export function featureDrift(
  profile: FeatureProfile,
  live: ProfiledRows,
  definitions: readonly ProfiledColumn[],
  pairs: readonly string[],
  lookBackBars: number,
): FeatureDrift[] | null {
  const learned = profile.pairs.map((id, pair) => (profile.features[0]?.by_pair[pair]?.rows ? id : null));
  const known = knownRows(live, pairs, learned);
  const groups = groupRows(known, profile.pairs.length, lookBackBars);
  if (new Set(groups.blocks.of).size < MIN_BLOCKS) return null;
  return profile.features.flatMap((feature): FeatureDrift[] => {
    const column = definitions.findIndex(({ name }) => name === feature.name);
    if (column < 0) return [];
    const { total, byPair } = summarize(columnOf(known.x, column), feature.edges, groups);
    const own = profile.pairs.flatMap((pair, i): [string, Drift][] =>
      byPair[i]!.rows === 0 || feature.by_pair[i]!.rows === 0 ? [] : [[pair, driftOf(feature.by_pair[i]!, byPair[i]!)]],
    );
    return [
      {
        name: feature.name,
        ...driftOf(mixedLike(byPair, feature.by_pair, feature.total), total),
        pairs: Object.fromEntries(own),
      },
    ];
  });
}

/** Rows of pairs that were learned from, by the places that these have in the profile. */
function knownRows(
  { x, time, pair }: ProfiledRows,
  pairs: readonly string[],
  known: readonly (string | null)[],
): ProfiledRows {
  const place = pairs.map((id) => known.indexOf(id));
  const kept = [...pair.keys()].filter((row) => place[pair[row]!]! >= 0);
  const values = new Float32Array(kept.length * x.columns);
  kept.forEach((row, i) => values.set(x.values.subarray(row * x.columns, (row + 1) * x.columns), i * x.columns));
  return {
    x: { rows: kept.length, columns: x.columns, values },
    time: Float64Array.from(kept, (row) => time[row]!),
    pair: Int32Array.from(kept, (row) => place[pair[row]!]!),
  };
}

/** Training at the live mix of pairs: the expectation if no pair has changed. */
function mixedLike(
  live: readonly ColumnSummary[],
  training: readonly ColumnSummary[],
  total: ColumnSummary,
): ColumnSummary {
  const counts = new Array<number>(total.counts.length).fill(0);
  let rows = 0;
  let sum = 0;
  let weight = 0;
  for (const [pair, own] of training.entries()) {
    const often = live[pair]!.rows;
    if (own.rows === 0 || often === 0) continue;
    rows += often;
    own.counts.forEach((count, bin) => (counts[bin]! += (often * count) / own.rows));
    const there = (often * (own.rows - own.counts.at(-1)!)) / own.rows;
    sum += there * (own.mean ?? 0);
    weight += there;
  }
  return { ...total, rows, counts, mean: weight === 0 ? null : sum / weight };
}

function driftOf(training: ColumnSummary, live: ColumnSummary): Drift {
  const difference = training.mean === null || live.mean === null ? null : live.mean - training.mean;
  const std = training.std ?? 0;
  const error =
    training.mean_error === null || live.mean_error === null
      ? Infinity
      : Math.sqrt(training.mean_error ** 2 + live.mean_error ** 2);
  return {
    psi: psiOf(training, live),
    psi_noise: psiNoise(training, live),
    shift: difference === null || std === 0 ? null : difference / std,
    shift_noise: std === 0 ? Infinity : (SIGMAS * error) / std,
    missing: live.counts.at(-1)! / live.rows,
    missing_in_training: training.counts.at(-1)! / training.rows,
  };
}

/**
 * Population stability index, in nats (Siddiqi 2006; Kullback's J-divergence of binned shares). An unobserved share
 * counts as half an effective row, or as the other share if that is smaller, so that an empty bin is not infinite.
 */
function psiOf(training: ColumnSummary, live: ColumnSummary): number {
  let psi = 0;
  for (let bin = 0; bin < training.counts.length; bin++) {
    const p = training.counts[bin]! / training.rows;
    const q = live.counts[bin]! / live.rows;
    const trained = Math.max(p, Math.min(q, leastShare(training)));
    const seen = Math.max(q, Math.min(p, leastShare(live)));
    if (trained !== seen) psi += (seen - trained) * ln(seen / trained);
  }
  return psi;
}

function leastShare({ effective_rows }: ColumnSummary): number {
  return Math.max(MIN_SHARE, 0.5 / effective_rows);
}

/**
 * Without drift the index is about (1 / live rows + 1 / training rows) · χ² with bins − 1 degrees of freedom (Yurdakul
 * 2018), rows counted as independent ones: its mean and three standard deviations.
 */
function psiNoise(training: ColumnSummary, live: ColumnSummary): number {
  const bins = training.counts.filter((count, bin) => count > 0 || live.counts[bin]! > 0).length;
  if (bins < 2) return 0;
  const freedom = bins - 1;
  const rows = 1 / live.effective_rows + 1 / training.effective_rows;
  return rows * (freedom + SIGMAS * Math.sqrt(2 * freedom));
}
