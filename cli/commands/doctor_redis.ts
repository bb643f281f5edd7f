import { randomBytes } from 'node:crypto';
import { Redis } from 'ioredis';
import { SIGNALS_CHANNEL, signalChannel, signalKey } from '../../daemon/publish/redis_bus.ts';
import { BARS_STREAM } from '../../daemon/feed/redis_stream.ts';
import type { MarketKind } from '../../shared/signal/signal.ts';
import type { RedisTransport } from '../../shared/policy/policy.ts';
import { redisAddress } from '../../shared/redis/redis_address.ts';
import { askEviction } from '../../shared/redis/redis_info.ts';
import { refusalAdvice } from '../../shared/redis/redis_refusal.ts';

const WAIT_MS = 1000;
const SCRATCH_LIFE_MS = 1000;

/** A command that Redis refused, with its message. */
export interface RedisRefusal {
  readonly command: string;
  readonly words: string;
  readonly next: string;
}

/** What Redis said. */
export interface RedisTrial {
  /** Nothing = all commands work. */
  readonly refusals: readonly RedisRefusal[];
  /** Keys that Redis evicts by its `maxmemory-policy`, in words; null: none, or the user may not call INFO. */
  readonly eviction: string | null;
}

/**
 * Tries what the daemon does with Redis, on scratch names that the access rights of the real ones cover
 * (`minutehand:signal:doctor_…`), and removes them. The types of the real streams are only read.
 * @throws Error when Redis does not answer
 */
export async function tryRedis(transport: RedisTransport, market: MarketKind): Promise<RedisTrial> {
  const client = askingClient(transport);
  // connect() rejects with the words of the closed connection; why it was closed comes by this event.
  let lastError: Error | null = null;
  client.on('error', (error: Error) => (lastError = error));
  try {
    await client.connect().catch((error: unknown) => {
      throw lastError ?? error;
    });
    const refusals = [...(await tryPublishing(client)), ...(market === 'live' ? await tryReading(client) : [])];
    return { refusals, eviction: await askEviction(client) };
  } finally {
    client.disconnect();
  }
}

/** Keys that a Redis evicts by its `maxmemory-policy`, in words; null: none, or it does not answer. */
export async function evictionAt(transport: RedisTransport): Promise<string | null> {
  const client = askingClient(transport);
  client.on('error', () => undefined);
  try {
    await client.connect();
    return await askEviction(client);
  } catch {
    return null;
  } finally {
    client.disconnect();
  }
}

/** A client for a few questions: connected by `connect`, and never again by itself. @param waitMs for each answer */
export function askingClient({ url, ca_file }: Pick<RedisTransport, 'url' | 'ca_file'>, waitMs = WAIT_MS): Redis {
  return new Redis({
    ...redisAddress(url, ca_file),
    lazyConnect: true,
    retryStrategy: () => null,
    connectTimeout: waitMs,
    commandTimeout: waitMs,
    maxRetriesPerRequest: 0,
    protocol: 2,
  });
}

async function tryPublishing(client: Redis): Promise<RedisRefusal[]> {
  const id = `doctor_${randomBytes(6).toString('hex')}`;
  const stream = `${SIGNALS_CHANNEL}:${id}`;
  const refusals = [
    await attempt('PUBLISH', () => client.publish(signalChannel(id), '')),
    await attempt('SET', () => client.set(signalKey(id), '', 'PX', SCRATCH_LIFE_MS)),
    await attempt('XADD', () => client.xadd(stream, 'MAXLEN', '~', 1, '*', 'pair_id', id)),
    await attempt('EVAL', () => client.eval('return 1', 0)),
    await attempt(`XADD ${SIGNALS_CHANNEL}`, () => checkType(client, SIGNALS_CHANNEL)),
  ];
  // A user that may only publish has no DEL: SET replaces a key of any type by one that expires.
  for (const key of [signalKey(id), stream])
    await client.del(key).catch(() => client.set(key, '', 'PX', 1).catch(() => undefined));
  return refusals.filter((refusal) => refusal !== null);
}

/** A missing read permission is not a refusal of the daemon's commands. */
async function checkType(client: Redis, key: string): Promise<void> {
  try {
    await client.xinfo('STREAM', key);
  } catch (error) {
    if (/WRONGTYPE/.test((error as Error).message)) throw error;
  }
}

async function tryReading(client: Redis): Promise<RedisRefusal[]> {
  const commands: [string, () => Promise<unknown>][] = [
    [`XINFO ${BARS_STREAM}`, () => client.xinfo('STREAM', BARS_STREAM)],
    [`XRANGE ${BARS_STREAM}`, () => client.xrange(BARS_STREAM, '-', '+', 'COUNT', 1)],
    [`XREAD ${BARS_STREAM}`, () => client.xread('COUNT', 1, 'STREAMS', BARS_STREAM, '$')],
  ];
  const next = 'Give the user +xread +xrange +xinfo ~minutehand:bars, and let the key be a stream.';
  const refusals: RedisRefusal[] = [];
  for (const [command, run] of commands) {
    const refusal = await attempt(command, run);
    if (refusal !== null && !/no such key/i.test(refusal.words)) refusals.push({ ...refusal, next });
  }
  return refusals;
}

async function attempt(command: string, run: () => Promise<unknown>): Promise<RedisRefusal | null> {
  try {
    await run();
    return null;
  } catch (error) {
    if (!(error instanceof Error) || error.name !== 'ReplyError') throw error;
    return { command, words: error.message, next: refusalAdvice(error.message) };
  }
}
