import * as z from 'zod';
import { requestedTriggerSchema } from '../../../shared/run_trigger/run_trigger.ts';
import { automlJobSchema } from './automl_job.ts';
import { backtestJobSchema } from './backtest_job.ts';
import { evolveJobSchema } from './evolve_job.ts';
import { judgeJobSchema } from './judge_job.ts';
import { importJobSchema } from './import_job.ts';
import { leagueJobSchema } from './league_job.ts';
import { directionLeagueJobSchema } from './direction_league_job.ts';
import { parityJobSchema } from './parity_job.ts';
import { scanJobSchema } from './scan_job.ts';
import { directionJobSchema } from './direction_job.ts';
import { pairReversionJobSchema } from './pair_reversion_job.ts';

/** Every kind of job that `minutehand job run` runs. */
export const jobSchema = z.discriminatedUnion('kind', [
  pairReversionJobSchema,
  directionJobSchema,
  automlJobSchema,
  leagueJobSchema,
  directionLeagueJobSchema,
  backtestJobSchema,
  evolveJobSchema,
  judgeJobSchema,
  scanJobSchema,
  parityJobSchema,
  importJobSchema,
]);

export type Job = z.infer<typeof jobSchema>;
export type JobKind = Job['kind'];
/** Kinds of one strategy: those that do its runs, and its league. */
export type StrategyJobKind = z.infer<
  typeof pairReversionJobSchema | typeof directionJobSchema | typeof directionLeagueJobSchema
>['kind'];
export type JobOf<Kind extends JobKind> = Having<Job, Kind>;
/** The members of a union whose kinds include this one: a schema may be of several kinds. */
type Having<One, Kind> = One extends { readonly kind: infer Own } ? (Kind extends Own ? One : never) : never;

/** Their names. */
export const JOB_KINDS = jobSchema.options.flatMap(({ shape }): JobKind[] => {
  const { kind } = shape;
  return 'options' in kind ? [...kind.options] : [...kind.values];
});

/**
 * Kinds that a request may queue as documents. Trainings and backtests have routes of their own, and an import reads
 * files of this machine, which is for those who have a shell on it.
 */
export const REQUESTED_KINDS = ['league', 'direction_league', 'scan', 'parity'] as const satisfies readonly JobKind[];

const OF_THIS_MACHINE = { error: 'must be null: a request names no folder of this machine' };

const REQUESTED = { trigger: requestedTriggerSchema };

/** A document that a request may queue: on the bars of this installation, and into no folder that it chooses. */
export const requestedJobSchema = z
  .discriminatedUnion('kind', [
    leagueJobSchema.extend(REQUESTED),
    directionLeagueJobSchema.extend(REQUESTED),
    scanJobSchema.extend(REQUESTED),
    parityJobSchema.extend(REQUESTED),
  ])
  .refine((job) => !('source' in job) || job.source.folder === null, { ...OF_THIS_MACHINE, path: ['source', 'folder'] })
  .refine((job) => job.kind !== 'direction_league' || job.source.series === null, {
    ...OF_THIS_MACHINE,
    path: ['source', 'series'],
  })
  .refine((job) => !('output' in job) || job.output.folder === null, {
    ...OF_THIS_MACHINE,
    path: ['output', 'folder'],
  });
