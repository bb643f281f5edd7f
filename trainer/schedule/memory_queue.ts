import type { Clock } from '../../shared/ports.ts';
import { FIRST_MODELS, newRun, type RetrainRun } from './run.ts';
import type { RunQueue } from './run_queue.ts';

/**
 * A queue in the memory of this process, where no store can be opened.
 * @param lastId the number before that of its first run
 */
export function memoryQueue(clock: Clock, lastId = 0): RunQueue {
  const runs: RetrainRun[] = [];
  let waiting: (Pick<RetrainRun, 'kind' | 'trigger' | 'attempt'> & { readonly dueMs: number }) | null = null;

  function beginNow({ kind, trigger, attempt }: Pick<RetrainRun, 'kind' | 'trigger' | 'attempt'>): RetrainRun | null {
    if (runs[0]?.status === 'running') return null;
    if (waiting?.kind !== 'full' || kind === 'full') waiting = null;
    runs.unshift(
      newRun({ run_id: ++lastId, kind, trigger, attempt, started_at: new Date(clock.nowMs()).toISOString() }),
    );
    return { ...runs[0]! };
  }

  return {
    begin: (trigger, kind = 'full') => Promise.resolve(beginNow({ kind, trigger, attempt: 1 })),
    beginDue: () => Promise.resolve(waiting === null || waiting.dueMs > clock.nowMs() ? null : beginNow(waiting)),
    dueMs: () => Promise.resolve(waiting?.dueMs ?? null),
    wait(trigger) {
      waiting = { kind: 'full', trigger, attempt: 1, dueMs: clock.nowMs() };
      return Promise.resolve();
    },
    beat: () => Promise.resolve(),
    retryAt({ kind, trigger, attempt }, dueMs) {
      waiting ??= { kind, trigger, attempt: attempt + 1, dueMs };
      return Promise.resolve();
    },
    keep(run) {
      const index = runs.findIndex(({ run_id }) => run_id === run.run_id);
      if (index >= 0) runs[index] = { ...run };
      return Promise.resolve(false);
    },
    orphans: () => Promise.resolve([]),
    list: (limit) => Promise.resolve(runs.slice(0, limit)),
    lastStages(kind) {
      const last = runs.find(
        (run) =>
          run.kind === kind && run.trigger !== FIRST_MODELS && (run.status === 'adopted' || run.status === 'rejected'),
      );
      return Promise.resolve(last?.stages ?? []);
    },
  };
}
