import { pairReversionJobSchema } from './pair_reversion_job.ts';
import { directionJobSchema } from './direction_job.ts';

/** Of every strategy: the schema of the jobs that do its runs. */
export const STRATEGY_JOBS = [pairReversionJobSchema, directionJobSchema] as const;
