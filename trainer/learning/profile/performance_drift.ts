import type { ModelMetrics } from '../../../shared/bundle/manifest.ts';
import type { FilledTrade } from '../trades/backtest.ts';
import { aucStandardError } from '../dataset/noise.ts';
import { meanOverBlocks } from '../statistics/cluster.ts';
import { SIGMAS } from './drift.ts';
import { lastStreak, streakLimit } from './evidence.ts';

/**
 * Labels of the same minute agree between pairs: their uniqueness within pairs counts them this many times (see
 * `averageUniqueness`).
 */
const PAIR_OVERLAP = 1.2;
/** With fewer independent live labels of either kind an AUC is no figure yet. */
const MIN_LABELS = 30;
/** With fewer live trades a win rate is no figure yet. */
const MIN_TRADES = 20;

/** A figure on the bars since training beside that of the bundle. */
export interface Compared {
  /** null where it does not exist. */
  readonly live: number | null;
  readonly bundle: number | null;
  /** (live − bundle) / bundle. */
  readonly gap: number | null;
  /** Expected amount of the gap by chance. Infinity with too little data. */
  readonly gap_noise: number;
  /** Rows or trades. */
  readonly live_count: number;
  readonly bundle_count: number;
}

/** Labeled candidates of AI1, in all and counted as independent ones. */
export interface LabelCounts {
  readonly rows: number;
  readonly positives: number;
  readonly negatives: number;
}

/**
 * AI1's AUC on its evaluation label against that of the bundle's holdout; its rows are as correlated as the live ones.
 * The standard error of the live AUC is evaluated at the bundle's AUC: a handful of rows in a perfect order has no
 * error of its own.
 * @param holdout of the same models on the same pairs; null in older bundles
 */
export function compareAuc(live: number | null, counts: LabelCounts, holdout: ModelMetrics | null): Compared {
  const { auc: bundle, rows, label_mean } = holdout ?? { auc: null, rows: 0, label_mean: null };
  const independent = (counts.positives + counts.negatives) / PAIR_OVERLAP;
  const share = counts.rows === 0 ? 0 : independent / counts.rows;
  const errors =
    live === null || bundle === null || Math.min(counts.positives, counts.negatives) < MIN_LABELS
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

export function isWin({ scale, netBps }: Pick<FilledTrade, 'scale' | 'netBps'>): boolean {
  return scale * netBps > 0;
}

/** The win rate against that of the bundle's backtest, as `compareShare`. */
export function compareWinRate(
  trades: readonly Pick<FilledTrade, 'scale' | 'netBps'>[],
  days: ArrayLike<number>,
  dayCount: number,
  bundle: WinCount | null,
): Compared {
  const wins = trades.map((trade) => (isWin(trade) ? 1 : 0));
  return compareShare(wins, days, dayCount, bundle === null ? null : shareOf(bundle), MIN_TRADES);
}

/** A share of wins that was measured before. */
export interface KnownShare {
  readonly share: number;
  /** Of independent trades. */
  readonly standardError: number;
  readonly trades: number;
}

/** null without trades. */
export function shareOf({ trades, wins }: WinCount): KnownShare | null {
  if (trades === 0) return null;
  const share = wins / trades;
  return { share, standardError: Math.sqrt((share * (1 - share)) / trades), trades };
}

/**
 * A share of wins against that of the bundle's backtest. Trades of a day are correlated across pairs: the live error is
 * estimated from days, and its ratio to that of independent trades is applied to the bundle's as well.
 * @param wins 1 for each live trade that earned something, else 0
 * @param days the day of each live trade, 0 … `dayCount` − 1
 * @param fewest with fewer live trades there is no share yet
 */
export function compareShare(
  wins: readonly number[],
  days: ArrayLike<number>,
  dayCount: number,
  bundle: KnownShare | null,
  fewest: number,
): Compared {
  const { mean: live, standardError } = meanOverBlocks(wins, days, dayCount);
  const { length } = wins;
  if (live === null || bundle === null || length < fewest)
    return compared(live, bundle?.share ?? null, [Infinity], length, bundle?.trades ?? 0);
  // The standard error is evaluated at the bundle's share: the score test, whose interval is Wilson's (1927). Half a
  // win and half a loss are added, because a share of 0 or 1 among few is no certainty.
  const before = (bundle.share * bundle.trades + 0.5) / (bundle.trades + 1);
  const alone = Math.sqrt((before * (1 - before)) / length);
  const error = Math.max(alone, standardError);
  return compared(live, bundle.share, [error, (bundle.standardError * error) / alone], length, bundle.trades);
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
  /** Sampling error of the share. */
  readonly noise: number;
  readonly candidates: number;
}

/** Streak in which AI2 admitted no entry candidate (risk_flag 1), in blocks of time that have candidates. */
export interface RiskStreak {
  readonly blocks: number;
  readonly candidates: number;
  /** From this length on it is too long for chance; null where there is no limit. */
  readonly limit: number | null;
  /** Share of candidates that pass, as the bundle has it. */
  readonly expected_pass_rate: number;
}

/**
 * @param times ascending, epoch seconds of the candidates
 * @param passed 1 for each that passes, else 0
 * @param blockSeconds candidates of a block go together and count as one, which passes if one of them does
 * @param windowBlocks blocks in which a streak may begin anywhere
 */
export function riskStreak(
  times: ArrayLike<number>,
  passed: ArrayLike<number>,
  { expected, significance, blockSeconds, windowBlocks }: StreakOptions,
): RiskStreak {
  const blocks: { id: number; passes: number; candidates: number }[] = [];
  for (let i = 0; i < times.length; i++) {
    const id = Math.floor(times[i]! / blockSeconds);
    if (blocks.at(-1)?.id !== id) blocks.push({ id, passes: 0, candidates: 0 });
    const block = blocks.at(-1)!;
    block.candidates++;
    block.passes = Math.max(block.passes, passed[i]!);
  }
  const length = lastStreak(blocks.map(({ passes }) => passes));
  const candidates = blocks.slice(blocks.length - length).reduce((sum, block) => sum + block.candidates, 0);
  const limit = significance === null ? Infinity : streakLimit(expected, windowBlocks, significance);
  return { blocks: length, candidates, limit: Number.isFinite(limit) ? limit : null, expected_pass_rate: expected };
}

export interface StreakOptions {
  /** Share of candidates that pass, as the bundle has it. */
  readonly expected: number;
  /** `risk_streak_significance`. */
  readonly significance: number | null;
  readonly blockSeconds: number;
  readonly windowBlocks: number;
}

/**
 * @param passed 1 for each candidate that AI2 lets pass, else 0
 * @param blocks time blocks of the candidates: consecutive candidates are not independent
 */
export function passRate(passed: ArrayLike<number>, block: ArrayLike<number>, blocks: number): PassRate {
  const { mean, standardError } = meanOverBlocks(passed, block, blocks);
  return { live: mean, noise: SIGMAS * standardError, candidates: passed.length };
}
