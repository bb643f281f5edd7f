import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { aboveNeighbors, crossCorrelate, type CrossCorrelation, type Estimate } from './cross_correlation.ts';
import { commonStep, movesOfBars, type Moves } from './moves.ts';

/** Two symbols that move together, but not at the same time. */
export interface LeadLag {
  readonly a: string;
  readonly b: string;
  /** By how much b comes after a; negative: before. Of lags that change: about their mean. */
  readonly lagSeconds: number;
  /** null: one lag. Of lags that change: the longest that was looked at. */
  readonly withinSeconds: number | null;
  /** Of what the correlation is. */
  readonly of: 'returns' | 'absolute returns';
  /** At this lag, or summed over all within `withinSeconds`; and at the same time. */
  readonly correlation: Estimate;
  readonly atZero: Estimate;
}

const HOUR_S = 3600;
/** A day and an hour, so that a date that is off by one is found too. */
const REACH_S = 25 * HOUR_S;
/** At coarse bars more lags are tested, for a baseline beside each. */
const MIN_REACH_STEPS = 26;

/**
 * Limits of what a market does by itself. On the pairs of the default configuration (one-minute bars of 2019) and five
 * coins (1 h, 30 min and 1 min), the largest correlation of returns at another lag than 0 is 0.043, one bar apart,
 * 0.031 further away, and at most a twentieth of that at lag 0. Their sums over 5 to 60 bars after one another are at
 * most 0.13, and a fifth of the correlation at lag 0.
 */
export const LEAD_LAG_LIMITS = {
  /** Smallest correlation that counts. */
  correlation: 0.06,
  /**
   * As a share of the correlation at lag 0: up to two bars apart, where stale quotes lag by themselves, and further.
   */
  shareNear: 0.2,
  shareFar: 0.1,
  /** Smallest sum of correlations over several lags that counts, and as a share of the correlation at lag 0. */
  sum: 0.15,
  sumShare: 0.25,
  /** Smallest sharpness of absolute returns that counts. */
  sharpness: 0.06,
  /** Standard errors: with 3,000 lags of both kinds, one false finding in more than 1,000 pairs. */
  errors: 6.5,
} as const;

const NEAR_STEPS = 2;
/** Lags that are summed, in bars after one another: a delay that changes leaves little at each of them. */
const SUMMED_STEPS: readonly number[] = [5, 15, 30, 60];

/** Moves of a symbol are computed once per step. */
export type MovesOf = (bars: BarColumns, step: number) => Moves;

export function movesCache(): MovesOf {
  const known = new Map<BarColumns, Map<number, Moves>>();
  return (bars, step) => {
    const own = known.get(bars) ?? new Map<number, Moves>();
    known.set(bars, own);
    const moves = own.get(step) ?? movesOfBars(bars, step);
    own.set(step, moves);
    return moves;
  };
}

/**
 * Whether one symbol repeats the other at another time: a copy that comes late, a clock that is off, a leg that knows
 * what comes. Returns are compared at every lag up to 25 hours, and so are absolute returns, which also show a clock
 * that is off where the signs have nothing in common. The largest finding counts. Where no single lag is one, returns
 * are compared over several: a copy that comes late by changing times.
 * @returns null when there is none, or too little data to say
 */
export function findLeadLag(a: BarColumns, b: BarColumns, movesOf: MovesOf = movesOfBars): LeadLag | null {
  const step = commonStep(a, b);
  const movesA = movesOf(a, step);
  const movesB = movesOf(b, step);
  const reach = Math.max(MIN_REACH_STEPS, Math.round(REACH_S / step));
  const signed = crossCorrelate(movesA.signed, movesB.signed, reach);
  if (signed === null) return null;
  const make = (lag: number, of: LeadLag['of'], correlation: Estimate, atZero: Estimate): LeadLag => ({
    a: a.symbol,
    b: b.symbol,
    lagSeconds: lag * step,
    withinSeconds: null,
    of,
    correlation,
    atZero,
  });
  const led = ledReturns(signed);
  if (led !== null) return make(led, 'returns', signed.at(led), signed.at(0));
  const summed = ledSum(signed);
  if (summed !== null) {
    const found = make(summed.lag, 'returns', summed.correlation, signed.at(0));
    return { ...found, withinSeconds: summed.steps * step };
  }
  const sizes = crossCorrelate(movesA.size, movesB.size, reach);
  const sharp = sizes === null ? null : ledSizes(sizes);
  return sharp === null ? null : make(sharp, 'absolute returns', sizes!.at(sharp), sizes!.at(0));
}

