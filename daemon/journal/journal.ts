import { describeError, MinutehandError, type ErrorReport } from '../../shared/errors.ts';
import type { Scheduler } from '../../shared/ports.ts';
import type { InputRow, ShadowRow, SignalRow } from '../../shared/store/journal.ts';
import type { JournalBatch, JournalWriter } from './journal_writer.ts';

/**
 * A write that takes longer counts as refused: longer than SQLite waits for the lock of another process (5 s), so that
 * its own answer comes first.
 */
export const STALL_MS = 10_000;
/** Rows in memory at which bars are refused: a week of ten pairs, some 200 MB. */
export const MAX_WAITING_ROWS = 250_000;
/** Batches of one write. */
export const MAX_BATCHES = 256;

/** Collects what took effect and what was answered, and stores it in transactions off the bar's way. */
export interface Journal {
  input(row: InputRow): void;
  signal(row: SignalRow): void;
  shadow(row: ShadowRow): void;
  /** The current position of a resumable feed: stored with the inputs it has given so far, never before them. */
  feedPosition(position: string): void;
  /**
   * Hands all that was collected to the writer, as one transaction behind all earlier ones. What the disk refuses is
   * kept, and written again at the next flush.
   * @returns how many transactions were handed over so far
   */
  flush(): number;
  /**
   * Resolves when the first `transactions` are stored, or the disk refuses or takes longer than STALL_MS.
   * @returns null where that is so already
   */
  room(transactions: number): Promise<void> | null;
  /** Flushes. Resolves when that was stored or refused. @returns whether all is stored */
  stored(): Promise<boolean>;
  /** Shadow answers of a version that may not be in the store yet, in order. */
  waitingShadows(version: string): readonly ShadowRow[];
  /** The disk has refused for so long that the memory limit of rows is reached. */
  readonly isFull: boolean;
}

export interface JournalOptions {
  readonly writer: JournalWriter;
  readonly scheduler: Pick<Scheduler, 'after'>;
  readonly maxWaitingRows?: number;
  /** Called at the first refused write after a good one. */
  onFailure(error: ErrorReport): void;
  /** Called when nothing waits for longer than STALL_MS any more. */
  onRecovered(): void;
}

export function createJournal(options: JournalOptions): Journal {
  return new QueuedJournal(options);
}

interface Waiter {
  readonly count: number;
  resume(): void;
}

/** One write at a time; later flushes wait in order. */
class QueuedJournal implements Journal {
  readonly #options: JournalOptions;
  #inputs: InputRow[] = [];
  #signals: SignalRow[] = [];
  #shadows: ShadowRow[] = [];
  #position: string | null = null;
  /** Flushed and not stored, in order. The first `#underWay` of them are being written. */
  #waiting: JournalBatch[] = [];
  #waitingRows = 0;
  #underWay = 0;
  #flushed = 0;
  #stored = 0;
  /** A write was refused or took too long, and there may still be rows that have waited for longer than STALL_MS. */
  #isFailing = false;
  /** The write that is in progress takes too long. */
  #isStalled = false;
  #endStallWatch: () => void = () => undefined;
  #waiters: Waiter[] = [];

  constructor(options: JournalOptions) {
    this.#options = options;
  }

  get isFull(): boolean {
    return this.#waitingRows + this.#inputs.length >= (this.#options.maxWaitingRows ?? MAX_WAITING_ROWS);
  }

  input(row: InputRow): void {
    this.#inputs.push(row);
  }

  signal(row: SignalRow): void {
    this.#signals.push(row);
  }

  shadow(row: ShadowRow): void {
    this.#shadows.push(row);
  }

  feedPosition(position: string): void {
    this.#position = position;
  }

  flush(): number {
    const inputs = this.#inputs;
    const signals = this.#signals;
    const shadows = this.#shadows;
    const feedPosition = this.#position;
    const rows = rowsOf({ inputs, signals, shadows });
    if (rows > 0 || feedPosition !== null) {
      this.#inputs = [];
      this.#signals = [];
      this.#shadows = [];
      this.#position = null;
      this.#waiting.push({ inputs, signals, shadows, feedPosition });
      this.#waitingRows += rows;
      this.#flushed++;
    }
    if (this.#underWay === 0) this.#write();
    return this.#flushed;
  }

  room(transactions: number): Promise<void> | null {
    return this.#isFailing || this.#stored >= transactions ? null : this.#untilTried(transactions);
  }

  async stored(): Promise<boolean> {
    const count = this.flush();
    if (this.#stored < count && this.#underWay > 0 && !this.#isStalled) await this.#untilTried(count);
    return this.#stored >= count;
  }

  waitingShadows(version: string): readonly ShadowRow[] {
    const shadows = [...this.#waiting.flatMap((batch) => batch.shadows), ...this.#shadows];
    return shadows.filter(({ modelVersion }) => modelVersion === version);
  }

  /** Resolves when the first `count` are stored, or a write is refused or stalls. */
  #untilTried(count: number): Promise<void> {
    return new Promise<void>((resume) => this.#waiters.push({ count, resume }));
  }

  #write(): void {
    if (this.#waiting.length === 0) return;
    const batches = this.#waiting.slice(0, MAX_BATCHES);
    this.#underWay = batches.length;
    this.#options.writer.write(batches, (stored, refusal) => this.#onWritten(stored, refusal));
    if (this.#underWay > 0) this.#endStallWatch = this.#options.scheduler.after(STALL_MS, () => this.#onStall());
  }

  #onWritten(stored: number, refusal: ErrorReport | null): void {
    this.#endStallWatch();
    this.#endStallWatch = () => undefined;
    const isLate = this.#isStalled || this.#underWay === MAX_BATCHES;
    this.#underWay = 0;
    this.#isStalled = false;
    for (const batch of this.#waiting.splice(0, stored)) this.#waitingRows -= rowsOf(batch);
    this.#stored += stored;
    if (refusal !== null) return this.#fail(refusal);
    if (this.#isFailing && (!isLate || this.#waiting.length === 0)) {
      this.#isFailing = false;
      this.#options.onRecovered();
    }
    this.#resume(this.#stored);
    if (this.#underWay === 0) this.#write();
  }

  #onStall(): void {
    this.#isStalled = true;
    const error = new MinutehandError('JOURNAL_WRITE', { seen: `a transaction not stored within ${STALL_MS} ms` });
    this.#fail(describeError(error));
  }

  #fail(error: ErrorReport): void {
    if (!this.#isFailing) this.#options.onFailure(error);
    this.#isFailing = true;
    this.#resume(this.#flushed);
  }

  #resume(count: number): void {
    if (this.#waiters.length === 0) return;
    const waiters = this.#waiters;
    this.#waiters = waiters.filter((waiter) => waiter.count > count);
    for (const waiter of waiters) if (waiter.count <= count) waiter.resume();
  }
}

function rowsOf({ inputs, signals, shadows }: Omit<JournalBatch, 'feedPosition'>): number {
  return inputs.length + signals.length + shadows.length;
}

/** A journal that keeps nothing: for a replay, whose inputs are on disk already. */
export const NO_JOURNAL: Journal = {
  input: () => undefined,
  signal: () => undefined,
  shadow: () => undefined,
  feedPosition: () => undefined,
  flush: () => 0,
  room: () => null,
  stored: () => Promise.resolve(true),
  waitingShadows: () => [],
  isFull: false,
};
