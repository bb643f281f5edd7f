import { crossCorrelate, type CrossCorrelation, type Estimate, type Grid } from './cross_correlation.ts';

/** What legs that both take moves back show at lags other than 0, though neither is late. */
export interface GapClosing {
  /**
   * Size of the correlations at the lags `first` … `last`, together, that moves which both legs take back may explain.
   * Both lags are of one sign.
   */
  explained(first: number, last: number): number;
}

/** Standard errors that each of the three signs needs: by chance all three have them in less than 1 %. */
const SIGN_ERRORS = 1;
/** Standard errors by which moves that are taken back may explain more than their signs show. */
const MARGIN_ERRORS = 3;

/**
 * Legs that leave each other and come back from both sides repeat each other in either direction: after a move of its
 * own a leg takes back a part, and the other one follows by a part. Legs with an asset in common that comes back, as
 * GBPUSD and GBPJPY when the pound does, both take back what they did together: each does the opposite of what the
 * other one did before. Either way such a correlation is there at the opposite lag as well, and each leg reverses
 * itself by as much: the middle of legs that close their gap, or what legs with a common asset do alone, has nothing to
 * come back to. The least of the three is explained. A leg that comes late, or knows what comes, repeats in one
 * direction; one that does both reverses nothing.
 * @param cross of a and b
 */
export function gapClosing(a: Grid, b: Grid, cross: CrossCorrelation): GapClosing {
  let ownMoves: readonly CrossCorrelation[] | null = null;
  /** Each with itself; computed where it is asked for, since few pairs have such correlations. */
  const own = (): readonly CrossCorrelation[] =>
    (ownMoves ??= [a, b].flatMap((moves) => crossCorrelate(moves, moves, cross.reach) ?? []));
  const band = (of: CrossCorrelation, first: number, last: number): Estimate =>
    of.band(Math.min(first, last), Math.max(first, last));
  return {
    explained(first, last) {
      const sign = Math.sign(band(cross, first, last).value);
      const opposite = band(cross, -first, -last);
      if (sign * opposite.value < SIGN_ERRORS * opposite.error) return 0;
      const reversals = own().map((of) => band(of, first, last));
      if (reversals.some(({ value, error }) => -value < SIGN_ERRORS * error)) return 0;
      const least = Math.min(...[opposite, ...reversals].map(({ value }) => Math.abs(value)));
      return least + MARGIN_ERRORS * opposite.error;
    },
  };
}
