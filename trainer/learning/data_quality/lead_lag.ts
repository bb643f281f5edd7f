import { utcDay } from '../../../shared/utc_day.ts';
import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import {
  aboveNeighbors,
  crossCorrelate,
  type CrossCorrelation,
  type Estimate,
  type Grid,
} from './cross_correlation.ts';
import { commonStep, movesOfBars, type Moves } from './moves.ts';
import { gapClosing, type GapClosing } from './gap_closing.ts';
import { correlateStrata, stratumText, type StratumCorrelation } from './stratum_correlation.ts';

/** Two symbols that move together, but not at the same time. */
export interface LeadLag {
  readonly a: string;
  readonly b: string;
  /** By how much b comes after a; negative: before. Of lags that change: about their mean. */
  readonly lagSeconds: number;
  /** null: one lag. Of lags that change: the longest that was looked at. */
  readonly withinSeconds: number | null;
  /** Of a lag that only part of the bars has. null: all of them. */
  readonly part: Period | null;
  /** Of a lag that only some moves of the leader have: which. null: all of them. */
  readonly among: Pick<StratumCorrelation, 'kind' | 'hour'> | null;
  /** Of what the correlation is. */
  readonly of: 'returns' | 'absolute returns';
  /**
   * At this lag, or summed over all within `withinSeconds`; and at the same time. Of `part`, or of `among`, if there is
   * one.
   */
  readonly correlation: Estimate;
  readonly atZero: Estimate;
}

/** Epoch seconds. */
interface Period {
  readonly from: number;
  readonly to: number;
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
  /**
   * Smallest correlation of returns within a part of the bars, as a multiple of the one at lag 0 in that part, and of
   * the standard deviation of those at all other lags. Of 91 pairs of real symbols (one-minute bars of 2019, two and
   * eight months, 15,000 parts of 1 to 8 sixtieths) the largest at more than two bars reaches 6.3 deviations.
   */
  part: 0.1,
  partMultiple: 2,
  partDeviations: 8,
  /**
   * Smallest correlation of returns among the leader's moves of one hour of the day, of one hour of the week, and among
   * its large ones; as a share of the one at lag 0 among them; and as multiples of the standard error and of the
   * standard deviation of those at other lags. Of 91 pairs of real symbols (one-minute bars of 2019, eight months) the
   * largest at more than two bars are 0.06, 0.13 and 0.04, and no one reaches both 5.5 errors and 5.5 deviations. One
   * or two bars apart stale quotes lag by themselves: 0.08, 0.13 and 0.09, in two months 0.15, at most 0.36 of lag 0.
   */
  stratum: { 'hour of the day': 0.12, 'hour of the week': 0.2, 'large moves': 0.12 },
  stratumNear: 0.3,
  stratumShare: 0.2,
  stratumShareNear: 0.5,
  stratumErrors: 6.5,
  stratumDeviations: 8,
} as const;

const NEAR_STEPS = 2;
/** Lags that are summed, in bars after one another: a delay that changes leaves little at each of them. */
const SUMMED_STEPS: readonly number[] = [5, 15, 30, 60];
/** Lengths of the parts that are looked at alone, in blocks of a cross-correlation: some sixtieths of the bars. */
const PART_BLOCKS: readonly number[] = [1, 2, 4, 8];
/** A part without so much of the moves that its length lets expect, as a weekend, is not judged. */
const LEAST_MOVES = 0.5;
/** Longest lag, in bars, of comparisons among some of the moves: each lag costs a pass over the bars. */
const STRATUM_REACH = 30;
/** Lags around the same time that do not show what chance makes of the others. */
const AROUND_ZERO = 8;
/** Lags to either side that show the same of one lag. */
const BESIDE_LAG = 40;

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
 * are compared over several, for a copy that comes late by changing times, and then in parts of the bars: a clock that
 * is off for the weeks in which only one continent has summer time, a copy that comes late at the end alone. Last come
 * some of the moves, at lags up to 30 bars: a leg that knows the future in one hour of the day or of the week, or only
 * its large moves.
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
    part: null,
    among: null,
    of,
    correlation,
    atZero,
  });
  const closing = gapClosing(movesA.signed, movesB.signed, signed);
  const led = ledReturns(signed, closing);
  if (led !== null) return make(led, 'returns', signed.at(led), signed.at(0));
  const summed = ledSum(signed, closing);
  if (summed !== null) {
    const found = make(summed.lag, 'returns', summed.correlation, signed.at(0));
    return { ...found, withinSeconds: summed.steps * step };
  }
  const parted = ledPart(signed);
  if (parted !== null) {
    const { lag, part, correlation, atZero } = parted;
    return { ...make(lag, 'returns', correlation, atZero), part };
  }
  const among = ledStratum(movesA.signed, movesB.signed);
  if (among !== null) {
    const { lag, correlation, atZero } = among;
    return { ...make(lag, 'returns', correlation, atZero), among: among.stratum };
  }
  const sizes = crossCorrelate(movesA.size, movesB.size, reach);
  const sharp = sizes === null ? null : ledSizes(sizes);
  return sharp === null ? null : make(sharp, 'absolute returns', sizes!.at(sharp), sizes!.at(0));
}

