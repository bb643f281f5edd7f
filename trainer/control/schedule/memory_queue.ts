import type { Clock } from '../../../shared/ports.ts';
import { ENDED_WITH_RESULT, newRun, requestKey, type RequestedRun, type RetrainRun, type RunRequest } from './run.ts';
import { byTurn, isAmong, isNeedless, refuseMore, retryKey, type RunQueue } from './run_queue.ts';

/**
 * A queue in memory, for when no store can be opened.
 * @param lastId its first run has the next number
 */
export function memoryQueue(clock: Clock, lastId = 0): RunQueue {
  const runs: RetrainRun[] = [];
  type Wanted = Pick<RetrainRun, 'kind' | 'trigger' | 'causes' | 'parameters' | 'attempt'>;
  /** `key`: of the request or the next attempt; empty for a run of schedule or monitor. */
  type Waiting = Wanted & { readonly run_id: number; readonly due_ms: number; readonly key: string };
  /** By kind and key. */
  const waiting = new Map<string, Waiting>();
  const placeOf = ({ kind, key }: Pick<Waiting, 'kind' | 'key'>): string => `${kind} ${key}`;
  const shown = ({ due_ms, key: _key, ...own }: Waiting): RequestedRun => ({
    ...newRun({ ...own, started_at: new Date(due_ms).toISOString() }),
    status: 'queued',
  });
  const put = (own: Waiting): void => void waiting.set(placeOf(own), own);

  const asked = ({ trigger, kind = 'full', causes = [], parameters = {} }: RunRequest): Wanted => ({
    kind,
    trigger,
    causes,
    parameters,
    attempt: 1,
  });

  function beginNow(wanted: Wanted, from: Waiting | undefined): RetrainRun | null {
    if (runs[0]?.status === 'running') return null;
    const { kind, trigger, causes, parameters, attempt } = wanted;
    if (from !== undefined) waiting.delete(placeOf(from));
    for (const other of [...waiting.values()])
      if (isNeedless(other, { kind, parameters })) waiting.delete(placeOf(other));
    runs.unshift(
      newRun({
        run_id: from?.run_id ?? ++lastId,
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
    begin(request) {
      const wanted = asked(request);
      return Promise.resolve(beginNow(wanted, waiting.get(placeOf({ kind: wanted.kind, key: '' }))));
    },
    beginDue() {
      const due = [...waiting.values()].filter(({ due_ms }) => due_ms <= clock.nowMs());
      const [first] = due.sort(byTurn);
      return Promise.resolve(first === undefined ? null : beginNow(first, first));
    },
    dueMs() {
      const times = [...waiting.values()].map(({ due_ms }) => due_ms);
      return Promise.resolve(times.length === 0 ? null : Math.min(...times));
    },
    wait(request) {
      const run = asked(request);
      const run_id = waiting.get(placeOf({ kind: run.kind, key: '' }))?.run_id ?? ++lastId;
      put({ ...run, run_id, due_ms: clock.nowMs(), key: '' });
      return Promise.resolve();
    },
    async add(request) {
      const queued = await this.waiting();
      if (isAmong(queued, request)) return null;
      refuseMore(queued);
      const run = asked(request);
      const key = requestKey(request.parameters);
      const added = { ...run, run_id: ++lastId, due_ms: clock.nowMs(), key };
      put(added);
      return shown(added);
    },
    waiting: () => Promise.resolve([...waiting.values()].sort(byTurn).map(shown)),
    drop(runId) {
      const found = [...waiting.values()].find(({ run_id }) => run_id === runId);
      if (found === undefined) return Promise.resolve(null);
      waiting.delete(placeOf(found));
      return Promise.resolve(shown(found));
    },
    beat: () => Promise.resolve(),
    retryAt({ run_id, kind, trigger, causes, parameters, attempt }, dueMs) {
      const key = retryKey({ run_id });
      if (!waiting.has(placeOf({ kind, key })))
        put({ run_id: ++lastId, kind, trigger, causes, parameters, attempt: attempt + 1, due_ms: dueMs, key });
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
