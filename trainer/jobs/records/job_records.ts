import type { StageTime } from '../progress/run_progress.ts';
import { hostname } from 'node:os';
import { sql, type Kysely, type Selectable } from 'kysely';
import type { Market } from '../../../shared/bar_file/bar_sink.ts';
import { MinutehandError } from '../../../shared/errors.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { JobsTable, JobStatus } from '../../store/schema/jobs.ts';
import type { Store } from '../../store/store.ts';
import type { Tables } from '../../store/schema/schema.ts';
import type { Job } from '../kinds/registry.ts';
import { jobEventSchema, jobWaitSchema, type JobEvent, type JobWait } from './job_event.ts';
import { isAlive, type ProcessMark } from './process_mark.ts';

/** A job of another machine without a heartbeat for this long has ended. */
const SILENCE_MS = 10 * 60_000;
const ENDED: readonly JobStatus[] = ['done', 'failed', 'canceled', 'killed'];

type Row = Selectable<JobsTable>;

/** A job with its document, what it waits for and how far it is. */
export type RecordedJob = Omit<Row, 'document' | 'stages' | 'waits_for' | 'process_start'> & {
  readonly document: Record<string, unknown>;
  readonly stages: readonly StageTime[];
  readonly waits_for: JobWait | null;
};

export type StoredEvent = JobEvent & { readonly event_id: number; readonly at_ms: number };

/** How far a running job is. */
export interface JobProgress {
  readonly stage: string;
  readonly percent: number;
  readonly etaSeconds: number | null;
  readonly stages: readonly StageTime[];
}

export interface WantedJob {
  readonly job: Job;
  readonly requestedBy: string;
  readonly cores: number;
  /** A higher one begins first; default 0. */
  readonly priority?: number;
  /** `run:12`, `backtest:3`; default: none. */
  readonly origin?: string | null;
}

/** Where a job is queued or runs: a machine and the home of an installation on it. */
export const jobHost = ({ home }: { readonly home: string }): string => `${hostname()}:${home}`;

/** The jobs of a market in the store, as one installation sees them. */
export class JobRecords {
  readonly #store: Store;
  readonly #market: Market;
  readonly #host: string;
  readonly #clock: Clock;

  constructor(store: Store, { market, host, clock }: { market: Market; host: string; clock: Clock }) {
    this.#store = store;
    this.#market = market;
    this.#host = host;
    this.#clock = clock;
  }

  /** Queues a job. @returns its id */
  async queue(wanted: WantedJob): Promise<number> {
    return await this.#add(wanted, null);
  }

  /** Records a job that a process runs already. @returns its id */
  async begin(wanted: WantedJob, mark: ProcessMark): Promise<number> {
    return await this.#add(wanted, mark);
  }

