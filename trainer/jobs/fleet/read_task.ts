import * as z from 'zod';
import { MinutehandError } from '../../../shared/errors.ts';
import type { FitIdentity } from './fit_identity.ts';
import type { SearchTask } from './search_task.ts';

/** What a worker relies on before it begins; learners check their own parameters. */
const taskSchema = z.discriminatedUnion('kind', [
  z.looseObject({
    kind: z.literal('fit'),
    inputs: z.record(z.string(), z.string()),
    columns: z.int().positive(),
    rows: z.int().positive(),
    parameters: z.looseObject({ engine: z.string(), task: z.looseObject({}), params: z.looseObject({}) }),
  }),
  z.looseObject({
    kind: z.literal('rule_search'),
    search: z.looseObject({ market: z.string(), space: z.looseObject({}), seed: z.string(), blocks: z.int() }),
    base: z.string().nullable(),
    until: z.int().positive(),
    anew: z.boolean(),
  }),
]);

/**
 * A task of the queue as a worker reads it.
 * @param payload JSON
 * @throws MinutehandError TASK_UNREADABLE: the same text would be refused by every worker
 */
export function readTask(payload: string): FitIdentity | SearchTask {
  try {
    return taskSchema.parse(JSON.parse(payload)) as unknown as FitIdentity | SearchTask;
  } catch (error) {
    const seen = error instanceof z.ZodError ? z.prettifyError(error).replaceAll('\n', ' ') : 'no JSON';
    throw new MinutehandError('TASK_UNREADABLE', { seen, cause: error });
  }
}
