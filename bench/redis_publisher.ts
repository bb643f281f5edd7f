import { createRedisBus, redisBusOptions } from '../daemon/publish/redis_bus.ts';
import { createRedisPublisher, type RedisPublisher, type RedisPublisherOptions } from '../daemon/publish/redis.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import type { RedisTransport } from '../shared/policy/policy.ts';

/** Opens the daemon's own Redis publisher. */
export function openRedisPublisher(
  transport: RedisTransport,
  { onState, onFailure }: Pick<RedisPublisherOptions, 'onState' | 'onFailure'>,
): RedisPublisher {
  return createRedisPublisher({
    isExpected: true,
    bus: createRedisBus(redisBusOptions(transport)),
    scheduler: MACHINE_SCHEDULER,
    commandTimeoutMs: transport.command_timeout_ms,
    maxBatchesInFlight: transport.max_batches_in_flight,
    mayLeave: () => true,
    onState,
    onFailure,
    onRecovered: () => undefined,
  });
}
