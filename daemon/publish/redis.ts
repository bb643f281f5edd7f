import { MinutehandError } from '../../shared/errors.ts';
import type { Bus, BusRefusal, Scheduler } from '../../shared/ports.ts';
import { refusalAdvice } from '../../shared/redis/redis_refusal.ts';
import { waitAtMost } from '../threads/wait.ts';
import type { Publication, Publisher } from './publish.ts';
import { UnsentSignals, type SignalLimits } from './unsent_signals.ts';

export interface RedisPublisherOptions {
  /** Closed with the publisher. */
  readonly bus: Bus;
  readonly scheduler: Scheduler;
  /** false: a server that has not answered since the start misses nothing. */
  readonly isExpected: boolean;
  /** A batch that is not answered within this time counts as missed, and its connection as stalled. */
  readonly commandTimeoutMs: number;
  /** Unanswered batches at most; while there are as many, signals are skipped and counted. */
  readonly maxBatchesInFlight: number;
  /** Whether a missed signal may still be sent: it has not expired, and its lease is held. */
  mayLeave(limits: SignalLimits): boolean;
  /** Called when it is first known whether Redis answers, and then only when that changes. */
  onState(state: 'up' | 'down', detail: string): void;
  /** Called with PUBLISH_REDIS at the first batch that Redis refuses after a good one, all of it or in part. */
  onFailure(error: MinutehandError): void;
  /**
   * Called at the first batch that Redis took completely after it had refused one.
   * @param missedMeanwhile signals missed from the first refusal on
   */
  onRecovered(missedMeanwhile: number): void;
}

export interface RedisPublisher extends Publisher<'redis'> {
  /**
   * Signals that Redis did not take, or not by every command (key, channels, stream), or whose outcome is unknown: it
   * was absent, stalled, refused them, or the bound in flight was reached.
   */
  readonly missed: number;
  /** Signals that Redis got later, or had got before its answer was lost. */
  readonly resent: number;
  /**
   * null until the first attempt to connect has ended. refused: connected, and the last batch was refused, all of it or
   * in part.
   */
  readonly state: 'up' | 'down' | 'refused' | null;
  /** The error that `onFailure` was called with, until `onRecovered` is. */
  readonly refusal: MinutehandError | null;
}

const CLOSE_GRACE_MS = 500;
/** After a refusal, where no later batch shows that Redis accepts again. */
const RETRY_REFUSED_MS = 10_000;
/** Of the pause before a resend. */
const MAX_DOUBLINGS = 6;

/**
 * Sends each batch to Redis at once. While Redis is absent, starting, stalled or refuses, the signals of a batch are
 * counted in `missed`, and the last one of each pair is kept: it is sent once Redis accepts again, before any later
 * one, unless it may no longer leave. A connection without answers is reset, so that data this process has not sent yet
 * is discarded; at the end of a lease, too, or a network that is whole again would bring an earlier holder's signals
 * after the next one's.
 *
 * Data that the other machine's kernel already holds cannot be recalled: when a stalled Redis continues, it executes
 * the batches that were sent before the stall was detected: those of `commandTimeoutMs`, at most `maxBatchesInFlight`.
 * Consumers therefore check a signal by `valid_until_ms`, `boot_id` and `seq`, never by its arrival.
 */
export function createRedisPublisher(options: RedisPublisherOptions): RedisPublisher {
  return new BusPublisher(options);
}

class BusPublisher implements RedisPublisher {
  readonly name = 'redis';
  failures = 0;
  missed = 0;
  resent = 0;
  refusal: MinutehandError | null = null;
  readonly #options: RedisPublisherOptions;
  readonly #unsent = new UnsentSignals();
  /** Of the last batch. */
  #number = 0;
  #cancelRetry: () => void = () => undefined;
  #missedWhenUp = 0;
  #missedBeforeRefusal = 0;
  #connection: 'up' | 'down' | null = null;
  /** Whether signals that it does not get count as missed. */
  #isExpected: boolean;
  #isStalled = false;
  #batchesSent = 0;
  #batchesSettled = 0;
  /** Since the last answer: a server that is too slow for them gets them ever more rarely. */
  #lostResends = 0;
  #isClosing = false;
  #whenIdle: (() => void) | null = null;

  constructor(options: RedisPublisherOptions) {
    this.#options = options;
    this.#isExpected = options.isExpected;
    options.bus.onState((state, detail) => this.#enter(state, detail));
  }

  get state(): RedisPublisher['state'] {
    return this.#connection === 'up' && this.refusal !== null ? 'refused' : this.#connection;
  }

  get #batchesInFlight(): number {
    return this.#batchesSent - this.#batchesSettled;
  }

