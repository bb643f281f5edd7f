import type { BarColumns } from '../../../shared/bar_file/bar_file.ts';
import { type Legs, refuseLaggingLegs } from './lagging_legs.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import { matchMinutes } from '../history/pair_history.ts';

/** Two legs whose closes move alike to the last digit: the bars of one symbol under two names. */
interface EqualLegs {
  readonly a: string;
  readonly b: string;
  /** Moves of `a`, between bars that both have, in which its close changes. */
  readonly moves: number;
  /** Those in which `b` changes by the same factor, or by its inverse. */
  readonly equal: number;
}

/** With fewer moves nothing is said. */
const MIN_MOVES = 100;
/** Quotes of two sources of one market agree to the last digit in some minutes, but not in nearly all. */
const EQUAL_SHARE = 0.9;
/** Relative; what dividing one number by another leaves. */
const ROUNDING = 1e-9;

/** Compares two legs, whose spread is then constant: there is nothing to learn and nothing to trade. */
export function findEqualLegs(a: BarColumns, b: BarColumns): EqualLegs | null {
  const { length, inA, inB } = matchMinutes(a, b);
  let moves = 0;
  let equal = 0;
  for (let minute = 1; minute < length; minute++) {
    const moveA = a.close[inA[minute]!]! / a.close[inA[minute - 1]!]!;
    const moveB = b.close[inB[minute]!]! / b.close[inB[minute - 1]!]!;
    if (moveA === 1) continue;
    moves++;
    if (Math.abs(moveA / moveB - 1) < ROUNDING || Math.abs(moveA * moveB - 1) < ROUNDING) equal++;
  }
  if (moves < MIN_MOVES || equal < EQUAL_SHARE * moves) return null;
  return { a: a.symbol, b: b.symbol, moves, equal };
}

/** @throws MinutehandError LEGS_EQUAL with each such pair */
function refuseEqualLegs(pairs: readonly Legs[], bars: ReadonlyMap<string, BarColumns>): void {
  const found = pairs.flatMap((pair) => {
    const a = bars.get(pair.a);
    const b = bars.get(pair.b);
    return a === undefined || b === undefined ? [] : (findEqualLegs(a, b) ?? []);
  });
  if (found.length === 0) return;
  throw new MinutehandError('LEGS_EQUAL', {
    seen: found
      .map(({ a, b, moves, equal }) => `${a}_${b}: ${equal} of ${moves} moves are the same to the last digit`)
      .join('; '),
    expected: 'two symbols with prices of their own',
  });
}

/**
 * What everything that learns from pairs, or says what they earned, refuses before it begins.
 * @param others symbols whose bars formulas read beside those of the legs: one that moves before a leg knows what the
 *   leg does next
 * @throws MinutehandError LEGS_EQUAL, LEG_LAGS
 */
export function refuseUnsoundLegs(
  pairs: readonly Legs[],
  bars: ReadonlyMap<string, BarColumns>,
  others: readonly string[] = [],
): void {
  refuseEqualLegs(pairs, bars);
  const read = pairs.flatMap(({ a, b }) =>
    others
      .filter((other) => other !== a && other !== b)
      .flatMap((other) => [a, b].map((leg) => ({ a: leg, b: other }))),
  );
  refuseLaggingLegs([...pairs, ...read], bars);
}
