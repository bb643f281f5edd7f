import { storedTrigger, type RunTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import type { Store } from '../../store/store.ts';
import { BACKTEST_ORIGIN, RUN_ORIGIN } from './job_origin.ts';

/** What waits in a queue of the trainer itself. Its process records the job, which has this name as its origin. */
export interface QueuedWork {
  /** `run:12`, `backtest:3`. */
  readonly name: string;
  /** Of a run: what it learns, as `runs start --kind` names it. */
  readonly kind: string;
  /** Of a run: what asked for it. */
  readonly trigger: RunTrigger | null;
  /** Of a backtest: who asked for it. */
  readonly requested_by: string | null;
  /** When it may begin, in epoch ms: of a later attempt, after the delay of a retry. */
  readonly due_ms: number;
}

/** The trainings, searches and backtests of a market that wait for their turn, the oldest first. */
export async function queuedWork({ db }: Pick<Store, 'db'>, market: Market): Promise<QueuedWork[]> {
  const runs = await db
    .selectFrom('core.training_runs')
    .select(['run_id', 'kind', 'trigger', 'trigger_values', 'due_ms'])
    .where('market', '=', market)
    .where('status', '=', 'queued')
    .execute();
  const backtests = await db
    .selectFrom('core.backtests')
    .select(['backtest_id', 'requested_by', 'requested_ms'])
    .where('market', '=', market)
    .where('status', '=', 'queued')
    .execute();
  return [
    ...runs.map(({ run_id, kind, trigger, trigger_values, due_ms }) => ({
      name: `${RUN_ORIGIN}${run_id}`,
      kind,
      trigger: storedTrigger(trigger, trigger_values),
      requested_by: null,
      due_ms: Number(due_ms),
    })),
    ...backtests.map(({ backtest_id, requested_by, requested_ms }) => ({
      name: `${BACKTEST_ORIGIN}${backtest_id}`,
      kind: 'backtest',
      trigger: null,
      requested_by,
      due_ms: Number(requested_ms),
    })),
  ].sort((a, b) => a.due_ms - b.due_ms);
}

/**
 * Takes what waits out of its queue.
 * @param name `run:12`, `backtest:3`
 * @returns whether it waited; else it has begun, has ended, or never was
 */
export async function dropQueued(
  { db }: Pick<Store, 'db'>,
  market: Market,
  name: string,
  nowMs: number,
): Promise<boolean> {
  if (name.startsWith(RUN_ORIGIN)) {
    const row = await db
      .deleteFrom('core.training_runs')
      .where('market', '=', market)
      .where('status', '=', 'queued')
      .where('run_id', '=', numberIn(name, RUN_ORIGIN))
      .returning('run_id')
      .executeTakeFirst();
    return row !== undefined;
  }
  const row = await db
    .updateTable('core.backtests')
    .set({ status: 'canceled', finished_ms: nowMs })
    .where('market', '=', market)
    .where('status', '=', 'queued')
    .where('backtest_id', '=', numberIn(name, BACKTEST_ORIGIN))
    .returning('backtest_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether a text is such a name. */
export function isQueueName(text: string): boolean {
  return [RUN_ORIGIN, BACKTEST_ORIGIN].some((prefix) => text.startsWith(prefix) && numberIn(text, prefix) > 0);
}

/** 0: it is no number. */
function numberIn(name: string, prefix: string): number {
  const digits = name.slice(prefix.length);
  return /^\d{1,15}$/.test(digits) ? Number(digits) : 0;
}
