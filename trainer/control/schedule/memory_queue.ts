import type { Clock } from '../../../shared/ports.ts';
import { ENDED_WITH_RESULT, IN_FULL, newRun, type RetrainRun, type RunKind, type RunRequest } from './run.ts';
import { PRIORITIES, type RunQueue } from './run_queue.ts';

/**
 * A queue in memory, for when no store can be opened.
 * @param lastId its first run has the next number
 */
export function memoryQueue(clock: Clock, lastId = 0): RunQueue {
  const runs: RetrainRun[] = [];
  type Waiting = Pick<RetrainRun, 'kind' | 'trigger' | 'causes' | 'parameters' | 'attempt'> & {
    readonly dueMs: number;
  };
  const waiting = new Map<RunKind, Waiting>();

  const asked = ({ trigger, kind = 'full', causes = [], parameters = {} }: RunRequest): Omit<Waiting, 'dueMs'> => ({
    kind,
    trigger,
    causes,
    parameters,
    attempt: 1,
  });

  function beginNow({ kind, trigger, causes, parameters, attempt }: Omit<Waiting, 'dueMs'>): RetrainRun | null {
    if (runs[0]?.status === 'running') return null;
    // A full run learns all that other runs of pairs would.
    for (const other of waiting.keys()) if (kind === 'full' && IN_FULL.includes(other)) waiting.delete(other);
    waiting.delete(kind);
    runs.unshift(
      newRun({
        run_id: ++lastId,
        kind,
        trigger,
        causes,
        parameters,
        attempt,
        started_at: new Date(clock.nowMs()).toISOString(),
      }),
    );
    return { ...runs[0]! };
  }

  return {
    begin: (request) => Promise.resolve(beginNow(asked(request))),
    beginDue() {
      const due = [...waiting.values()].filter(({ dueMs }) => dueMs <= clock.nowMs());
      const first = due.sort((a, b) => PRIORITIES[a.kind] - PRIORITIES[b.kind])[0];
      return Promise.resolve(first === undefined ? null : beginNow(first));
    },
    dueMs() {
      const times = [...waiting.values()].map(({ dueMs }) => dueMs);
      return Promise.resolve(times.length === 0 ? null : Math.min(...times));
    },
    wait(request) {
      const run = asked(request);
      waiting.set(run.kind, { ...run, dueMs: clock.nowMs() });
      return Promise.resolve();
    },
    beat: () => Promise.resolve(),
    retryAt({ kind, trigger, causes, parameters, attempt }, dueMs) {
      if (!waiting.has(kind)) waiting.set(kind, { kind, trigger, causes, parameters, attempt: attempt + 1, dueMs });
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
        (run) => run.kind === kind && run.trigger.code !== 'first_models' && ENDED_WITH_RESULT.includes(run.status),
      );
      return Promise.resolve(last?.stages ?? []);
    },
    caused: () => Promise.resolve(runs.filter(({ status, causes }) => status !== 'running' && causes.length > 0)),
  };
}
