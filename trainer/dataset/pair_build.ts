import { SECONDS_PER_BAR } from '../../shared/bar.ts';
import type { BarColumns } from '../../shared/bar_file/bar_file.ts';
import type { Windows } from '../../shared/core/features/windows.ts';
import type { Pair } from '../../shared/pair.ts';
import { labelPair, type PairLabelPolicy, type PairLabels } from '../label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import { buildPairHistory, type PairHistory } from './pair_history.ts';

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** Parameters of a pair's history and labels beside its bars. */
export interface PairPolicy extends PairLabelPolicy {
  readonly windows: Windows;
  /** Share of the minutes that AI2 and AI3 learn from. */
  readonly share: number;
  /** Epoch seconds: the features of every bar from here on are kept. */
  readonly holdoutFrom: number;
}

export interface PairTask {
  readonly pair: Pair;
  readonly a: BarColumns;
  readonly b: BarColumns;
  readonly policy: PairPolicy;
}

export interface PairBuild {
  readonly history: PairHistory;
  readonly labels: PairLabels;
}

/**
 * Features and labels of one pair, a pure function of the task. Features are kept for the bars that a model may need:
 * candidates of the trained and of the evaluation label, sampled minutes, and the whole holdout.
 */
export function buildPair({ pair, a, b, policy }: PairTask): PairBuild {
  const { windows, share, holdoutFrom, barriers } = policy;
  const entry = Math.min(barriers.z_entry, EVALUATION_BARRIERS.z_entry);
  const isSampled = (time: number): boolean => isSampledMinute(time, share);
  const history = buildPairHistory(
    pair,
    a,
    b,
    windows,
    (time, z) => time >= holdoutFrom || Math.abs(z) >= entry || isSampled(time),
  );
  return { history, labels: labelPair(history, policy, isSampled) };
}

/**
 * Returns whether a minute is among the `share` that is kept: fractional parts of multiples of the golden ratio (Weyl's
 * sequence), so that the kept ones are evenly spaced in time and favor no minute of the hour, unlike every n-th one.
 */
function isSampledMinute(time: number, share: number): boolean {
  return ((time / SECONDS_PER_BAR) * GOLDEN_RATIO) % 1 < share;
}
