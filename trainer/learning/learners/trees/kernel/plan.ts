import type { LearnerParams } from '../learner.ts';
import type { FocalLoss } from '../../contract/task.ts';

/** The loss that is minimized; each tree of a forest learns the means of its targets independently. */
export type Objective =
  | { readonly kind: 'binary' }
  | { readonly kind: 'multiclass'; readonly classes: number; readonly focal?: FocalLoss }
  | { readonly kind: 'regression' }
  | { readonly kind: 'quantile'; readonly quantile: number }
  | ForestObjective;

/** Values; shares in [0, 1]; or classes, whose shares are one ensemble each, of the same splits. */
export interface ForestObjective {
  readonly kind: 'forest';
  readonly target: 'value' | 'share' | 'class';
  /** 1 unless the targets are classes. */
  readonly classes: number;
}

/** A fit as the kernel is given it; everything in it can be sent to a thread. */
export interface Plan {
  readonly objective: Objective;
  readonly params: LearnerParams;
  /** Trees to grow per round: the classes of a multiclass task, else 1. */
  readonly classes: number;
  /** Rows with weight. */
  readonly rows: number;
  readonly width: number;
  /** Columns that may split, ascending; a slot is an index into this list. */
  readonly columns: readonly number[];
  readonly hasWeights: boolean;
  /** Rows that determine the bin edges; null = all of them. */
  readonly sample: Uint32Array | null;
  readonly stopping: { readonly rows: number; readonly hasWeights: boolean; readonly patience: number } | null;
  /** Score of every row before the first tree, per class. */
  readonly baseScores: readonly number[];
  readonly threads: number;
}