  publish(batch: readonly Publication[]): void {
    if (this.#isClosing || batch.length === 0) return;
    const { bus, maxBatchesInFlight } = this.#options;
    const number = ++this.#number;
    if (bus.ready && this.#batchesInFlight < maxBatchesInFlight) {
      this.#send(batch, number);
    } else {
      if (this.#isExpected) this.missed += batch.length;
      this.#unsent.note(batch, number, null);
    }
  }

  withdraw(inMs: number): void {
    const { bus, scheduler } = this.#options;
    const sent = this.#batchesSent;
    if (this.#batchesSettled < sent)
      scheduler.after(inMs, () => void (this.#batchesSettled < sent && !this.#isClosing && bus.reset()));
  }

  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#cancelRetry();
    const { bus, scheduler } = this.#options;
    if (this.#batchesInFlight > 0) {
      await waitAtMost(scheduler, CLOSE_GRACE_MS, (release) => (this.#whenIdle = release));
      // Unsent data must not be sent after this process has released its lease.
      if (this.#batchesInFlight > 0) bus.reset();
    }
    await bus.close();
  }

  #enter(next: 'up' | 'down', detail: string): void {
    if (this.#isClosing || this.#connection === next) return;
    this.#connection = next;
    const { onState, commandTimeoutMs } = this.#options;
    if (next === 'up') {
      this.#isExpected = true;
      const missedMeanwhile = this.missed - this.#missedWhenUp;
      onState(next, missedMeanwhile > 0 ? `${missedMeanwhile} signals were missed` : detail);
      this.#missedWhenUp = this.missed;
    } else {
      onState(next, this.#isStalled ? `no answer within ${commandTimeoutMs} ms` : detail);
    }
    this.#isStalled = false;
    if (next === 'up') this.#resendLater();
  }

  #resendLater(): void {
    if (this.#lostResends < 2) return this.#resend();
    const { bus, scheduler, commandTimeoutMs } = this.#options;
    this.#cancelRetry();
    const pauseMs = commandTimeoutMs * 2 ** Math.min(this.#lostResends - 1, MAX_DOUBLINGS);
    this.#cancelRetry = scheduler.after(pauseMs, () => bus.ready && this.#resend());
  }

  #send(batch: readonly Publication[], number: number): void {
    this.#whenAnswered(this.#options.bus.send(batch), (refused) => {
      if (refused === null) {
        this.#unsent.taken(batch, number);
        this.#recover();
      } else {
        this.#unsent.note(batch, number, refused === 'lost' ? null : refused);
        if (refused !== 'lost') this.#refuse(refused);
        this.missed += refused === 'lost' ? batch.length : refused.signals;
      }
    });
  }

  /** Sends what is still missing, once nothing newer is in progress. */
  #resend(): void {
    if (this.#batchesInFlight > 0) return;
    const messages = this.#unsent.take(this.#options.mayLeave);
    if (messages.length === 0) return;
    this.#whenAnswered(this.#options.bus.resend(messages), (refused) => {
      if (refused === null) {
        this.resent += messages.length;
        this.#recover();
      } else {
        this.#unsent.restore(messages, refused === 'lost' ? null : refused);
        if (refused === 'lost') this.#lostResends++;
        else this.#refuse(refused);
      }
    });
  }

  /** @param onAnswer gets what was refused, or that the connection ended before the answer */
  #whenAnswered(answer: Promise<BusRefusal | null>, onAnswer: (refused: BusRefusal | 'lost' | null) => void): void {
    const { bus, scheduler, commandTimeoutMs } = this.#options;
    this.#batchesSent++;
    const cancel = scheduler.after(commandTimeoutMs, () => {
      this.#isStalled = true;
      bus.reset();
    });
    const settle = (refused: BusRefusal | 'lost' | null): void => {
      cancel();
      if (refused !== 'lost') this.#lostResends = 0;
      this.#batchesSettled++;
      onAnswer(refused);
      if (this.#batchesInFlight > 0) return;
      this.#whenIdle?.();
      if (this.#unsent.size > 0 && refused === null && !this.#isClosing) this.#resend();
    };
    void answer.then(settle, () => settle('lost'));
  }

  #recover(): void {
    if (this.refusal === null) return;
    this.#cancelRetry();
    this.refusal = null;
    this.#options.onRecovered(this.missed - this.#missedBeforeRefusal);
  }

  #refuse({ words }: BusRefusal): void {
    this.failures++;
    const { bus, scheduler } = this.#options;
    this.#cancelRetry();
    if (!this.#isClosing) this.#cancelRetry = scheduler.after(RETRY_REFUSED_MS, () => bus.ready && this.#resend());
    if (this.refusal !== null) return;
    this.#missedBeforeRefusal = this.missed;
    this.refusal = new MinutehandError('PUBLISH_REDIS', { seen: words, next: refusalAdvice(words) });
    this.#options.onFailure(this.refusal);
  }
}
