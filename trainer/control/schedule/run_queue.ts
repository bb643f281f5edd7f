import * as z from 'zod';
import type { RecordedGate } from '../../../shared/bundle/gates/gate_result.ts';
import { recordedGateSchema } from '../../../shared/bundle/gates/gate_schema.ts';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Clock } from '../../../shared/ports.ts';
import { notify, resolve } from '../notify/outbox.ts';
import { storedTrigger } from '../../../shared/run_trigger/run_trigger.ts';
import type { Store } from '../../store/store.ts';
import { RUN_KINDS, type TrainingRunsTable } from '../../store/schema/jobs.ts';
import type { Tables } from '../../store/schema/schema.ts';
import type { Insertable, Kysely, Selectable } from 'kysely';
import {
  ENDED_WITH_RESULT,
  IN_FULL,
  requestKey,
  type CausedRun,
  type RequestedRun,
  type RetrainRun,
  type RunKind,
  type RunRequest,
} from './run.ts';
import { runParametersSchema, type RunParameters } from '../../jobs/kinds/run_parameters.ts';
import type { RunNotices } from './run_notices.ts';
import type { StageTime } from '../../jobs/progress/run_progress.ts';

/** A run in progress when its trainer ended, and its training process. */
export interface Orphan {
  readonly run: RetrainRun;
  /** null when unknown, or on another machine. */
  readonly workerPid: number | null;
}

/**
 * The training runs of one market: at most one in progress. Queued are at most one of each kind for schedule, monitor
 * and retries, and beside it requests, each kind and choice of parameters once. A full run of the configuration
 * replaces the queued ones of pairs that are of the configuration too: it learns everything from all bars.
 */
export interface RunQueue {
  /**
   * Begins a run, in place of a queued one of its kind; a full run in place of all queued ones.
   * @returns null when one is in progress, here or in another process
   */
  begin(request: RunRequest): Promise<RetrainRun | null>;
  /** Begins, if none is in progress, the first due run by `byTurn`. */
  beginDue(): Promise<RetrainRun | null>;
  /** Due time of the first queued run, in epoch ms. */
  dueMs(): Promise<number | null>;
  /** Queues a run until nothing is in progress, in place of a queued one of its kind. */
  wait(request: RunRequest): Promise<void>;
  /**
   * Queues a request beside those that wait already.
   * @returns null when the same one waits
   * @throws MinutehandError RUNS_TOO_MANY when `MOST_WAITING` runs wait
   */
  add(request: RunRequest): Promise<RequestedRun | null>;
  /** The queued runs, in the order in which they would begin now. */
  waiting(): Promise<readonly RequestedRun[]>;
  /** Takes a queued run out. @returns it; null when no such run waits */
  drop(runId: number): Promise<RequestedRun | null>;
  /** Stores a heartbeat of a run, and its process. */
  beat(run: RetrainRun, workerPid: number | null): Promise<void>;
  /**
   * Queues the next attempt of a failed run; once, however often it is called. It waits beside all others until it is
   * due, or until a run of the same work, or one that makes it needless, begins.
   */
  retryAt(run: RetrainRun, dueMs: number): Promise<void>;
  /**
   * Stores the state of a run and its notices in one transaction.
   * @returns whether the notices are in the outbox
   */
  keep(run: RetrainRun, notices?: RunNotices): Promise<boolean>;
  /**
   * Runs whose trainer has ended: those of this owner that this queue did not begin, and those of others without
   * heartbeats.
   */
  orphans(): Promise<readonly Orphan[]>;
  /** The runs that have begun, newest first. */
  list(limit: number): Promise<readonly RetrainRun[]>;
  /**
   * Times of the stages of the last completed run of this kind, except first models; empty when there was none.
   */
  lastStages(kind: RunKind): Promise<readonly StageTime[]>;
  /** Ended runs that triggers of the monitor caused, newest first. */
  caused(): Promise<readonly CausedRun[]>;
}

export interface QueueOptions {
  readonly market: Market;
  /** Machine and home: unique, as a home has one trainer at a time. */
  readonly owner: string;
  readonly clock: Clock;
}

/** Heartbeat interval of a run in progress. */
export const BEAT_MS = 15_000;
/** A run of another owner without heartbeats for this time has lost its trainer. */
export const SILENCE_MS = 4 * BEAT_MS;

/** Runs that wait at most when a request is added; those of schedule, monitor and retries are taken all the same. */
export const MOST_WAITING = 20;

/** A year of daily runs with retries. */
const CAUSED_RUNS = 1000;

type Row = Selectable<TrainingRunsTable>;

