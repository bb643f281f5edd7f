import * as z from 'zod';
import { automlJobSchema } from './automl_job.ts';
import { backtestJobSchema } from './backtest_job.ts';
import { directionJobSchema } from './direction_job.ts';
import { evolveJobSchema } from './evolve_job.ts';
import { judgeJobSchema } from './judge_job.ts';
import { leagueJobSchema } from './league_job.ts';
import { trainingJobSchema } from './training_job.ts';

/** Every kind of job that `minutehand job run` runs. */
export const jobSchema = z.discriminatedUnion('kind', [
  trainingJobSchema,
  directionJobSchema,
  automlJobSchema,
  leagueJobSchema,
  backtestJobSchema,
  evolveJobSchema,
  judgeJobSchema,
]);

export type Job = z.infer<typeof jobSchema>;
export type JobKind = Job['kind'];
export type JobOf<Kind extends JobKind> = Having<Job, Kind>;
/** The members of a union whose kinds include this one: a schema may be of several kinds. */
type Having<One, Kind> = One extends { readonly kind: infer Own } ? (Kind extends Own ? One : never) : never;
