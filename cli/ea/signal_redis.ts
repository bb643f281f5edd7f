import { ReplicaRetries, roleOf } from '../../shared/redis/redis_role.ts';
import { connectRedis, type EaTransport } from './redis_client.ts';
import type { OnText, SignalSource } from './signal_source.ts';

/** A message that was lost heals by reading the keys. */
const KEYS_MS = 15_000;

/**
 * Follows the channels `minutehand:signals:<pair_id>`, and reads the keys with the last signals after each subscription
 * and periodically.
 */
export function followRedis(transport: EaTransport, pairIds: readonly string[], receive: OnText): SignalSource {
  const listener = connectRedis(transport, 'minutehand-ea-listen');
  const reader = connectRedis(transport, 'minutehand-ea-read');
  const pairOf = new Map(pairIds.map((id) => [`minutehand:signals:${id}`, id]));
  const channels = [...pairOf.keys()];
  const keys = pairIds.map((id) => `minutehand:signal:${id}`);

  async function readKeys(): Promise<void> {
    if (reader.redis.status !== 'ready') return;
    let texts: (string | null)[];
    try {
      texts = await reader.redis.mget(...keys);
    } catch {
      // Lost in between: the next time, or the next message.
      return;
    }
    for (const [index, text] of texts.entries()) if (text !== null) receive(text, pairIds[index]);
  }

  listener.redis.on('ready', () => {
    listener.redis.subscribe(...channels).then(readKeys, () => undefined);
  });
  reader.redis.on('ready', () => void readKeys());
  listener.redis.on('message', (channel: string, text: string) => receive(text, pairOf.get(channel)));
  const retries = new ReplicaRetries(() => performance.now());
  /** A replica refuses no read: after a failover an old connection shows old signals, silently. */
  async function leaveReplica(): Promise<void> {
    if (reader.redis.status !== 'ready') return;
    const role = await roleOf(reader.redis);
    if (role === 'primary') retries.accepted();
    if (role !== 'replica' || !retries.refused()) return;
    listener.redis.stream.destroy();
    reader.redis.stream.destroy();
  }
  const timer = setInterval(() => {
    // Without a ping, a lost peer is not detected while no messages arrive.
    if (listener.redis.status === 'ready') listener.redis.ping().catch(() => undefined);
    void readKeys();
    void leaveReplica();
  }, KEYS_MS);
  return {
    state: () => `Redis ${listener.state()}`,
    stop() {
      clearInterval(timer);
      listener.stop();
      reader.stop();
      return Promise.resolve();
    },
  };
}