/**
 * The queue in the store, which survives the trainer. Every step is one statement, so that a crash leaves it before or
 * after the step.
 */
export function storeQueue(store: Store, options: QueueOptions): RunQueue {
  return new StoreQueue(store, options);
}

class StoreQueue implements RunQueue {
  readonly #store: Store;
  readonly #db: Kysely<Tables>;
  readonly #market: Market;
  readonly #owner: string;
  readonly #clock: Clock;
  /** Runs begun by this process. */
  readonly #begun = new Set<number>();

  constructor(store: Store, { market, owner, clock }: QueueOptions) {
    this.#store = store;
    this.#db = store.db;
    this.#market = market;
    this.#owner = owner;
    this.#clock = clock;
  }

  async begin(request: RunRequest): Promise<RetrainRun | null> {
    const { kind, ...own } = columnsOf(request);
    const waiting = await this.#beginQueued(Number.MAX_SAFE_INTEGER, kind, own);
    if (waiting !== null) return waiting;
    // The index would reject it, but a run number would be used up.
    if (!(await this.#isFree())) return null;
    const row = await this.#db
      .insertInto('core.training_runs')
      .values({
        ...this.#running(),
        market: this.#market,
        kind,
        ...own,
        due_ms: this.#clock.nowMs(),
        reasons: '[]',
      })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
    return this.#taken(row);
  }

  beginDue(): Promise<RetrainRun | null> {
    return this.#beginQueued(this.#clock.nowMs(), null, {});
  }

  async dueMs(): Promise<number | null> {
    const row = await this.#withStatus('queued').select('due_ms').orderBy('due_ms').limit(1).executeTakeFirst();
    return row?.due_ms ?? null;
  }

  async wait(request: RunRequest): Promise<void> {
    const due = { ...columnsOf(request), due_ms: this.#clock.nowMs() };
    await this.#queue(due);
    await this.#db
      .updateTable('core.training_runs')
      .set(due)
      .where('market', '=', this.#market)
      .where('status', '=', 'queued')
      .where('kind', '=', due.kind)
      .where('request_key', '=', '')
      .execute();
  }

  async add(request: RunRequest): Promise<RequestedRun | null> {
    const waiting = await this.waiting();
    if (isAmong(waiting, request)) return null;
    refuseMore(waiting);
    const due = { ...columnsOf(request), due_ms: this.#clock.nowMs(), request_key: requestKey(request.parameters) };
    const row = await this.#queue(due);
    return row === null ? null : this.#waiting(row);
  }

  async waiting(): Promise<readonly RequestedRun[]> {
    const rows = await this.#withStatus('queued').selectAll().execute();
    return rows.sort(byTurn).map((row) => this.#waiting(row));
  }

  async drop(runId: number): Promise<RequestedRun | null> {
    const row = await this.#db
      .deleteFrom('core.training_runs')
      .where('market', '=', this.#market)
      .where('status', '=', 'queued')
      .where('run_id', '=', runId)
      .returningAll()
      .executeTakeFirst();
    return row === undefined ? null : this.#waiting(row);
  }

  async beat({ run_id, stage, percent, eta_seconds }: RetrainRun, workerPid: number | null): Promise<void> {
    await this.#db
      .updateTable('core.training_runs')
      .set({ beat_ms: this.#clock.nowMs(), worker_pid: workerPid, stage, percent, eta_seconds })
      .where('run_id', '=', run_id)
      .where('status', '=', 'running')
      .execute();
  }

  async retryAt(run: RetrainRun, dueMs: number): Promise<void> {
    await this.#queue({ ...columnsOf(run), attempt: run.attempt + 1, due_ms: dueMs, request_key: retryKey(run) });
  }

  async keep(run: RetrainRun, { raised, cleared }: RunNotices = { raised: [], cleared: [] }): Promise<boolean> {
    await this.#store.transaction(async (tx) => {
      await tx.updateTable('core.training_runs').set(changesOf(run)).where('run_id', '=', run.run_id).execute();
      const scope = { market: this.#market, nowMs: this.#clock.nowMs() };
      for (const key of cleared) await resolve(tx, scope, key);
      for (const notice of raised) await notify(tx, scope, notice);
    });
    return true;
  }

  async orphans(): Promise<readonly Orphan[]> {
    const rows = await this.#withStatus('running').selectAll().execute();
    const silentSinceMs = this.#clock.nowMs() - SILENCE_MS;
    const isOwn = (row: Row): boolean => row.owner === this.#owner;
    return rows
      .filter((row) => (isOwn(row) ? !this.#begun.has(row.run_id) : row.beat_ms < silentSinceMs))
      .map((row) => ({ run: runOf(row), workerPid: isOwn(row) ? row.worker_pid : null }));
  }

  async list(limit: number): Promise<readonly RetrainRun[]> {
    const rows = await this.#db
      .selectFrom('core.training_runs')
      .selectAll()
      .where('market', '=', this.#market)
      .where('status', '<>', 'queued')
      .orderBy('started_at', 'desc')
      .orderBy('run_id', 'desc')
      .limit(limit)
      .execute();
    return rows.map(runOf);
  }

  async lastStages(kind: RunKind): Promise<readonly StageTime[]> {
    const row = await this.#db
      .selectFrom('core.training_runs')
      .select('stages')
      .where('market', '=', this.#market)
      .where('kind', '=', kind)
      .where('status', 'in', ENDED_WITH_RESULT)
      .where('trigger', '<>', 'first_models')
      .orderBy('run_id', 'desc')
      .limit(1)
      .executeTakeFirst();
    return row === undefined ? [] : (JSON.parse(row.stages) as StageTime[]);
  }

  async caused(): Promise<readonly CausedRun[]> {
    const rows = await this.#db
      .selectFrom('core.training_runs')
      .select(['run_id', 'kind', 'status', 'finished_at', 'causes'])
      .where('market', '=', this.#market)
      .where('status', 'not in', ['queued', 'running'])
      .where('causes', '<>', '[]')
      .orderBy('run_id', 'desc')
      .limit(CAUSED_RUNS)
      .execute();
    return rows.map((row) => ({
      ...row,
      status: row.status as RetrainRun['status'],
      causes: JSON.parse(row.causes) as string[],
    }));
  }

  /** Columns of a run that starts now. */
  #running() {
    return {
      owner: this.#owner,
      status: 'running' as const,
      worker_pid: null,
      beat_ms: this.#clock.nowMs(),
      started_at: new Date(this.#clock.nowMs()).toISOString(),
      stage: 'starting',
      percent: 0,
      eta_seconds: null,
      stages: '[]',
    };
  }

  #waiting(row: Row): RequestedRun {
    const { status: _status, ...run } = runOf({ ...row, started_at: new Date(row.due_ms).toISOString() });
    return { ...run, status: 'queued' };
  }

  /** Adds the row of a queued run. @returns null when one of its kind and key is queued */
  async #queue(
    due: Pick<
      Insertable<TrainingRunsTable>,
      'kind' | 'trigger' | 'trigger_values' | 'causes' | 'parameters' | 'attempt' | 'due_ms' | 'request_key'
    >,
  ): Promise<Row | null> {
    const row = await this.#db
      .insertInto('core.training_runs')
      .values({
        ...due,
        market: this.#market,
        owner: this.#owner,
        status: 'queued',
        beat_ms: this.#clock.nowMs(),
        stage: '',
        percent: 0,
        stages: '[]',
        reasons: '[]',
      })
      .onConflict((conflict) => conflict.doNothing())
      .returningAll()
      .executeTakeFirst();
    return row ?? null;
  }

  /** Also null when another process was faster: the index allows one run in progress. */
  async #beginQueued(
    dueUntilMs: number,
    kind: RunKind | null,
    change: Partial<Omit<ReturnType<typeof columnsOf>, 'kind'>>,
  ): Promise<RetrainRun | null> {
    if (!(await this.#isFree())) return null;
    try {
      const due = await this.#withStatus('queued').selectAll().where('due_ms', '<=', dueUntilMs).execute();
      // A run of schedule or monitor takes no request's place.
      const [first] = due.filter((row) => kind === null || (row.kind === kind && row.request_key === '')).sort(byTurn);
      if (first === undefined) return null;
      const query = this.#db
        .updateTable('core.training_runs')
        .set({ ...this.#running(), ...change })
        .where('run_id', '=', first.run_id)
        .where('status', '=', 'queued');
      return await this.#taken(await query.returningAll().executeTakeFirst());
    } catch (error) {
      if (!isTaken(error)) throw error;
      return null;
    }
  }

  async #isFree(): Promise<boolean> {
    return (await this.#withStatus('running').select('run_id').executeTakeFirst()) === undefined;
  }

  async #taken(row: Row | undefined): Promise<RetrainRun | null> {
    if (row === undefined) return null;
    this.#begun.add(row.run_id);
    const run = runOf(row);
    // Rows left by a crash in between begin once more than needed.
    const needless = (await this.waiting()).filter((own) => isNeedless(own, run)).map(({ run_id }) => run_id);
    if (needless.length > 0)
      await this.#db
        .deleteFrom('core.training_runs')
        .where('status', '=', 'queued')
        .where('run_id', 'in', needless)
        .execute();
    return run;
  }

  #withStatus(status: 'running' | 'queued') {
    return this.#db.selectFrom('core.training_runs').where('market', '=', this.#market).where('status', '=', status);
  }
}

/** Of the next attempt after a run. */
export function retryKey({ run_id }: Pick<RetrainRun, 'run_id'>): string {
  return `after run ${run_id}`;
}

/**
 * Whether a run that begins makes a waiting one needless: another attempt at the same work, or, where it learns all
 * from the configuration, a run of the configuration that would learn a part of that.
 */
export function isNeedless(
  waiting: Pick<RequestedRun, 'kind' | 'parameters' | 'attempt'>,
  begun: Pick<RetrainRun, 'kind' | 'parameters'>,
): boolean {
  const key = requestKey(waiting.parameters);
  if (key !== requestKey(begun.parameters)) return false;
  if (waiting.attempt > 1 && waiting.kind === begun.kind) return true;
  return begun.kind === 'full' && key === '' && IN_FULL.includes(waiting.kind);
}

/** Whether a run of this kind and choice of parameters waits; the next attempt of a failed one is none. */
export function isAmong(
  waiting: readonly Pick<RequestedRun, 'kind' | 'parameters' | 'attempt'>[],
  { kind = 'full', parameters }: RunRequest,
): boolean {
  const key = requestKey(parameters);
  return waiting.some((own) => own.attempt === 1 && own.kind === kind && requestKey(own.parameters) === key);
}

/** @throws MinutehandError RUNS_TOO_MANY */
export function refuseMore(waiting: readonly RequestedRun[]): void {
  if (waiting.length >= MOST_WAITING)
    throw new MinutehandError('RUNS_TOO_MANY', { seen: String(waiting.length), expected: `below ${MOST_WAITING}` });
}

type Due = Pick<Row, 'kind' | 'due_ms' | 'run_id'>;

/** The order of due runs: by kind, as `RUN_KINDS` has them, then by age. */
export function byTurn(a: Due, b: Due): number {
  return RUN_KINDS.indexOf(a.kind) - RUN_KINDS.indexOf(b.kind) || a.due_ms - b.due_ms || a.run_id - b.run_id;
}

/** The columns of a wanted run; it is its first attempt. */
function columnsOf({ kind = 'full', trigger, causes = [], parameters = {} }: RunRequest) {
  return {
    kind,
    trigger: trigger.code,
    trigger_values: JSON.stringify(trigger.values),
    causes: JSON.stringify(causes),
    parameters: JSON.stringify(parameters),
    attempt: 1,
  };
}

/** The fields of a run that change after its start, as columns of its row. */
function changesOf(run: RetrainRun) {
  const { run_id: _id, kind: _kind, trigger: _trigger, attempt: _attempt, started_at: _started, ...others } = run;
  const { causes: _causes, parameters: _parameters, ...changing } = others;
  const { metrics, gate, reasons, stages } = changing;
  return {
    ...changing,
    metrics: jsonOf(metrics),
    gate: jsonOf(gate),
    reasons: JSON.stringify(reasons),
    stages: JSON.stringify(stages),
  };
}

/** Whether a row of this kind exists already, by the errors of SQLite and PostgreSQL. */
function isTaken(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'SQLITE_CONSTRAINT_UNIQUE' || code === '23505';
}

function runOf(row: Row): RetrainRun {
  const { market: _market, owner: _owner, worker_pid: _pid, due_ms: _due, beat_ms: _beat, ...others } = row;
  const { request_key: _key, ...columns } = others;
  const { trigger, trigger_values, ...own } = columns;
  return {
    ...own,
    trigger: storedTrigger(trigger, trigger_values),
    status: own.status as RetrainRun['status'],
    started_at: own.started_at!,
    metrics: valueOf(own.metrics),
    gate: gatesOf(own.gate),
    reasons: JSON.parse(own.reasons) as string[],
    causes: JSON.parse(own.causes) as string[],
    parameters: parametersIn(own.parameters),
    stages: JSON.parse(own.stages) as StageTime[],
  };
}

const parametersIn = (text: string): RunParameters => runParametersSchema.parse(JSON.parse(text));
const jsonOf = (value: unknown): string | null => (value === null ? null : JSON.stringify(value));
/** Verdicts of a run; null where another program wrote something else. */
const gatesOf = (text: string | null): readonly RecordedGate[] | null => storedGates.parse(valueOf(text));
const storedGates = z.array(recordedGateSchema).nullable().catch(null);
const valueOf = (text: string | null): unknown => (text === null ? null : JSON.parse(text));
