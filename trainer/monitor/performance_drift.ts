import type { Manifest } from '../../shared/bundle/manifest.ts';
import type { FilledTrade } from '../backtest/backtest.ts';
import { aucStandardError } from '../validate/noise.ts';
import { meanOverBlocks } from './cluster.ts';
import { SIGMAS } from './drift.ts';

/** Labels of the same minute agree between pairs: their uniqueness within pairs counts them this many times (see `averageUniqueness`). */
const PAIR_OVERLAP = 1.2;
/** With fewer independent live labels of either kind an AUC is no figure yet. */
const FEWEST_LABELS = 30;
/** With fewer live trades a win rate is no figure yet. */
const FEWEST_TRADES = 20;

/** A figure on the bars since training beside that of the bundle. */
export interface Compared {
  /** null where it does not exist. */
  readonly live: number | null;
  readonly bundle: number | null;
  /** (live − bundle) / bundle. */
  readonly gap: number | null;
  /** What the amount of the gap may be by chance. Infinity where too little is known. */
  readonly gap_noise: number;
  /** Rows or trades. */
  readonly live_count: number;
  readonly bundle_count: number;
}

/** Labelled candidates of AI1, in all and counted as independent ones. */
export interface LabelCounts {
  readonly rows: number;
  readonly positives: number;
  readonly negatives: number;
}

/**
 * AI1's AUC on its evaluation label against that of the bundle's final period; rows there are as alike as the live ones. What chance does to the live one is
 * asked where the bundle's is: a handful of rows in a perfect order has no error of its own.
 */
export function compareAuc(live: number | null, counts: LabelCounts, { metrics }: Pick<Manifest, 'metrics'>): Compared {
  const { auc: bundle, rows, label_mean } = metrics.ai1.holdout;
  const independent = (counts.positives + counts.negatives) / PAIR_OVERLAP;
  const share = counts.rows === 0 ? 0 : independent / counts.rows;
  const errors =
    live === null || bundle === null || Math.min(counts.positives, counts.negatives) < FEWEST_LABELS
      ? [Infinity]
      : [
          aucStandardError(bundle, counts.positives / PAIR_OVERLAP, counts.negatives / PAIR_OVERLAP),
          aucStandardError(bundle, rows * share * (label_mean ?? 0), rows * share * (1 - (label_mean ?? 0))),
        ];
  return compared(live, bundle, errors, counts.rows, rows);
}

/** Trades and how many of them earned after costs. */
export interface WinCount {
  readonly trades: number;
  readonly wins: number;
}

export function countWins(trades: readonly Pick<FilledTrade, 'scale' | 'netBps'>[]): WinCount {
  return { trades: trades.length, wins: trades.filter(isWin).length };
}

export function isWin({ scale, netBps }: Pick<FilledTrade, 'scale' | 'netBps'>): boolean {
  return scale * netBps > 0;
}

/**
 * The win rate against that of the bundle's backtest. Trades of a day go together, whatever their pair: the live error is taken from days, and what
 * it is more than that of independent trades counts for the bundle's as well.
 * @param days the day of each live trade, 0 … `dayCount` − 1
 */
export function compareWinRate(
  trades: readonly Pick<FilledTrade, 'scale' | 'netBps'>[],
  days: ArrayLike<number>,
  dayCount: number,
  bundle: WinCount | null,
): Compared {
  const wins = trades.map((trade) => (isWin(trade) ? 1 : 0));
  const { mean: live, standardError } = meanOverBlocks(wins, days, dayCount);
  const before = bundle === null || bundle.trades === 0 ? null : bundle.wins / bundle.trades;
  if (live === null || before === null || trades.length < FEWEST_TRADES)
    return compared(live, before, [Infinity], trades.length, bundle?.trades ?? 0);
  // Half a win more and half a loss: no winner among few is no certainty.
  const guess = (live * trades.length + 0.5) / (trades.length + 1);
  const alone = Math.sqrt((guess * (1 - guess)) / trades.length);
  const error = Math.max(alone, standardError);
  const bundleError = (Math.sqrt((before * (1 - before)) / bundle!.trades) * error) / alone;
  return compared(live, before, [error, bundleError], trades.length, bundle!.trades);
}

function compared(
  live: number | null,
  bundle: number | null,
  errors: readonly number[],
  liveCount: number,
  bundleCount: number,
): Compared {
  const isThere = live !== null && bundle !== null && bundle > 0;
  const error = Math.sqrt(errors.reduce((sum, one) => sum + one * one, 0));
  return {
    live,
    bundle,
    gap: isThere ? (live - bundle) / bundle : null,
    gap_noise: isThere ? (SIGMAS * error) / bundle : Infinity,
    live_count: liveCount,
    bundle_count: bundleCount,
  };
}

/** Share of the entry candidates whose risk_score is below θ2. */
export interface PassRate {
  readonly live: number | null;
  /** How far it may lie from the true one by chance. */
  readonly noise: number;
  readonly candidates: number;
}

/**
 * @param passed 1 for each candidate that AI2 lets pass, else 0
 * @param blocks of time that candidates stand in: those of the same excursion are not independent
 */
export function passRate(passed: ArrayLike<number>, block: ArrayLike<number>, blocks: number): PassRate {
  const { mean, standardError } = meanOverBlocks(passed, block, blocks);
  return { live: mean, noise: SIGMAS * standardError, candidates: passed.length };
}