  /** Marks a queued job as running, once or again. @returns false when it was canceled meanwhile */
  async start(jobId: number, mark: ProcessMark): Promise<boolean> {
    const nowMs = this.#clock.nowMs();
    return await this.#store.transaction(async (db) => {
      const row = await db.selectFrom('core.jobs').select('status').where('job_id', '=', jobId).executeTakeFirst();
      if (row === undefined || ENDED.includes(row.status)) return false;
      const isNew = row.status === 'queued';
      await db
        .updateTable('core.jobs')
        .set({
          ...runningOf(mark),
          status: 'running',
          beat_ms: nowMs,
          waits_for: null,
          ...(isNew && { started_ms: nowMs, stage: 'starting' }),
        })
        .where('job_id', '=', jobId)
        .execute();
      if (isNew) await note(db, jobId, nowMs, [stateEvent('running')]);
      return true;
    });
  }

  /**
   * Stores the heartbeat of a running job with its progress and what has happened since the last one.
   * @returns whether a person has asked for its end
   */
  async beat(jobId: number, progress: JobProgress, events: readonly JobEvent[]): Promise<boolean> {
    const nowMs = this.#clock.nowMs();
    return await this.#store.transaction(async (db) => {
      const row = await db
        .updateTable('core.jobs')
        .set({ ...columnsOf(progress), beat_ms: nowMs })
        .where('job_id', '=', jobId)
        .where('status', '=', 'running')
        .returning('cancel_ms')
        .executeTakeFirst();
      await note(db, jobId, nowMs, events);
      if (row !== undefined) return row.cancel_ms !== null;
      // Canceled between its start and this heartbeat.
      const now = await db.selectFrom('core.jobs').select('status').where('job_id', '=', jobId).executeTakeFirst();
      return now?.status === 'canceled';
    });
  }

  /**
   * Ends a job. One that a person has canceled and that has failed since is canceled.
   * @returns its status; null when it had ended before
   */
  async end(
    jobId: number,
    outcome: { readonly status: JobStatus; readonly error: string | null; readonly peakMemoryBytes?: number },
    events: readonly JobEvent[] = [],
  ): Promise<JobStatus | null> {
    const nowMs = this.#clock.nowMs();
    return await this.#store.transaction(async (db) => {
      const row = await db
        .selectFrom('core.jobs')
        .select(['status', 'cancel_ms', 'cancel_by'])
        .where('job_id', '=', jobId)
        .executeTakeFirst();
      if (row === undefined || ENDED.includes(row.status)) return null;
      const isCanceled = row.cancel_ms !== null && outcome.status !== 'done';
      const status = isCanceled ? 'canceled' : outcome.status;
      const error = isCanceled ? null : outcome.error;
      await db
        .updateTable('core.jobs')
        .set({
          status,
          error,
          finished_ms: nowMs,
          eta_seconds: null,
          waits_for: null,
          ...(status === 'done' && { percent: 100 }),
          ...(outcome.peakMemoryBytes !== undefined && { peak_memory_bytes: outcome.peakMemoryBytes }),
        })
        .where('job_id', '=', jobId)
        .execute();
      await note(db, jobId, nowMs, [...events, stateEvent(status, isCanceled ? row.cancel_by : null, error)]);
      return status;
    });
  }

  /** Stores what a queued job waits for, where that has changed. */
  async wait(jobId: number, waitsFor: JobWait): Promise<void> {
    const text = JSON.stringify(waitsFor);
    const nowMs = this.#clock.nowMs();
    await this.#store.transaction(async (db) => {
      const row = await db
        .selectFrom('core.jobs')
        .select('waits_for')
        .where('job_id', '=', jobId)
        .where('status', '=', 'queued')
        .executeTakeFirst();
      if (row === undefined || row.waits_for === text) return;
      await db.updateTable('core.jobs').set({ waits_for: text }).where('job_id', '=', jobId).execute();
      const before = row.waits_for === null ? null : jobWaitSchema.parse(JSON.parse(row.waits_for));
      // Free memory and cores change all the time; the kind of lack is what a person reads in the log.
      if (before?.code !== waitsFor.code) await note(db, jobId, nowMs, [{ type: 'waits', waits_for: waitsFor }]);
    });
  }

  /**
   * The one message that ends a job, of whatever kind and wherever it runs. A queued one is canceled at once; the
   * process of a running one reads it with its next heartbeat, and ends.
   * @throws MinutehandError JOB_UNKNOWN, JOB_ENDED
   */
  async cancel(jobId: number, by: string): Promise<RecordedJob> {
    const nowMs = this.#clock.nowMs();
    await this.#store.transaction(async (db) => {
      const row = await db
        .selectFrom('core.jobs')
        .select(['status', 'origin', 'cancel_ms'])
        .where('job_id', '=', jobId)
        .where('market', '=', this.#market)
        .executeTakeFirst();
      if (row === undefined) throw new MinutehandError('JOB_UNKNOWN', { seen: String(jobId) });
      if (ENDED.includes(row.status)) throw new MinutehandError('JOB_ENDED', { seen: `${jobId} is ${row.status}` });
      const isQueued = row.status === 'queued';
      if (row.cancel_ms === null)
        await db
          .updateTable('core.jobs')
          .set({
            cancel_ms: nowMs,
            cancel_by: by,
            ...(isQueued && { status: 'canceled' as const, finished_ms: nowMs, waits_for: null }),
          })
          .where('job_id', '=', jobId)
          .execute();
      if (isQueued) await note(db, jobId, nowMs, [stateEvent('canceled', by)]);
    });
    return await this.find(jobId);
  }

  /** Running ones of any age, then queued ones, then the others; the newest first in each. */
  async list({
    limit,
    statuses,
    kinds,
    isHere = false,
    origin,
  }: {
    readonly limit: number;
    /** Whether only jobs of this host are wanted. */
    readonly isHere?: boolean;
    readonly statuses?: readonly JobStatus[] | undefined;
    readonly kinds?: readonly string[] | undefined;
    readonly origin?: string | undefined;
  }): Promise<RecordedJob[]> {
    let query = this.#store.db.selectFrom('core.jobs').selectAll().where('market', '=', this.#market);
    if (statuses !== undefined) query = query.where('status', 'in', statuses);
    if (kinds !== undefined) query = query.where('kind', 'in', kinds);
    if (isHere) query = query.where('host', '=', this.#host);
    if (origin !== undefined) query = query.where('origin', '=', origin);
    const rows = await query
      .orderBy(sql`CASE status WHEN 'running' THEN 0 WHEN 'queued' THEN 1 ELSE 2 END`)
      .orderBy('finished_ms', (order) => order.desc().nullsFirst())
      .orderBy('job_id', 'desc')
      .limit(limit)
      .execute();
    return rows.map(shown);
  }

  /** @throws MinutehandError JOB_UNKNOWN */
  async find(jobId: number): Promise<RecordedJob> {
    const row = await this.#store.db
      .selectFrom('core.jobs')
      .selectAll()
      .where('job_id', '=', jobId)
      .where('market', '=', this.#market)
      .executeTakeFirst();
    if (row === undefined) throw new MinutehandError('JOB_UNKNOWN', { seen: String(jobId) });
    return shown(row);
  }

  /** Its process on this machine; null: none. */
  async markOf(jobId: number): Promise<ProcessMark | null> {
    const row = await this.#store.db
      .selectFrom('core.jobs')
      .select(['pid', 'process_start'])
      .where('job_id', '=', jobId)
      .where('host', '=', this.#host)
      .executeTakeFirst();
    return row === undefined || row.pid === null ? null : { pid: Number(row.pid), start: row.process_start };
  }

  /** Events of a job after this one, in order. */
  async events(jobId: number, after: number, limit: number): Promise<StoredEvent[]> {
    const rows = await this.#store.db
      .selectFrom('core.job_events')
      .select(['event_id', 'at_ms', 'event'])
      .where('job_id', '=', jobId)
      .where('event_id', '>', after)
      .orderBy('event_id')
      .limit(limit)
      .execute();
    return rows.map(({ event_id, at_ms, event }) => ({
      ...jobEventSchema.parse(JSON.parse(event)),
      event_id: Number(event_id),
      at_ms: Number(at_ms),
    }));
  }

  /** Keeps what a job has answered, in place of an earlier answer of it. @param result JSON */
  async keepResult(jobId: number, result: string): Promise<void> {
    const row = { job_id: jobId, at_ms: this.#clock.nowMs(), result };
    await this.#store.db
      .insertInto('core.job_results')
      .values(row)
      .onConflict((conflict) => conflict.column('job_id').doUpdateSet({ at_ms: row.at_ms, result }))
      .execute();
  }

  /** What a job has answered, JSON; null: nothing was kept. @throws MinutehandError JOB_UNKNOWN */
  async resultOf(jobId: number): Promise<string | null> {
    await this.find(jobId);
    const row = await this.#store.db
      .selectFrom('core.job_results')
      .select('result')
      .where('job_id', '=', jobId)
      .executeTakeFirst();
    return row?.result ?? null;
  }

  /** Stages of the last job of this kind that was done, and the most memory that one took; empty and null: none. */
  async lastOf(kind: string): Promise<{ stages: RecordedJob['stages']; peakMemoryBytes: number | null }> {
    const row = await this.#store.db
      .selectFrom('core.jobs')
      .select(['stages', 'peak_memory_bytes'])
      .where('market', '=', this.#market)
      .where('kind', '=', kind)
      .where('status', '=', 'done')
      .orderBy('job_id', 'desc')
      .limit(1)
      .executeTakeFirst();
    if (row === undefined) return { stages: [], peakMemoryBytes: null };
    const { stages, peak_memory_bytes } = row;
    return {
      stages: JSON.parse(stages) as RecordedJob['stages'],
      peakMemoryBytes: peak_memory_bytes === null ? null : Number(peak_memory_bytes),
    };
  }

  /** Ends jobs whose process is gone: none is shown as running that does not run. */
  async settleDead(): Promise<void> {
    const rows = await this.#store.db
      .selectFrom('core.jobs')
      .select(['job_id', 'host', 'pid', 'process_start', 'beat_ms'])
      .where('market', '=', this.#market)
      .where('status', '=', 'running')
      .execute();
    const silentSinceMs = this.#clock.nowMs() - SILENCE_MS;
    for (const { job_id, host, pid, process_start, beat_ms } of rows) {
      const isHere = host === this.#host && pid !== null;
      const isGone = isHere && !isAlive({ pid: Number(pid), start: process_start });
      // Where a process has no known start, its number alone says nothing: another process may have it.
      const isKnown = isHere && process_start !== null;
      if (!isGone && (isKnown || Number(beat_ms) >= silentSinceMs)) continue;
      await this.end(Number(job_id), { status: 'killed', error: 'its process has ended without a result' });
    }
  }

  async #add(
    { job, requestedBy, cores, priority = 0, origin = null }: WantedJob,
    mark: ProcessMark | null,
  ): Promise<number> {
    const status = mark === null ? 'queued' : 'running';
    const nowMs = this.#clock.nowMs();
    return await this.#store.transaction(async (db) => {
      const { job_id } = await db
        .insertInto('core.jobs')
        .values({
          market: this.#market,
          kind: job.kind,
          status,
          document: JSON.stringify(job),
          requested_by: requestedBy,
          priority,
          origin,
          host: this.#host,
          ...(mark === null ? { pid: null, process_start: null } : runningOf(mark)),
          beat_ms: nowMs,
          cores,
          stage: status === 'queued' ? 'queued' : 'starting',
          percent: 0,
          stages: '[]',
          requested_ms: nowMs,
          started_ms: mark === null ? null : nowMs,
        })
        .returning('job_id')
        .executeTakeFirstOrThrow();
      await note(db, Number(job_id), nowMs, [stateEvent(status, status === 'queued' ? requestedBy : null)]);
      return Number(job_id);
    });
  }
}

function runningOf({ pid, start }: ProcessMark) {
  return { pid, process_start: start };
}

function columnsOf({ stage, percent, etaSeconds, stages }: JobProgress) {
  return { stage, percent, eta_seconds: etaSeconds, stages: JSON.stringify(stages) };
}

function stateEvent(status: JobStatus, by: string | null = null, error: string | null = null): JobEvent {
  return { type: 'state', status, by, error };
}

async function note(db: Kysely<Tables>, jobId: number, nowMs: number, events: readonly JobEvent[]): Promise<void> {
  if (events.length === 0) return;
  const rows = events.map((event) => ({ job_id: jobId, at_ms: nowMs, event: JSON.stringify(event) }));
  await db.insertInto('core.job_events').values(rows).execute();
}

const numberOrNull = (value: number | null): number | null => (value === null ? null : Number(value));

/** PostgreSQL has 64-bit numbers as texts. */
function shown({ process_start: _start, document, stages, waits_for, ...row }: Row): RecordedJob {
  return {
    ...row,
    job_id: Number(row.job_id),
    priority: Number(row.priority),
    cores: Number(row.cores),
    beat_ms: Number(row.beat_ms),
    requested_ms: Number(row.requested_ms),
    pid: numberOrNull(row.pid),
    peak_memory_bytes: numberOrNull(row.peak_memory_bytes),
    eta_seconds: numberOrNull(row.eta_seconds),
    started_ms: numberOrNull(row.started_ms),
    finished_ms: numberOrNull(row.finished_ms),
    cancel_ms: numberOrNull(row.cancel_ms),
    document: JSON.parse(document) as Record<string, unknown>,
    stages: JSON.parse(stages) as RecordedJob['stages'],
    waits_for: waits_for === null ? null : jobWaitSchema.parse(JSON.parse(waits_for)),
  };
}
