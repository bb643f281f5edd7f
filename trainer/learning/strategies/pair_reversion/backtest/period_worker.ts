import { workerData } from 'node:worker_threads';
import { openModelSet, type ModelSet } from '../../../../../shared/bundle/model_set.ts';
import type { PreparedModels } from '../../../../../shared/bundle/prepared_models.ts';
import { serveTasks } from '../../../threads/thread_program.ts';
import { ROWS_PER_SCORE } from './bar_scores.ts';
import { buffersOf, performTask, type PairTask } from './pair_tasks.ts';

/** A thread of `backtestPeriod`, with its own models if given. */
const prepared = workerData as readonly PreparedModels[] | null;
let sets: Promise<ModelSet[]> | undefined;

serveTasks(async (task: PairTask) => {
  if (prepared !== null) sets ??= Promise.all(prepared.map((models) => openModelSet(models, ROWS_PER_SCORE)));
  return performTask(task, (await sets) ?? null);
}, buffersOf);
