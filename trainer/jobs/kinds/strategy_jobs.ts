// Generated from shared/strategies/registry.ts by `npm run docs`. Do not edit.
import { pairReversionJobSchema } from './pair_reversion_job.ts';
import { directionJobSchema } from './direction_job.ts';

export const STRATEGY_JOBS = [pairReversionJobSchema, directionJobSchema] as const;
