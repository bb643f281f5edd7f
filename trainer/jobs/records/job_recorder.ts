import { availableParallelism } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { REQUESTED_KINDS, type Job } from '../kinds/registry.ts';
import { shareOf } from '../progress/progress_line.ts';
import { createRunProgress, stageName, type RunProgress, type StageTime } from '../progress/run_progress.ts';
import { WAITING, watchProcessorWait } from '../progress/processor_wait.ts';
import type { JobEvent } from './job_event.ts';
import { isOfPerson, type JobOrigin } from './job_origin.ts';
import type { JobRecords } from './job_records.ts';
import { coresOf } from './job_resources.ts';
import { markOf } from './process_mark.ts';
import { maskSecrets } from '../../../shared/secrets.ts';
import { atMostOneWaiting, InTurn } from '../../../shared/in_turn.ts';

const BEAT_MS = 2000;
/** Time for the store to take what is left when the work is done. */
const LAST_MS = 5000;
/** Who presses Ctrl-C does not wait longer than this for a store. */
const INTERRUPTED_MS = 1000;
/** Lines of a log that are kept; a job that prints more has a table of its own. */
const MAX_MESSAGES = 2000;
const MAX_CHARACTERS = 1000;
/** Of a result, JSON. */
const MAX_RESULT_CHARACTERS = 4_000_000;
/** A progress event for each stage, and for each tenth of it. */
const TENTHS = 10;
/** Progress events that are kept: stages may take turns without end. How far the job is stays up to date. */
const MAX_PROGRESS = 2000;
/** Outcome of a job that was not canceled. */
export interface JobOutcome {
  readonly status: 'done' | 'failed';
  readonly error: string | null;
}

export interface RecorderOptions {
  readonly job: Job;
  readonly origin: JobOrigin;
  /** The user of a command. */
  readonly user: string;
  /** The records of this installation; null where it has none. */
  open(): Promise<{ readonly records: JobRecords; close(): Promise<void> } | null>;
  /** Stages and their shares while no such job has ended; empty: they are not known before. */
  readonly firstStages: readonly StageTime[];
  /** Ends this process, as Ctrl-C does. */
  interrupt(): void;
  /** Of this process, in bytes. */
  peakMemory(): number;
  /** Told once, when the records cannot be written. */
  onLost(error: unknown): void;
}

/**
 * Records a job that this process does: its state, progress, messages and artifacts, whoever started it. The work never
 * waits for the store, and goes on without it.
 */
export class JobRecorder {
  readonly #options: RecorderOptions;
  readonly #beganMs = performance.now();
  readonly #opened: ReturnType<RecorderOptions['open']>;
  readonly #timer: NodeJS.Timeout;
  readonly #endWatch: () => void;
  #id: number | null = null;
  #isLost = false;
  #isOver = false;
  #events: JobEvent[] = [];
  #messages = 0;
  #steps = 0;
  #stage = 'starting';
  #share = 0;
  #told = '';
  #isWaiting = false;
  #progress: RunProgress;
  #hasPlan: boolean;
  readonly #turns = new InTurn(null);
  readonly #beat = atMostOneWaiting(() => this.#beatOnce());

  constructor(options: RecorderOptions) {
    this.#options = options;
    this.#progress = createRunProgress(options.firstStages);
    this.#hasPlan = options.firstStages.length > 0;
    this.#opened = options.open().catch((error: unknown) => this.#lose(error));
    void this.#turns.own(() => this.#begin());
    this.#timer = setInterval(() => void this.#beat(), BEAT_MS).unref();
    this.#endWatch = watchProcessorWait(process.pid, (isWaiting) => (this.#isWaiting = isWaiting));
  }

