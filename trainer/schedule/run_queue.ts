import type { Market } from '../../shared/bar_file/bar_sink.ts';
import type { Clock } from '../../shared/ports.ts';
import type { Store } from '../store/store.ts';
import type { TrainingRunsTable } from '../store/tables.ts';
import type { Selectable } from 'kysely';
import { FIRST_MODELS, newRun, type RetrainRun, type RunKind } from './run.ts';
import type { StageTime } from './run_progress.ts';

/** A run that was under way when its trainer ended, and the process that learned. */
export interface Orphan {
  readonly run: RetrainRun;
  /** null when it is not known, or runs on another machine. */
  readonly workerPid: number | null;
}

/** The training runs of one market: one under way at most, and one at most that waits for its time. */
export interface RunQueue {
  /**
   * Begins a run, in the place of one that waits, but an incremental run never takes the place of a full one, which goes on waiting.
   * @returns null when one is under way, here or in another process
   */
  begin(trigger: string, kind?: RunKind): Promise<RetrainRun | null>;
  /** Begins the run that waits, if its time has come and none is under way. */
  beginDue(): Promise<RetrainRun | null>;
  /** When the run that waits is due, in epoch ms. */
  dueMs(): Promise<number | null>;
  /** Lets a full run wait until nothing is under way, in the place of one that waits. */
  wait(trigger: string): Promise<void>;
  /** Says that a run is still worked on, and by which process. */
  beat(run: RetrainRun, workerPid: number | null): Promise<void>;
  /** Queues the next attempt at a run that has failed; once, however often it is called. */
  retryAt(run: RetrainRun, dueMs: number): Promise<void>;
  /** Keeps what a run has become. */
  keep(run: RetrainRun): Promise<void>;
  /** Runs whose trainer is no more: those of this owner that it has not begun since it was opened, and those of others that have gone silent. */
  orphans(): Promise<readonly Orphan[]>;
  /** The newest runs that have begun, newest first. */
  list(limit: number): Promise<readonly RetrainRun[]>;
  /** What the stages of the last run of this kind took that came to a bundle, that of first models left out; empty when there was none. */
  lastStages(kind: RunKind): Promise<readonly StageTime[]>;
}

export interface QueueOptions {
  readonly market: Market;
  /** Machine and home: nobody else has both, as a home has one trainer at a time. */
  readonly owner: string;
  readonly clock: Clock;
}

/** How often a run under way is said to be so. */
export const BEAT_MS = 15_000;
/** A run of another owner that was silent for so long has lost its trainer. */
export const SILENCE_MS = 4 * BEAT_MS;

