import { Redis } from 'ioredis';
import type { RedisTransport } from '../../shared/policy/policy.ts';
import { isRefusalOfReplica } from '../../shared/redis/redis_role.ts';
import { redisAddress } from '../../shared/redis/redis_address.ts';

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5000;

export type EaTransport = Pick<RedisTransport, 'url' | 'ca_file' | 'connect_timeout_ms' | 'command_timeout_ms'>;

/** A connection that mends itself and queues nothing. */
export interface EaRedis {
  readonly redis: Redis;
  /** `up`, or why not. */
  state(): string;
  stop(): void;
}

/** @throws MinutehandError CONFIG_INVALID */
export function connectRedis(
  { url, ca_file, connect_timeout_ms, command_timeout_ms }: EaTransport,
  name: string,
): EaRedis {
  const redis = new Redis({
    ...redisAddress(url, ca_file),
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    // If the connection is lost again before the answer, the rejection of its subscription would end the process.
    autoResubscribe: false,
    maxRetriesPerRequest: 0,
    connectTimeout: connect_timeout_ms,
    // A proxy may forget a connection without a word: a command without an answer ends it, and a new one is made.
    socketTimeout: 2 * command_timeout_ms,
    retryStrategy: (attempt) => Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10), MAX_RETRY_MS),
    reconnectOnError: (error) => isRefusalOfReplica(error.message),
    maxLoadingRetryTime: 2 * command_timeout_ms,
    connectionName: name,
    protocol: 2,
  });
  let problem = 'not connected yet';
  redis.on('error', (error: Error) => (problem = error.message || error.name));
  redis.on('ready', () => (problem = 'the connection was closed'));
  return {
    redis,
    state: () => (redis.status === 'ready' ? 'up' : problem),
    stop() {
      redis.disconnect();
      redis.stream?.destroy();
    },
  };
}
