import { SECONDS_PER_BAR } from '../../../../../shared/bar.ts';
import type { BarColumns } from '../../../../../shared/bar_file/bar_file.ts';
import type { Windows } from '../../../../../shared/core/features/windows.ts';
import type { Pair } from '../../../../../shared/pair.ts';
import { labelPair, type PairLabelPolicy, type PairLabels } from '../label/pair_labels.ts';
import { EVALUATION_BARRIERS } from '../label/reversion.ts';
import type { KeptHistory } from '../../../history/kept_history.ts';
import { buildPairHistory, type PairHistory } from '../../../history/pair_history.ts';

const GOLDEN_RATIO = (Math.sqrt(5) - 1) / 2;

/** Parameters of a pair's history and labels, apart from its bars. */
export interface PairPolicy extends PairLabelPolicy {
  readonly windows: Windows;
  /** Share of minutes that AI2 and AI3 are trained on. */
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

/** A build whose history may be outside of memory. */
export interface KeptBuild {
  readonly history: KeptHistory;
  readonly labels: PairLabels;
}

/**
 * Features and labels of one pair, a pure function of the task. Features are kept for the bars that a model may need:
 * candidates of the training and evaluation labels, sampled minutes, and the holdout.
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
 * Whether a minute is in the sample: fractional parts of multiples of the golden ratio (Weyl's sequence), so that
 * samples are evenly spaced in time and, unlike every n-th minute, favor no minute of the hour.
 */
function isSampledMinute(time: number, share: number): boolean {
  return ((time / SECONDS_PER_BAR) * GOLDEN_RATIO) % 1 < share;
}
