import { Redis } from 'ioredis';
import { MinutehandError } from '../../shared/errors.ts';
import type { Publication, Publisher } from './publish.ts';

export interface RedisPublisherOptions {
  /** `redis://[user:password@]host:port[/db]`, or `rediss://` for TLS. */
  readonly url: string;
  /** How long `minutehand:signal:<pair_id>` lives when no later signal replaces it. */
  readonly keyTtlMs: number;
  /** About how many entries the stream `minutehand:signals` keeps (MAXLEN ~). */
  readonly streamMaxLen: number;
  readonly connectTimeoutMs: number;
  /** A batch that is not answered within this time counts as missed, and its connection as stalled. */
  readonly commandTimeoutMs: number;
  /** Unanswered batches at most; while there are as many, signals are skipped and counted. */
  readonly maxBatchesInFlight: number;
  /** Called when it is first known whether Redis answers, and then only when that changes. */
  onState(state: 'up' | 'down', detail: string): void;
  /** Called with PUBLISH_REDIS at the first batch that Redis refuses after a good one, e.g. because its memory is full. */
  onFailure(error: MinutehandError): void;
  /** Called at the first batch that Redis took completely after it had refused one. */
  onRecovered(): void;
}

export interface RedisPublisher extends Publisher {
  readonly name: 'redis';
  /** Signals that did not reach Redis, or of which nobody knows: it was absent, stalled, or the bound in flight was reached. */
  readonly missed: number;
  /** null until the first attempt to connect has ended. */
  readonly state: 'up' | 'down' | null;
}

export const SIGNALS_CHANNEL = 'minutehand:signals';
export const SIGNALS_STREAM = 'minutehand:signals';
export const signalChannel = (pairId: string): string => `minutehand:signals:${pairId}`;
export const signalKey = (pairId: string): string => `minutehand:signal:${pairId}`;

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;
const CLOSE_GRACE_MS = 500;

/**
 * Publishes each batch with one pipeline, written to the socket at once: `PUBLISH minutehand:signals` with all signals,
 * one per line; then for each pair `SET minutehand:signal:<pair_id> <text> PX <ttl>`, `PUBLISH minutehand:signals:<pair_id>`
 * and `XADD minutehand:signals MAXLEN ~ <n> * pair_id <id> signal <text>`.
 *
 * Nothing is queued and nothing is sent twice. While Redis is absent, starting or stalled, batches are dropped and
 * their signals counted in `missed`. A connection whose answers stay away is reset, not closed: what this process has
 * not sent yet is thrown away.
 *
 * What cannot be taken back is what the other machine's kernel already holds: when a Redis that stood still goes on, it
 * executes the batches that were sent before the stall was noticed, at most `maxBatchesInFlight` and at one bar
 * a minute a single one. Consumers therefore judge a signal by `valid_until_ms`, `boot_id` and `seq`, never by its arrival.
 */
export function createRedisPublisher(options: RedisPublisherOptions): RedisPublisher {
  let missed = 0;
  let failures = 0;
  let failing = false;
  let state: 'up' | 'down' | null = null;
  let lastError = 'the connection was closed';
  let missedWhenUp = 0;
  let batchesInFlight = 0;
  let closing = false;
  let whenIdle: (() => void) | null = null;

  const redis = new Redis(options.url, {
    lazyConnect: true,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // With 0, commands without an answer are rejected as soon as the connection closes.
    maxRetriesPerRequest: 0,
    connectTimeout: options.connectTimeoutMs,
    // The handshake; a batch has one timer of its own below, instead of one for each of its commands.
    socketTimeout: 2 * options.commandTimeoutMs,
    retryStrategy: (attempt) => Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10), MAX_RETRY_MS),
    connectionName: 'minutehand-publish',
  });

  function enter(next: 'up' | 'down', detail: string): void {
    if (state === next || closing) return;
    state = next;
    if (next === 'up') missedWhenUp = missed;
    options.onState(next, detail);
  }

  redis.on('error', (error: Error) => {
    lastError = describe(error);
  });
  redis.on('ready', () => {
    const missedMeanwhile = missed - missedWhenUp;
    enter('up', missedMeanwhile > 0 ? `${missedMeanwhile} signals were missed` : 'connected');
  });
  redis.on('close', () => enter('down', lastError));
  // How the attempt ended is told by the events above.
  redis.connect().catch(() => undefined);

  function resetConnection(): void {
    lastError = `no answer within ${options.commandTimeoutMs} ms`;
    const { stream } = redis;
    // A reset drops what the kernel still has to send; TLS sockets know only the ordinary way.
    if ('encrypted' in stream) stream.destroy();
    else stream.resetAndDestroy();
  }

  function settle(
    batchSize: number,
    results: readonly (readonly [error: Error | null, result: unknown])[] | null,
  ): void {
    batchesInFlight--;
    const refusal = results?.find(([error]) => error !== null && error.name === 'ReplyError')?.[0];
    const lost = results === null || results.some(([error]) => error !== null && error.name !== 'ReplyError');
    if (lost) {
      missed += batchSize;
    } else if (refusal) {
      failures++;
      if (!failing) {
        failing = true;
        options.onFailure(new MinutehandError('PUBLISH_REDIS', { seen: refusal.message, cause: refusal }));
      }
    } else if (failing) {
      failing = false;
      options.onRecovered();
    }
    if (batchesInFlight === 0) whenIdle?.();
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
      return state;
    },
    publish(batch: readonly Publication[]): void {
      if (closing || batch.length === 0) return;
      if (redis.status !== 'ready' || batchesInFlight >= options.maxBatchesInFlight) {
        missed += batch.length;
        return;
      }
      const pipeline = redis.pipeline();
      pipeline.publish(SIGNALS_CHANNEL, batch.map(({ text }) => text).join('\n'));
      for (const { pairId, text } of batch) {
        pipeline.set(signalKey(pairId), text, 'PX', options.keyTtlMs);
        pipeline.publish(signalChannel(pairId), text);
        pipeline.xadd(SIGNALS_STREAM, 'MAXLEN', '~', options.streamMaxLen, '*', 'pair_id', pairId, 'signal', text);
      }
      batchesInFlight++;
      const timer = setTimeout(resetConnection, options.commandTimeoutMs);
      pipeline.exec().then(
        (results) => {
          clearTimeout(timer);
          settle(batch.length, results);
        },
        () => {
          clearTimeout(timer);
          settle(batch.length, null);
        },
      );
    },
    async close(): Promise<void> {
      if (closing) return;
      closing = true;
      if (batchesInFlight > 0) {
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, CLOSE_GRACE_MS);
          whenIdle = () => {
            clearTimeout(timer);
            resolve();
          };
        });
      }
      const { stream } = redis;
      redis.disconnect();
      // `disconnect` waits two seconds for the other side to hang up; a stalled one never does.
      stream?.destroy();
    },
  };
}

function describe(error: Error): string {
  // Trying IPv4 and IPv6 in turn gives an AggregateError whose own message is empty.
  const inner = error instanceof AggregateError ? (error.errors[0] as unknown) : undefined;
  return error.message || (inner instanceof Error ? inner.message : error.name);
}
