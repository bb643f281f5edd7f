import { MinutehandError } from '../../../../shared/errors.ts';
import type { Retrainer } from '../../schedule/retrainer.ts';
import type { RequestedRun } from '../../schedule/run.ts';
import type { Api, ApiContext } from '../context.ts';
import { runRoutes } from '../../schema/runs.ts';

/** `GET /api/runs`. */
export function addRunRoutes(api: Api, { retrainer }: ApiContext): void {
  api.route({
    ...runRoutes['GET /api/runs'],
    handler: async () => ({
      runs: retrainer.runs().map(shownRun),
      waiting: (await retrainer.waiting()).map((run) => ({ ...shownRun(run), waits_for: run.waits_for ?? null })),
    }),
  });
}

export function shownRun(run: RequestedRun) {
  return {
    ...run,
    stages: run.stages.map((stage) => ({ ...stage })),
    gate: run.gate === null ? null : [...run.gate],
    reasons: [...run.reasons],
    causes: [...run.causes],
  };
}

/**
 * Ends a run without another attempt, or takes it out of the queue.
 * @param runId null: the one in progress
 * @param by who asked for it
 * @throws MinutehandError RETRAIN_IDLE
 */
export async function endRun(retrainer: Retrainer, runId: number | null, by: string): Promise<RequestedRun> {
  const current = retrainer.runs().find(({ status }) => status === 'running');
  if (runId === null || current?.run_id === runId) {
    const run = retrainer.cancel(by);
    if (run !== null) return run;
  } else {
    const dropped = await retrainer.drop(runId);
    if (dropped !== null) return dropped;
  }
  throw new MinutehandError('RETRAIN_IDLE', runId === null ? {} : { seen: `run ${runId}` });
}
