import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { RedisTransport } from '../policy/policy.ts';
import { connectionProblem, redisAddress } from './redis_address.ts';
import { askEviction } from './redis_info.ts';
import { roleOf } from './redis_role.ts';
import { REPLY_BYTES_MAX } from './stream_sizes.ts';

const MAX_RETRY_MS = 5000;
/** A replica that was the primary serves reads without an error, from data that may no longer change. */
const ROLE_CHECK_MS = 10_000;
/** Longest wait for one reply: Redis copies an entry to send or measure it, and entries can have a gigabyte. */
const MAX_WAIT_MS = 60_000;
const CLOSED = 'the connection was closed';
/** The detail of `up`; what the server may remove follows it. */
export const CONNECTED = 'connected';

export interface StreamConnectionOptions {
  readonly transport: Pick<RedisTransport, 'url' | 'ca_file' | 'connect_timeout_ms' | 'command_timeout_ms'>;
  /** As `CLIENT LIST` shows it. */
  readonly name: string;
  /** Maximum wait of a read for the next entry. */
  readonly blockMs: number;
  /** Pause after the first failure; each further one doubles it, up to 5 s. */
  readonly firstRetryMs: number;
  /** Work after each connect before it counts as up. */
  begin(connection: StreamConnection): Promise<void>;
  /** Interval at which a primary is asked whether it still is one; 10 s unless given. */
  readonly roleCheckMs?: number;
  /** One read and its consequences; called repeatedly. */
  read(connection: StreamConnection): Promise<void>;
  /** Called once per change. */
  onState(state: StreamConnectionState, detail: string): void;
}

/** refused: Redis answers, and refuses the commands. */
export type StreamConnectionState = 'up' | 'down' | 'refused';

export interface StreamConnection {
  readonly redis: Redis;
  readonly isStopped: boolean;
  /**
   * Whether a reply was too large: sizes are to be asked for before entries are, until `trust` is called.
   */
  readonly isCareful: boolean;
  /**
   * Whether no reply came in time, as when many large entries are asked for at once: one entry is to be asked for,
   * until a read has succeeded.
   */
  readonly isSlow: boolean;
  /** The next entries are of usual size. */
  trust(): void;
  /** The detail of `onState` when the error that is thrown next does not come from Redis. */
  because(reason: string): void;
}

export interface StreamReader {
  /** Nothing is read after this was called. */
  stop(): Promise<void>;
}

/**
 * Reads a stream for ever, by a connection of its own that may wait for the next entry. A Redis that is absent, stalled
 * or restarted, and work that failed, are tried again with growing pauses.
 * @throws MinutehandError CONFIG_INVALID when the address cannot be understood or `ca_file` cannot be read
 */
export function keepReading(options: StreamConnectionOptions): StreamReader {
  const { transport, name, blockMs, firstRetryMs, roleCheckMs = ROLE_CHECK_MS, begin, read, onState } = options;
  const socketTimeout = blockMs + 2 * transport.command_timeout_ms;
  const redis = new Redis({
    ...redisAddress(transport.url, transport.ca_file),
    lazyConnect: true,
    // ioredis starts this timer on a connection that is closed already, too, and a process would wait for it.
    disconnectTimeout: 50,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    connectTimeout: transport.connect_timeout_ms,
    socketTimeout,
    // The loop below connects again: it has to `begin` then.
    retryStrategy: () => null,
    connectionName: name,
    protocol: 2,
  });
  let reason = CLOSED;
  let isCareful = false;
  let isSlow = false;
  /** Bytes since the last read began. */
  let received = 0;
  redis.on('error', (error: Error) => (reason = connectionProblem(error)));
  const stopping = new AbortController();
  let state: StreamConnectionState | null = null;
  const connection: StreamConnection = {
    redis,
    get isStopped() {
      return stopping.signal.aborted;
    },
    get isCareful() {
      return isCareful;
    },
    get isSlow() {
      return isSlow;
    },
    trust: () => beCareful(false),
    because: (text) => void (reason = text),
  };

  /** Sets the wait for a reply as well. */
  function beCareful(isSo: boolean): void {
    isCareful = isSo;
    redis.options.socketTimeout = isSo ? MAX_WAIT_MS : socketTimeout;
  }

  /** The next reply is waited for twice as long. */
  function beSlow(): void {
    isSlow = true;
    redis.options.socketTimeout = Math.min(2 * redis.options.socketTimeout!, MAX_WAIT_MS);
  }

  function hasRead(): void {
    if (!isSlow) return;
    isSlow = false;
    beCareful(isCareful);
  }

  /** Counts the bytes of a reply as they come, and hangs up before more of it is held. */
  function watchReplies(): void {
    redis.stream.on('data', (chunk: Buffer) => {
      received += chunk.length;
      if (received <= REPLY_BYTES_MAX) return;
      beCareful(true);
      reason = `a reply of more than ${REPLY_BYTES_MAX} bytes`;
      hangUp();
    });
  }

  function enter(next: StreamConnectionState, detail: string): void {
    if (state === next || connection.isStopped) return;
    state = next;
    onState(next, detail);
  }

  function hangUp(): void {
    redis.disconnect();
    // `disconnect` waits for the other side to hang up; a stalled one never does.
    redis.stream?.destroy();
  }

  async function run(): Promise<void> {
    let waitMs = firstRetryMs;
    while (!connection.isStopped) {
      const wasTrusting = !isCareful;
      try {
        await redis.connect();
        reason = CLOSED;
        received = 0;
        watchReplies();
        const role = await roleOf(redis);
        const eviction = await askEviction(redis);
        await begin(connection);
        enter('up', eviction === null ? CONNECTED : `${CONNECTED}, but ${eviction}`);
        waitMs = firstRetryMs;
        let checkedMs = performance.now();
        while (!connection.isStopped) {
          received = 0;
          await read(connection);
          hasRead();
          if (role !== 'primary' || performance.now() - checkedMs < roleCheckMs) continue;
          checkedMs = performance.now();
          if ((await roleOf(redis)) === 'replica') {
            reason = 'this Redis has become a read-only replica: connecting again';
            throw new Error(reason);
          }
        }
      } catch (error) {
        if (connection.isStopped) return;
        const isRefused = error instanceof Error && error.name === 'ReplyError';
        if (reason.startsWith('Socket timeout')) beSlow();
        enter(isRefused ? 'refused' : 'down', isRefused ? error.message : reason);
        hangUp();
      }
      // What was too large is not asked for again: there is nothing to wait for.
      if (isCareful && wasTrusting) waitMs = firstRetryMs;
      await sleep(waitMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      waitMs = Math.min(2 * waitMs, MAX_RETRY_MS);
    }
  }

  const running = run();
  return {
    async stop() {
      stopping.abort();
      hangUp();
      await running;
    },
  };
}