/** The queue in the store: it survives the trainer. Every step is one statement, so that a death leaves it before or behind the step. */
export function storeQueue({ db }: Store, { market, owner, clock }: QueueOptions): RunQueue {
  const begun = new Set<number>();
  const isoNow = (): string => new Date(clock.nowMs()).toISOString();
  const beginning = () => ({
    owner,
    status: 'running' as const,
    worker_pid: null,
    beat_ms: clock.nowMs(),
    started_at: isoNow(),
    stage: 'starting',
    percent: 0,
    eta_seconds: null,
    stages: '[]',
  });

  /** What a row has that only waits. */
  const unbegun = () => ({
    market,
    owner,
    status: 'queued' as const,
    beat_ms: clock.nowMs(),
    stage: '',
    percent: 0,
    stages: '[]',
    reasons: '[]',
  });

  function taken(row: Selectable<TrainingRunsTable> | undefined): RetrainRun | null {
    if (row === undefined) return null;
    begun.add(row.run_id);
    return runOf(row);
  }

  async function isFree(): Promise<boolean> {
    const row = await db
      .selectFrom('core.training_runs')
      .select('run_id')
      .where('market', '=', market)
      .where('status', '=', 'running')
      .executeTakeFirst();
    return row === undefined;
  }

  async function dueMs(): Promise<number | null> {
    const row = await db
      .selectFrom('core.training_runs')
      .select('due_ms')
      .where('market', '=', market)
      .where('status', '=', 'queued')
      .executeTakeFirst();
    return row?.due_ms ?? null;
  }

  /** Null too when another process was faster: the index allows one run under way. */
  async function beginQueued(
    dueUntilMs: number,
    change: { readonly trigger?: string; readonly attempt?: number; readonly kind?: RunKind },
  ): Promise<RetrainRun | null> {
    if (!(await isFree())) return null;
    try {
      const query = db
        .updateTable('core.training_runs')
        .set({ ...beginning(), ...change })
        .where('market', '=', market)
        .where('status', '=', 'queued')
        .where('due_ms', '<=', dueUntilMs);
      const allowed = change.kind === 'incremental' ? query.where('kind', '=', 'incremental') : query;
      return taken(await allowed.returningAll().executeTakeFirst());
    } catch (error) {
      if (!isTaken(error)) throw error;
      return null;
    }
  }

  return {
    async begin(trigger, kind = 'full') {
      const waiting = await beginQueued(Number.MAX_SAFE_INTEGER, { trigger, kind, attempt: 1 });
      if (waiting !== null) return waiting;
      // The index would keep it out, at the price of a number that nobody has.
      if (!(await isFree())) return null;
      const row = await db
        .insertInto('core.training_runs')
        .values({ ...beginning(), market, kind, trigger, attempt: 1, due_ms: clock.nowMs(), reasons: '[]' })
        .onConflict((conflict) => conflict.doNothing())
        .returningAll()
        .executeTakeFirst();
      return taken(row);
    },

    beginDue: () => beginQueued(clock.nowMs(), {}),

    dueMs,

    async wait(trigger) {
      const due = { kind: 'full' as const, trigger, attempt: 1, due_ms: clock.nowMs() };
      await db
        .insertInto('core.training_runs')
        .values({ ...due, ...unbegun() })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      await db
        .updateTable('core.training_runs')
        .set(due)
        .where('market', '=', market)
        .where('status', '=', 'queued')
        .execute();
    },

    async beat({ run_id, stage, percent, eta_seconds }, workerPid) {
      await db
        .updateTable('core.training_runs')
        .set({ beat_ms: clock.nowMs(), worker_pid: workerPid, stage, percent, eta_seconds })
        .where('run_id', '=', run_id)
        .where('status', '=', 'running')
        .execute();
    },

    async retryAt({ kind, trigger, attempt }, atMs) {
      if ((await dueMs()) !== null) return;
      await db
        .insertInto('core.training_runs')
        .values({ kind, trigger, attempt: attempt + 1, due_ms: atMs, ...unbegun() })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
    },

    async keep(run) {
      const {
        run_id,
        kind: _kind,
        trigger: _trigger,
        attempt: _attempt,
        started_at: _started,
        metrics,
        gate,
        reasons,
        stages,
        ...rest
      } = run;
      const lists = { reasons: JSON.stringify(reasons), stages: JSON.stringify(stages) };
      await db
        .updateTable('core.training_runs')
        .set({ ...rest, metrics: jsonOf(metrics), gate: jsonOf(gate), ...lists })
        .where('run_id', '=', run_id)
        .execute();
    },

    async orphans() {
      const rows = await db
        .selectFrom('core.training_runs')
        .selectAll()
        .where('market', '=', market)
        .where('status', '=', 'running')
        .execute();
      return rows
        .filter((row) => (row.owner === owner ? !begun.has(row.run_id) : row.beat_ms < clock.nowMs() - SILENCE_MS))
        .map((row) => ({ run: runOf(row), workerPid: row.owner === owner ? row.worker_pid : null }));
    },

    async list(limit) {
      const rows = await db
        .selectFrom('core.training_runs')
        .selectAll()
        .where('market', '=', market)
        .where('status', '<>', 'queued')
        .orderBy('started_at', 'desc')
        .orderBy('run_id', 'desc')
        .limit(limit)
        .execute();
      return rows.map(runOf);
    },

    async lastStages(kind) {
      const row = await db
        .selectFrom('core.training_runs')
        .select('stages')
        .where('market', '=', market)
        .where('kind', '=', kind)
        .where('status', 'in', ['adopted', 'rejected'])
        .where('trigger', '<>', FIRST_MODELS)
        .orderBy('run_id', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row === undefined ? [] : (JSON.parse(row.stages) as StageTime[]);
    },
  };
}

/** That a row of this kind is there already, in the words of SQLite and PostgreSQL. */
function isTaken(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'SQLITE_CONSTRAINT_UNIQUE' || code === '23505';
}

function runOf(row: Selectable<TrainingRunsTable>): RetrainRun {
  const { market: _market, owner: _owner, worker_pid: _pid, due_ms: _due, beat_ms: _beat, ...own } = row;
  return {
    ...own,
    status: own.status as RetrainRun['status'],
    started_at: own.started_at!,
    metrics: valueOf(own.metrics),
    gate: valueOf(own.gate),
    reasons: JSON.parse(own.reasons) as string[],
    stages: JSON.parse(own.stages) as StageTime[],
  };
}

const jsonOf = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
const valueOf = (text: string | null): unknown => (text === null ? null : JSON.parse(text));

/** The same in the memory of this process, where no store can be opened. @param lastId the number before that of its first run */
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
      return Promise.resolve();
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
