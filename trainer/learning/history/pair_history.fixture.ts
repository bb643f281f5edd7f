import { createRng } from '../../../shared/rng.ts';
import type { PairHistory } from './pair_history.ts';

/** A history of given or random bars, without features. */
export interface HistoryBar {
  readonly lnA: number;
  readonly lnB: number;
  readonly alpha: number;
  readonly beta: number;
  readonly zMean: number;
  readonly zStd: number;
  readonly corr: number;
  readonly atrRatio: number;
  /** ln of the opens; default: the previous closes. */
  readonly lnOpenA?: number;
  readonly lnOpenB?: number;
  /** Quoted spreads, basis points; default: unknown. */
  readonly quotedA?: number;
  readonly quotedB?: number;
  /** Minutes since the previous bar. */
  readonly minutes?: number;
}

export const CALM_BAR: HistoryBar = {
  lnA: 0,
  lnB: 0,
  alpha: 0,
  beta: 1,
  zMean: 0,
  zStd: 1,
  corr: 0.9,
  atrRatio: 1,
};

/** The history of these bars; z is derived from the other columns. */
export function historyOf(bars: readonly HistoryBar[]): PairHistory {
  const column = (value: (bar: HistoryBar, i: number) => number): Float64Array => Float64Array.from(bars, value);
  let time = 1_704_146_400;
  return {
    pair: { id: 'AAA_BBB', a: 'AAA', b: 'BBB' },
    length: bars.length,
    time: column(({ minutes }, i) => (time += i === 0 ? 0 : (minutes ?? 1) * 60)),
    openA: column(({ lnOpenA, lnA }, i) => Math.exp(lnOpenA ?? bars[i - 1]?.lnA ?? lnA)),
    openB: column(({ lnOpenB, lnB }, i) => Math.exp(lnOpenB ?? bars[i - 1]?.lnB ?? lnB)),
    quotedA: column(({ quotedA }) => quotedA ?? NaN),
    quotedB: column(({ quotedB }) => quotedB ?? NaN),
    lnA: column(({ lnA }) => lnA),
    lnB: column(({ lnB }) => lnB),
    alpha: column(({ alpha }) => alpha),
    beta: column(({ beta }) => beta),
    corr: column(({ corr }) => corr),
    zMean: column(({ zMean }) => zMean),
    zStd: column(({ zStd }) => zStd),
    z: column(({ lnA, lnB, alpha, beta, zMean, zStd }) => (lnA - alpha - beta * lnB - zMean) / zStd),
    atrRatio: column(({ atrRatio }) => atrRatio),
    row: new Int32Array(bars.length).fill(-1),
    features: new Float32Array(),
    rows: 0,
  };
}

/**
 * A mean-reverting pair with a varying hedge ratio of the given sign, gaps, and opens that differ from the previous
 * closes.
 */
export function randomHistory(seed: string, length: number, betaSign: -1 | 1): PairHistory {
  const rng = createRng(seed);
  const bars: HistoryBar[] = [];
  let lnB = 3;
  let own = 0;
  let alpha = 1;
  let beta = betaSign * (0.5 + rng.uniform());
  let corr = 0.5;
  let atrRatio = 1;
  for (let i = 0; i < length; i++) {
    const before = bars.at(-1);
    lnB += rng.normal() * 1e-3;
    own = own * 0.9 + rng.normal() * 1e-3;
    alpha += rng.normal() * 1e-4;
    beta += rng.normal() * 0.005;
    corr = Math.max(-1, Math.min(1, corr * 0.98 + rng.normal() * 0.05));
    atrRatio = Math.max(0.2, 1 + (atrRatio - 1) * 0.9 + rng.normal() * 0.15);
    bars.push({
      lnA: 1 + betaSign * 0.8 * lnB + own,
      lnB,
      alpha,
      beta,
      // Like the intercept of a regression: this bar's spread is centered on its own mean.
      zMean: 1 - alpha + (betaSign * 0.8 - beta) * lnB + rng.normal() * 3e-4,
      zStd: 8e-4 * (0.7 + 0.6 * rng.uniform()),
      corr,
      atrRatio,
      ...(before === undefined
        ? {}
        : { lnOpenA: before.lnA + rng.normal() * 1e-4, lnOpenB: before.lnB + rng.normal() * 1e-4 }),
      minutes: rng.uniform() < 0.05 ? 1 + rng.integer(3000) : 1,
    });
  }
  return historyOf(bars);
}
