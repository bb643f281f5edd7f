import { createRng } from '../../../shared/rng.ts';
import { quantileGroups, type Groups } from './quantile_groups.ts';

const SECONDS_PER_DAY = 86_400;
/** Groups of rows of about equal size by the value of a candidate; missing values are one more. */
const GROUPS = 8;
/** Sign flips of every candidate, and of one that is still promising after these. */
const FIRST_FLIPS = 2000;
const ALL_FLIPS = 200_000;
const PROMISING_P = 0.01;

/** What the present model leaves unexplained, of rows that it was not trained on. Arrays: [rows]. */
export interface Unexplained {
  /** Label minus probability, with mean 0 at every level of the probability. */
  readonly residual: Float64Array;
  readonly weights: Float64Array;
  /** Epoch seconds. */
  readonly time: Float64Array;
}

export interface CandidateScore {
  /**
   * Chance that a candidate without an effect groups the residuals as far apart: share of sign flips of whole UTC days,
   * the observed one included.
   */
  readonly p: number;
  /**
   * Fraction of the weighted squared residual of each part of the time that the group means of the other parts explain;
   * negative: they mislead.
   */
  readonly gains: readonly number[];
}

/**
 * Tests whether the mean residual differs between groups of a candidate's values: the gain of one more split of a
 * boosted model. Rows of a day depend on each other as they like, across all pairs: the null distribution flips the
 * signs of whole days (wild cluster bootstrap; Cameron, Gelbach & Miller 2008, Review of Economics and Statistics 90).
 * @param values NaN where missing, [rows]
 * @param parts of the time, of about equal numbers of days, for `gains`
 */
export function scoreCandidate(
  values: ArrayLike<number>,
  rows: Unexplained,
  { parts, seed }: { readonly parts: number; readonly seed: string },
): CandidateScore {
  const sums = sumByDay(quantileGroups(values, GROUPS), rows);
  if (sums.groups < 2) return { p: 1, gains: Array.from({ length: parts }, () => 0) };
  const first = chance(sums, FIRST_FLIPS, `${seed}/first`);
  const p = first <= PROMISING_P ? chance(sums, ALL_FLIPS, `${seed}/all`) : first;
  return { p, gains: gainsOf(sums, parts) };
}

interface DaySums {
  readonly days: number;
  readonly groups: number;
  /** Weighted residuals, [days × groups], days in order of time. */
  readonly residual: Float64Array;
  /** Weights, [days × groups]. */
  readonly weight: Float64Array;
  /** Weighted squared residuals, [days]. */
  readonly square: Float64Array;
}

function sumByDay({ group, groups }: Groups, { residual, weights, time }: Unexplained): DaySums {
  const numbers = [...new Set(Float64Array.from(time, (at) => Math.floor(at / SECONDS_PER_DAY)))].sort((a, b) => a - b);
  const dayOf = new Map(numbers.map((number, day) => [number, day]));
  const days = numbers.length;
  const sums: DaySums = {
    days,
    groups,
    residual: new Float64Array(days * groups),
    weight: new Float64Array(days * groups),
    square: new Float64Array(days),
  };
  for (let row = 0; row < time.length; row++) {
    const day = dayOf.get(Math.floor(time[row]! / SECONDS_PER_DAY))!;
    const cell = day * groups + group[row]!;
    const weighted = weights[row]! * residual[row]!;
    sums.residual[cell]! += weighted;
    sums.weight[cell]! += weights[row]!;
    sums.square[day]! += weighted * residual[row]!;
  }
  return sums;
}

/**
 * Weighted squared distances of the groups' means from the mean of all: Σ over groups of (sum of weighted residuals)² ÷
 * weight, less that of all rows as one group. @param signs of the days
 */
function distance({ days, groups, residual }: DaySums, weights: Float64Array, signs: Int8Array): number {
  let between = 0;
  let all = 0;
  let weight = 0;
  for (let group = 0; group < groups; group++) {
    let sum = 0;
    for (let day = 0; day < days; day++) sum += signs[day]! * residual[day * groups + group]!;
    const own = weights[group]!;
    if (own > 0) between += (sum * sum) / own;
    all += sum;
    weight += own;
  }
  return between - (all * all) / weight;
}

function chance(sums: DaySums, flips: number, seed: string): number {
  const { days, groups, weight } = sums;
  const weights = new Float64Array(groups);
  for (let cell = 0; cell < weight.length; cell++) weights[cell % groups]! += weight[cell]!;
  const signs = new Int8Array(days).fill(1);
  const observed = distance(sums, weights, signs);
  const rng = createRng(seed);
  let asFar = 1;
  for (let flip = 0; flip < flips; flip++) {
    for (let day = 0; day < days; day++) signs[day] = rng.uniform() < 0.5 ? -1 : 1;
    if (distance(sums, weights, signs) >= observed) asFar++;
  }
  return asFar / (flips + 1);
}

function gainsOf({ days, groups, residual, weight, square }: DaySums, parts: number): number[] {
  const partOf = (day: number): number => Math.min(parts - 1, Math.floor((day * parts) / days));
  const own = new Float64Array(parts * groups);
  const ownWeight = new Float64Array(parts * groups);
  const squares = new Float64Array(parts);
  for (let day = 0; day < days; day++) {
    squares[partOf(day)]! += square[day]!;
    for (let group = 0; group < groups; group++) {
      own[partOf(day) * groups + group]! += residual[day * groups + group]!;
      ownWeight[partOf(day) * groups + group]! += weight[day * groups + group]!;
    }
  }
  return Array.from({ length: parts }, (_, part) => {
    let gain = 0;
    for (let group = 0; group < groups; group++) {
      let sum = 0;
      let total = 0;
      for (let other = 0; other < parts; other++) {
        if (other === part) continue;
        sum += own[other * groups + group]!;
        total += ownWeight[other * groups + group]!;
      }
      const mean = total > 0 ? sum / total : 0;
      gain += 2 * mean * own[part * groups + group]! - mean * mean * ownWeight[part * groups + group]!;
    }
    return squares[part]! > 0 ? gain / squares[part]! : 0;
  });
}
