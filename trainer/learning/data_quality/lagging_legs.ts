import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { durationText, findLeadLag, leadLagText, movesCache, type LeadLag, type MovesOf } from './lead_lag.ts';

/** Two legs that move at different times. */
export interface LaggingLegs extends LeadLag {
  /** Legs that were compared. */
  readonly legs: string;
  /** The leg that other symbols say is off; null when they do not decide. */
  readonly culprit: string | null;
}

/** Symbols that are asked which leg is off. */
const WITNESSES = 6;
const HALF_HOUR_S = 1800;

/** The symbols of a pair. */
export interface Legs {
  readonly a: string;
  readonly b: string;
}

/** Bars are compared once per process and pair of legs: training, proof and adoption read the same ones. */
const compared = new WeakMap<BarColumns, WeakMap<BarColumns, LeadLag | null>>();

/** `findLeadLag`, remembered as long as the bars are. */
export function leadLagOf(a: BarColumns, b: BarColumns, movesOf: MovesOf): LeadLag | null {
  let own = compared.get(a);
  if (own === undefined) compared.set(a, (own = new WeakMap<BarColumns, LeadLag | null>()));
  const known = own.get(b);
  if (known !== undefined) return known;
  const found = findLeadLag(a, b, movesOf);
  own.set(b, found);
  return found;
}

/**
 * Pairs of which one leg repeats the other at another time, by their own bars, whatever the timeframe of the pair.
 * Where other symbols move with one leg at the same time and with the other at that lag, the second one is named.
 */
export function findLaggingLegs(
  pairs: readonly Legs[],
  bars: ReadonlyMap<string, BarColumns>,
  movesOf: MovesOf = movesCache(),
): LaggingLegs[] {
  const legs = new Map(pairs.map((pair) => [`${pair.a}_${pair.b}`, pair]));
  return [...legs].flatMap(([name, pair]) => {
    const a = bars.get(pair.a);
    const b = bars.get(pair.b);
    if (a === undefined || b === undefined) return [];
    const found = leadLagOf(a, b, movesOf);
    return found === null ? [] : [{ ...found, legs: name, culprit: culpritOf(found, bars, movesOf) }];
  });
}

/** @throws MinutehandError LEG_LAGS with the lag of each such pair, and the leg that is probably off */
export function refuseLaggingLegs(pairs: readonly Legs[], bars: ReadonlyMap<string, BarColumns>): void {
  const found = findLaggingLegs(pairs, bars);
  if (found.length > 0) throw laggingLegsError(found);
}

export function laggingLegsError(found: readonly LaggingLegs[]): MinutehandError {
  const guesses = [...new Set(found.flatMap((one) => guessOf(one) ?? []))];
  return new MinutehandError('LEG_LAGS', {
    seen: found.map((one) => `${one.legs}: ${leadLagText(one)}`).join('; '),
    expected: 'legs that move at the same time',
    ...(guesses.length > 0 && { next: `${guesses.join(' ')} Import it again on its own clock.` }),
  });
}

/** `NZDUSD is probably 5 h late.`; null where neither leg can be named. */
export function guessOf({ a, lagSeconds, culprit }: LaggingLegs): string | null {
  if (culprit === null) return null;
  const isLate = lagSeconds > 0 !== (culprit === a);
  const off = durationText(lagSeconds);
  const clock = lagSeconds % HALF_HOUR_S === 0 ? 'Its clock is' : 'It is';
  return `${culprit}: ${clock} probably ${off} ${isLate ? 'late' : 'early'}.`;
}

/** The leg that is off by that lag for a symbol for which the other is not. */
function culpritOf(
  { a, b, lagSeconds }: LeadLag,
  bars: ReadonlyMap<string, BarColumns>,
  movesOf: MovesOf,
): string | null {
  const witnesses = [...bars.values()].filter(({ symbol }) => symbol !== a && symbol !== b).slice(0, WITNESSES);
  let votes = 0;
  for (const witness of witnesses) {
    const ofA = leadLagOf(bars.get(a)!, witness, movesOf);
    const ofB = leadLagOf(bars.get(b)!, witness, movesOf);
    // b is late by the lag: it is late against the witness too, so the witness is early against b.
    if (ofA === null && ofB?.lagSeconds === -lagSeconds) votes--;
    if (ofB === null && ofA?.lagSeconds === lagSeconds) votes++;
  }
  if (votes === 0) return null;
  return votes > 0 ? a : b;
}
