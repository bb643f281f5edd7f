import { MinutehandError } from '../../shared/errors.ts';
import type { Bus, BusRefusal, Scheduler } from '../../shared/ports.ts';
import { refusalAdvice } from '../../shared/redis_refusal.ts';
import { waitAtMost } from '../wait.ts';
import type { Publication, Publisher } from './publish.ts';

export interface RedisPublisherOptions {
  /** Closed with the publisher. */
  readonly bus: Bus;
  readonly scheduler: Scheduler;
  /** A batch that is not answered within this time counts as missed, and its connection as stalled. */
  readonly commandTimeoutMs: number;
  /** Unanswered batches at most; while there are as many, signals are skipped and counted. */
  readonly maxBatchesInFlight: number;
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

export interface RedisPublisher extends Publisher {
  readonly name: 'redis';
  /**
   * Signals that Redis did not take, or not by every command (key, channels, stream), or of which nobody knows: it was absent, stalled, refused
   * them, or the bound in flight was reached.
   */
  readonly missed: number;
  /** null until the first attempt to connect has ended. refused: connected, and the last batch was refused, all of it or in part. */
  readonly state: 'up' | 'down' | 'refused' | null;
  /** The error that `onFailure` was called with, until `onRecovered` is. */
  readonly refusal: MinutehandError | null;
}

const CLOSE_GRACE_MS = 500;

/**
 * Hands each batch to Redis at once, or drops it. Nothing is queued and nothing is sent twice: while Redis is absent,
 * starting or stalled, the signals of a batch are counted in `missed`. A connection whose answers stay away is reset, so that
 * what this process has not sent yet is thrown away.
 *
 * What cannot be taken back is what the other machine's kernel already holds: when a Redis that stood still goes on, it
 * executes the batches that were sent before the stall was noticed, at most `maxBatchesInFlight` and at one bar
 * a minute a single one. Consumers therefore check a signal by `valid_until_ms`, `boot_id` and `seq`, never by its arrival.
 */
export function createRedisPublisher(options: RedisPublisherOptions): RedisPublisher {
  const { bus, scheduler, commandTimeoutMs, maxBatchesInFlight } = options;
  let missed = 0;
  let missedWhenUp = 0;
  let missedBeforeRefusal = 0;
  let failures = 0;
  let refusal: MinutehandError | null = null;
  let state: 'up' | 'down' | null = null;
  let stalled = false;
  let batchesInFlight = 0;
  let closing = false;
  let whenIdle: (() => void) | null = null;

  bus.onState((next, detail) => {
    if (closing || state === next) return;
    state = next;
    if (next === 'up') {
      const missedMeanwhile = missed - missedWhenUp;
      options.onState(next, missedMeanwhile > 0 ? `${missedMeanwhile} signals were missed` : detail);
      missedWhenUp = missed;
    } else {
      options.onState(next, stalled ? `no answer within ${commandTimeoutMs} ms` : detail);
    }
    stalled = false;
  });

  function check(refused: BusRefusal | null): void {
    if (refused === null) {
      if (refusal === null) return;
      refusal = null;
      options.onRecovered(missed - missedBeforeRefusal);
      return;
    }
    failures++;
    if (refusal === null) {
      missedBeforeRefusal = missed;
      const { words } = refused;
      refusal = new MinutehandError('PUBLISH_REDIS', { seen: words, next: refusalAdvice(words) });
      options.onFailure(refusal);
    }
    missed += refused.signals;
  }

  function send(batch: readonly Publication[]): void {
    batchesInFlight++;
    const cancel = scheduler.after(commandTimeoutMs, () => {
      stalled = true;
      bus.reset();
    });
    const settle = (): void => {
      cancel();
      batchesInFlight--;
      if (batchesInFlight === 0) whenIdle?.();
    };
    void bus.send(batch).then(
      (refused) => {
        settle();
        check(refused);
      },
      () => {
        settle();
        missed += batch.length;
      },
    );
  }

  return {
    name: 'redis',
    get missed() {
      return missed;
    },
    get failures() {
      return failures;
    },
    get state() {
      return state === 'up' && refusal !== null ? 'refused' : state;
    },
    get refusal() {
      return refusal;
    },
    publish(batch: readonly Publication[]): void {
      if (closing || batch.length === 0) return;
      if (bus.ready && batchesInFlight < maxBatchesInFlight) send(batch);
      else missed += batch.length;
    },
    async close(): Promise<void> {
      if (closing) return;
      closing = true;
      if (batchesInFlight > 0) {
        await waitAtMost(scheduler, CLOSE_GRACE_MS, (tell) => (whenIdle = tell));
        // What has not left yet must not leave after this process has given up its place.
        if (batchesInFlight > 0) bus.reset();
      }
      await bus.close();
    },
  };
}
