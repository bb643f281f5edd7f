import type { FitCost } from '../../league/fit_cost.ts';
import type { WalkForwardNet } from './direction_net.ts';
import type { DirectionMetrics, LossDifference } from './direction_report.ts';
import type { ExaminedWay } from './examined_way.ts';

/** A training variant, measured by walk-forward. */
export interface Measured {
  readonly name: string;
  readonly metrics: DirectionMetrics;
  /** Log loss minus that of the chosen variant; null for the chosen one. */
  readonly against: LossDifference | null;
  readonly net: WalkForwardNet['result'];
  /** Log loss of the evaluated blocks by each seed, the first one's first. */
  readonly log_loss_of_seeds: readonly number[];
  readonly cost: FitCost;
  /** Absent: the plan does not examine ways. */
  readonly examined?: ExaminedWay;
}