  update(stage: string, done: number, total: number): void {
    this.#stage = stage;
    this.#share = shareOf(done, total);
    this.#progress.update({ stage, share: this.#share }, performance.now() - this.#beganMs);
    const key = `${stageName(stage)} ${Math.floor(this.#share * TENTHS)}`;
    if (key === this.#told) return;
    this.#told = key;
    if (++this.#steps <= MAX_PROGRESS) this.#events.push({ type: 'progress', stage, done, total });
  }

  say(text: string): void {
    this.#messages++;
    if (this.#messages > MAX_MESSAGES) return;
    const last = this.#messages === MAX_MESSAGES ? '… further lines are not kept' : text;
    this.#events.push({ type: 'message', text: maskSecrets(last).slice(0, MAX_CHARACTERS) });
  }

  /**
   * Stores the result of a job of a kind that the API can queue: such a job writes it nowhere else.
   * @param result the document of `--json`
   */
  answered(result: unknown): void {
    if (!(REQUESTED_KINDS as readonly string[]).includes(this.#options.job.kind)) return;
    const text = JSON.stringify(result);
    if (text.length <= MAX_RESULT_CHARACTERS) void this.#inTurn((records, id) => records.keepResult(id, text));
    else
      this.say(`Its result is not kept: it has ${text.length} characters, and at most ${MAX_RESULT_CHARACTERS} are.`);
  }

  made(artifacts: readonly JobEvent[]): void {
    this.#events.push(...artifacts);
  }

  /** @param error why it failed, or that a job with the status done succeeded in part only; null: neither */
  async end({ status, error }: JobOutcome): Promise<void> {
    this.#isOver = true;
    clearInterval(this.#timer);
    this.#endWatch();
    void this.#inTurn(async (records, id) => {
      await this.#tell(records, id);
      await records.end(id, { status, error, peakMemoryBytes: this.#options.peakMemory() });
    });
    const closed = this.#turns.own(async () => (await this.#opened)?.close());
    await Promise.race([closed, sleep(LAST_MS, undefined, { ref: false })]);
  }

  /**
   * A person has ended this process at its terminal. One that the trainer has started is ended by it, which settles the
   * record. Never rejects.
   */
  async interrupted(): Promise<void> {
    const { origin, user } = this.#options;
    if (!isOfPerson(origin)) return;
    void this.#inTurn(async (records, id) => {
      await this.#tell(records, id);
      await records.cancel(id, user);
      await records.end(id, { status: 'canceled', error: null, peakMemoryBytes: this.#options.peakMemory() });
    });
    await Promise.race([this.#turns.settled(), sleep(INTERRUPTED_MS)]);
  }

  async #begin(): Promise<void> {
    try {
      const opened = await this.#opened;
      if (opened === null) return;
      const { job, origin, user } = this.#options;
      const { stages } = await opened.records.lastOf(job.kind);
      if (stages.length > 0) {
        this.#hasPlan = true;
        this.#progress = createRunProgress(stages);
        this.#progress.update({ stage: this.#stage, share: this.#share }, performance.now() - this.#beganMs);
      }
      const mark = markOf(process.pid);
      if (origin.job_id !== undefined) {
        this.#id = origin.job_id;
        // Canceled between the start of this process and now.
        if (!(await opened.records.start(origin.job_id, mark))) this.#options.interrupt();
        return;
      }
      const cores = coresOf(job, availableParallelism());
      const wanted = { job, cores, requestedBy: origin.requested_by ?? user, origin: origin.origin ?? null };
      this.#id = await opened.records.begin(wanted, mark);
    } catch (error) {
      this.#lose(error);
    }
  }

  async #beatOnce(): Promise<void> {
    const { reader_pid: reader } = this.#options.origin;
    if (reader !== undefined && process.ppid !== reader && !this.#isOver) this.#options.interrupt();
    await this.#inTurn(async (records, id) => {
      const isCanceled = await this.#tell(records, id);
      // The trainer ends what it calls a run or a backtest itself, and settles its record.
      if (!isCanceled || this.#isOver || this.#options.origin.origin !== undefined) return;
      await records.end(id, { status: 'canceled', error: null });
      this.#options.interrupt();
    });
  }

  #inTurn(work: (records: JobRecords, id: number) => Promise<void>): Promise<void> {
    return this.#turns.own(async () => {
      try {
        const opened = await this.#opened;
        if (opened !== null && this.#id !== null && !this.#isLost) await work(opened.records, this.#id);
      } catch (error) {
        // The next heartbeat tries again; after the last one there is none.
        if (this.#isOver) this.#lose(error);
      }
    });
  }

  /** Stores what has happened; what cannot be stored is kept for the next heartbeat. */
  async #tell(records: JobRecords, id: number): Promise<boolean> {
    const events = this.#taken();
    try {
      return await records.beat(id, this.#now(), events);
    } catch (error) {
      this.#events = [...events, ...this.#events];
      throw error;
    }
  }

  #now() {
    const stage = this.#stage;
    const percent = this.#hasPlan ? this.#progress.percent() : Math.floor(this.#share * 100);
    return {
      stage: this.#isWaiting ? `${stage}, ${WAITING}` : stage,
      percent,
      etaSeconds: this.#hasPlan ? this.#progress.etaSeconds() : null,
      stages: this.#isOver ? this.#progress.end(performance.now() - this.#beganMs) : this.#progress.stages(),
    };
  }

  #taken(): readonly JobEvent[] {
    const events = this.#events;
    this.#events = [];
    return events;
  }

  #lose(error: unknown): null {
    if (!this.#isLost) this.#options.onLost(error);
    this.#isLost = true;
    return null;
  }
}
