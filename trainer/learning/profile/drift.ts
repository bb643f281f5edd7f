import { lowerBound } from '../../../shared/bar_file/bar_file.ts';
import { exp, ln } from '../../../shared/elementary.ts';
import type { Rng } from '../../../shared/ports.ts';
import { createRng } from '../../../shared/rng.ts';
import { fQuantile } from '../statistics/f_distribution.ts';
import { normalQuantile } from '../statistics/normal.ts';
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
import { OVERLAP_WORTH, type WindowWorth } from './window_worth.ts';

/** Number of standard deviations by which a metric must exceed its noise. */
export const SIGMAS = 3;
/**
 * Where training expects fewer live rows that are worth an independent one the index is not judged: how slow such a
 * feature is, and so what chance gives, is not known from a training period of months. A month of a feature that takes
 * three days and more to return is worth fewer.
 */
const MIN_EFFECTIVE_ROWS = 32;
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
  const worth = { ...live, effective_rows: independentRows(training, live) };
  const liveError = liveMeanError(training, live);
  const error =
    training.mean_error === null || liveError === null
      ? Infinity
      : Math.sqrt(training.mean_error ** 2 + liveError ** 2);
  return {
    psi: psiOf(training, worth),
    psi_noise: psiNoise(training, worth),
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
 * The index that a feature without drift exceeds in at most one of a hundred looks: `indexByChance`, with the effective
 * rows of both sides, or `indexOfWindows` if that is larger; Infinity with too few of them.
 */
function psiNoise(training: ColumnSummary, live: ColumnSummary): number {
  const bins = training.counts.filter((count, bin) => count > 0 || live.counts[bin]! > 0).length;
  if (bins < 2) return 0;
  const rows = live.effective_rows;
  if (varies(training) && expectedRows(training, live) < MIN_EFFECTIVE_ROWS) return Infinity;
  const drawn = indexByChance(bins, rows) * (1 + rows / training.effective_rows);
  return Math.max(drawn, indexOfWindows(bins, training, { ...live, effective_rows: rows }));
}

/**
 * Modes of the process that `indexByChance` draws, in the limit of small steps: what its tail fits. A simulation of
 * 2,000 paths of 10,000 steps with a correlation of 0.99 has 2.81.
 */
const DRAWN_MODES = 2.8;

/**
 * The same, by the variance that shares have over windows of training as long as the live one. `indexByChance` knows
 * one time scale, and of a feature with two takes the slow one to be rarer, and the modes to be more, than they are.
 * Fewer modes have a longer tail, and few windows an uncertain variance: the index over its mean is distributed as F
 * (Rao & Scott's second order, as Thomas & Rao 1987 for few clusters). 0 of older bundles.
 */
function indexOfWindows(bins: number, training: ColumnSummary, live: ColumnSummary): number {
  const worth = windowLike(training.windows ?? [], live.span_minutes!);
  if (worth === undefined) return 0;
  const spans = training.span_minutes! / live.span_minutes!;
  const rows = Math.max(1, Math.min(live.effective_rows, worth.effective_rows / spans));
  const ofTraining = Math.min(training.effective_rows, worth.effective_rows);
  // Shorter windows tell no more than as many of the live length would.
  const windows = (OVERLAP_WORTH * training.span_minutes!) / Math.max(worth.minutes, live.span_minutes!);
  const tail = fQuantile(1 - CHANCE, worth.modes, worth.modes * windows) / fQuantile(1 - CHANCE, DRAWN_MODES, Infinity);
  return indexByChance(bins, rows) * (1 + rows / ofTraining) * Math.max(1, tail);
}

/** The shortest windows of training that are as long as the live one, or lack a hundredth of it; else the longest. */
function windowLike(windows: readonly WindowWorth[], minutes: number): WindowWorth | undefined {
  return windows.find((own) => own.minutes >= 0.99 * minutes) ?? windows.at(-1);
}

/**
 * Live rows that are worth an independent one. A live window is often too short to show how slow a feature is: the
 * training period is longer, and counts where it has fewer per day.
 */
function independentRows(training: ColumnSummary, live: ColumnSummary): number {
  return Math.max(1, Math.min(live.effective_rows, expectedRows(training, live)));
}

/** Rows of the live span that are worth an independent one in training; Infinity of older bundles. */
function expectedRows({ span_minutes: trained, effective_rows }: ColumnSummary, live: ColumnSummary): number {
  return trained === undefined ? Infinity : (effective_rows * live.span_minutes!) / trained;
}

function varies({ counts }: ColumnSummary): boolean {
  return counts.filter((count) => count > 0).length > 1;
}

/** As `independentRows`, for the standard error of a live mean. */
function liveMeanError(training: ColumnSummary, live: ColumnSummary): number | null {
  const { span_minutes: trained, mean_error: error } = training;
  if (live.mean_error === null || trained === undefined || error === null) return live.mean_error;
  return Math.max(live.mean_error, error * Math.sqrt(trained / Math.max(1, live.span_minutes!)));
}

/** Draws of the index by chance; the greatest hundredth is drift. */
const DRAWS = 2000;
const CHANCE = 0.01;
/** From so many effective rows on, rows times index has its limiting distribution. */
const MANY_ROWS = 300;
/** Correlation of neighboring values in the draws. */
const PERSISTENCE = 0.8;
/** By bins and effective rows. */
const byChance = new Map<string, number>();

/**
 * The 99 % quantile of the index of a feature without drift against known shares. For independent rows it would be that
 * of χ² / rows (Yurdakul 2018). The modes of a slow feature differ in persistence (its mean wanders for longer than its
 * spread), so that few of them make most of the index, and with few effective rows higher orders count: the tail is
 * longer than the mean design effect tells (Rao & Scott's second-order correction is for the first of the two). So it
 * is drawn: a normal autoregressive process in bins of equal probability, as long as is worth these rows. Fixed seed.
 */
function indexByChance(bins: number, rows: number): number {
  // In steps of a tenth, rounded down.
  const step = Math.floor(ln(Math.min(rows, MANY_ROWS)) / ln(1.1) + 1e-9);
  const worth = exp(step * ln(1.1));
  const key = `${bins} ${step}`;
  const known = byChance.get(key) ?? drawnIndex(bins, worth);
  byChance.set(key, known);
  return rows > worth ? (known * worth) / rows : known;
}

function drawnIndex(bins: number, rows: number): number {
  const rng = createRng(`psi by chance ${bins}`);
  const steps = Math.max(1, Math.round(rows * designEffect(bins)));
  const edges = Array.from({ length: bins - 1 }, (_, edge) => normalQuantile((edge + 1) / bins));
  const training = chanceSummary(new Array<number>(bins).fill(1), Infinity);
  const found = new Float64Array(DRAWS);
  for (let draw = 0; draw < DRAWS; draw++)
    found[draw] = psiOf(training, chanceSummary(countsOfPath(steps, edges, rng), rows));
  found.sort();
  return found[Math.ceil((1 - CHANCE) * DRAWS) - 1]!;
}

function chanceSummary(counts: number[], effective_rows: number): ColumnSummary {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  return { rows, counts, effective_rows, mean: null, std: null, mean_error: null };
}

/** Counts in the bins of a stationary path. */
function countsOfPath(steps: number, edges: readonly number[], rng: Rng): number[] {
  const counts = new Array<number>(edges.length + 1).fill(0);
  const noise = Math.sqrt(1 - PERSISTENCE * PERSISTENCE);
  let value = rng.normal();
  for (let step = 0; step < steps; step++) {
    counts[lowerBound(edges, value)]!++;
    value = PERSISTENCE * value + noise * rng.normal();
  }
  return counts;
}

/** Steps of a path that are worth an independent row: Rao & Scott's mean design effect, of long paths. */
function designEffect(bins: number): number {
  const key = `${bins} steps`;
  const known = byChance.get(key);
  if (known !== undefined) return known;
  const paths = 1000;
  const steps = 400;
  const edges = Array.from({ length: bins - 1 }, (_, edge) => normalQuantile((edge + 1) / bins));
  const rng = createRng(`design effect ${bins}`);
  let squares = 0;
  for (let path = 0; path < paths; path++)
    for (const count of countsOfPath(steps, edges, rng)) squares += (count / steps - 1 / bins) ** 2 * bins;
  const effect = (steps * squares) / paths / (bins - 1);
  byChance.set(key, effect);
  return effect;
}