/** The lag other than 0 with the largest correlation that no market has by itself; null without one. */
function ledReturns(signed: CrossCorrelation): number | null {
  const { correlation, shareNear, shareFar } = LEAD_LAG_LIMITS;
  const atZero = Math.abs(signed.values[signed.reach]!);
  return largest(signed.values, (lag, value) => {
    const share = Math.abs(lag) <= NEAR_STEPS ? shareNear : shareFar;
    return Math.abs(value) >= Math.max(correlation, share * atZero) && isSignificant(signed.at(lag));
  });
}

interface LedSum {
  /** Mean of the lags, weighted by their correlations, whole. */
  readonly lag: number;
  /** How many lags are summed. */
  readonly steps: number;
  readonly correlation: Estimate;
}

/** The largest sum of correlations over several lags, of either direction, that no market has by itself. */
function ledSum(signed: CrossCorrelation): LedSum | null {
  const { sum, sumShare } = LEAD_LAG_LIMITS;
  const atZero = Math.abs(signed.values[signed.reach]!);
  const least = Math.max(sum, sumShare * atZero);
  let best: LedSum | null = null;
  for (const steps of SUMMED_STEPS.filter((own) => own <= signed.reach)) {
    for (const side of [-1, 1]) {
      const correlation = side > 0 ? signed.band(1, steps) : signed.band(-steps, -1);
      const size = Math.abs(correlation.value);
      if (size < least || !isSignificant(correlation) || size <= Math.abs(best?.correlation.value ?? 0)) continue;
      best = { lag: side * meanLag(signed, side, steps), steps, correlation };
    }
  }
  return best;
}

/** From 1 to `steps`. */
function meanLag(signed: CrossCorrelation, side: number, steps: number): number {
  let products = 0;
  let sum = 0;
  for (let lag = 1; lag <= steps; lag++) {
    const value = signed.values[signed.reach + side * lag]!;
    products += lag * value;
    sum += value;
  }
  return Math.max(1, Math.min(steps, Math.round(products / sum)));
}

/** The lag other than 0 at which absolute returns coincide most sharply, and more than at 0; null without one. */
function ledSizes(sizes: CrossCorrelation): number | null {
  const sharpness = sizes.values.map((_, at) => aboveNeighbors(sizes.values, at));
  const limit = Math.max(LEAD_LAG_LIMITS.sharpness, sharpness[sizes.reach]!);
  return largest(sharpness, (lag, value) => value >= limit && isSignificant(sizes.sharpness(lag)));
}

function isSignificant({ value, error }: Estimate): boolean {
  return Math.abs(value) >= LEAD_LAG_LIMITS.errors * error;
}

/** @param values of lags −reach…reach */
function largest(values: Float64Array, isLed: (lag: number, value: number) => boolean): number | null {
  const reach = (values.length - 1) / 2;
  let best: number | null = null;
  let size = 0;
  values.forEach((value, at) => {
    const lag = at - reach;
    if (lag === 0 || Math.abs(value) <= size || !isLed(lag, value)) return;
    best = lag;
    size = Math.abs(value);
  });
  return best;
}

/** `5 h`, `10 min`, `1 h 30 min`. */
export function durationText(seconds: number): string {
  const minutes = Math.round(Math.abs(seconds) / 60);
  const parts = [minutes >= 60 ? `${Math.floor(minutes / 60)} h` : '', minutes % 60 > 0 ? `${minutes % 60} min` : ''];
  return parts.filter((part) => part !== '').join(' ');
}

/**
 * `NZDUSD repeats AUDUSD 10 min later (correlation of returns 0.67 ± 0.01 at this lag, 0.00 ± 0.01 at the same time)`.
 */
export function leadLagText({ a, b, lagSeconds, withinSeconds, of, correlation, atZero }: LeadLag): string {
  const [leader, follower] = lagSeconds > 0 ? [a, b] : [b, a];
  const shown = ({ value, error }: Estimate): string => `${value.toFixed(3)} ± ${error.toFixed(3)}`;
  const late = durationText(lagSeconds);
  const same = `${shown(atZero)} at the same time`;
  if (withinSeconds === null)
    return `${follower} repeats ${leader} ${late} later (correlation of ${of} ${shown(correlation)} at this lag, ${same})`;
  const sum = `correlations of ${of} add up to ${shown(correlation)} over the lags up to ${durationText(withinSeconds)}`;
  return `${follower} repeats ${leader} by changing times, about ${late}, later (${sum}, ${same})`;
}
