import * as z from 'zod';
import { automlJobSchema } from './automl_job.ts';
import { directionJobSchema } from './direction_job.ts';
import { trainingJobSchema } from './training_job.ts';

/** Every kind of job that `minutehand job run` runs. A new kind is a schema, a runner, and a line here. */
export const jobSchema = z.discriminatedUnion('kind', [trainingJobSchema, directionJobSchema, automlJobSchema]);

export type Job = z.infer<typeof jobSchema>;