/** The lag other than 0 with the largest correlation that no market has by itself; null without one. */
function ledReturns(signed: CrossCorrelation, closing: GapClosing): number | null {
  const { correlation, shareNear, shareFar } = LEAD_LAG_LIMITS;
  const atZero = Math.abs(signed.values[signed.reach]!);
  return largest(signed.values, (lag, value) => {
    const share = Math.abs(lag) <= NEAR_STEPS ? shareNear : shareFar;
    const least = Math.max(correlation, share * atZero);
    if (Math.abs(value) < least || !isSignificant(signed.at(lag))) return false;
    return Math.abs(value) - closing.explained(lag, lag) >= least;
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
function ledSum(signed: CrossCorrelation, closing: GapClosing): LedSum | null {
  const { sum, sumShare } = LEAD_LAG_LIMITS;
  const atZero = Math.abs(signed.values[signed.reach]!);
  const least = Math.max(sum, sumShare * atZero);
  let best: LedSum | null = null;
  for (const steps of SUMMED_STEPS.filter((own) => own <= signed.reach)) {
    for (const side of [-1, 1]) {
      const correlation = side > 0 ? signed.band(1, steps) : signed.band(-steps, -1);
      const size = Math.abs(correlation.value);
      if (size < least || !isSignificant(correlation) || size <= Math.abs(best?.correlation.value ?? 0)) continue;
      if (size - closing.explained(side, side * steps) < least) continue;
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

interface LedPart {
  readonly lag: number;
  readonly part: Period;
  readonly correlation: Estimate;
  readonly atZero: Estimate;
}

/** The part of the bars, and the lag, at which the legs move together and hardly at the same time. */
function ledPart(signed: CrossCorrelation): LedPart | null {
  const { reach, blocks } = signed;
  let best: LedPart | null = null;
  for (const count of PART_BLOCKS) {
    for (let block = 0; block + count <= blocks; block += Math.ceil(count / 2)) {
      const { values, share } = signed.part(block, count);
      if (share < (LEAST_MOVES * count) / blocks) continue;
      const atZero = values[reach]!;
      const least = Math.max(
        LEAD_LAG_LIMITS.part,
        LEAD_LAG_LIMITS.partMultiple * Math.abs(atZero),
        Math.abs(best?.correlation.value ?? 0),
      );
      const lag = largest(values, (_, value) => Math.abs(value) > least);
      if (lag === null) continue;
      const error = deviationAt(values, reach + lag);
      const correlation = { value: values[reach + lag]!, error };
      if (Math.abs(correlation.value) < LEAD_LAG_LIMITS.partDeviations * error) continue;
      const part = { from: signed.startOf(block), to: signed.startOf(block + count) };
      best = { lag, part, correlation, atZero: { value: atZero, error } };
    }
  }
  return best;
}

interface LedStratum {
  readonly lag: number;
  readonly stratum: Pick<StratumCorrelation, 'kind' | 'hour'>;
  readonly correlation: Estimate;
  readonly atZero: Estimate;
}

/** Some moves of either series that the other one repeats later; large ones first, then hours of the day. */
function ledStratum(a: Grid, b: Grid): LedStratum | null {
  const ofA = correlateStrata(a, b, STRATUM_REACH);
  const ofB = correlateStrata(b, a, STRATUM_REACH);
  for (const kind of ['large moves', 'hour of the day', 'hour of the week'] as const) {
    let best: LedStratum | null = null;
    for (const [side, strata] of [[1, ofA] as const, [-1, ofB] as const]) {
      for (const stratum of strata.filter((own) => own.kind === kind)) {
        const lag = ledLag(stratum);
        if (lag === null) continue;
        const correlation = stratum.lags[lag]!;
        if (Math.abs(correlation.value) <= Math.abs(best?.correlation.value ?? 0)) continue;
        best = { lag: side * lag, stratum: { kind, hour: stratum.hour }, correlation, atZero: stratum.lags[0]! };
      }
    }
    if (best !== null) return best;
  }
  return null;
}

/** The lag with the largest correlation above the limits of `LEAD_LAG_LIMITS` for such moves; null without one. */
function ledLag({ kind, lags }: StratumCorrelation): number | null {
  const limits = LEAD_LAG_LIMITS;
  const atZero = Math.abs(lags[0]!.value);
  const values = lags.map(({ value }) => value);
  let best: number | null = null;
  for (let lag = 1; lag < lags.length; lag++) {
    const { value, error } = lags[lag]!;
    const size = Math.abs(value);
    const isNear = lag <= NEAR_STEPS;
    const least = isNear ? limits.stratumNear : limits.stratum[kind];
    const share = isNear ? limits.stratumShareNear : limits.stratumShare;
    if (size < Math.max(least, share * atZero, limits.stratumErrors * error)) continue;
    const others = values.filter((_, other) => other > NEAR_STEPS && Math.abs(other - lag) > NEAR_STEPS);
    const deviation = Math.sqrt(others.reduce((sum, other) => sum + other * other, 0) / others.length);
    if (size < limits.stratumDeviations * deviation || size <= Math.abs(best === null ? 0 : values[best]!)) continue;
    best = lag;
  }
  return best;
}

/**
 * What chance makes of the correlation at a lag: the larger one of the standard deviations, about 0, of those at all
 * lags but around 0, and of those beside the lag. The latter is larger where this lag brings two lively hours together.
 */
function deviationAt(values: Float64Array, at: number): number {
  const zero = (values.length - 1) / 2;
  const isOther = (other: number): boolean => Math.abs(other - zero) > AROUND_ZERO && Math.abs(other - at) > NEAR_STEPS;
  const deviation = (from: number, to: number): number => {
    let squares = 0;
    let count = 0;
    for (let other = Math.max(0, from); other <= Math.min(values.length - 1, to); other++) {
      if (!isOther(other)) continue;
      squares += values[other]! * values[other]!;
      count++;
    }
    return Math.sqrt(squares / count);
  };
  return Math.max(deviation(0, values.length - 1), deviation(at - BESIDE_LAG, at + BESIDE_LAG));
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
export function leadLagText({
  a,
  b,
  lagSeconds,
  withinSeconds,
  part,
  among,
  of,
  correlation,
  atZero,
}: LeadLag): string {
  const [leader, follower] = lagSeconds > 0 ? [a, b] : [b, a];
  const shown = ({ value, error }: Estimate): string => `${value.toFixed(3)} ± ${error.toFixed(3)}`;
  const late = durationText(lagSeconds);
  const same = `${shown(atZero)} at the same time`;
  const days = part === null ? '' : `, most clearly from ${utcDay(part.from * 1000)} to ${utcDay(part.to * 1000)}`;
  const when = among === null ? days : ` ${stratumText(among)}`;
  if (withinSeconds === null)
    return `${follower} repeats ${leader} ${late} later${when} (correlation of ${of} ${shown(correlation)} at this lag, ${same})`;
  const sum = `correlations of ${of} add up to ${shown(correlation)} over the lags up to ${durationText(withinSeconds)}`;
  return `${follower} repeats ${leader} by changing times, about ${late}, later (${sum}, ${same})`;
}
