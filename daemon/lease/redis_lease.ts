import { Redis } from 'ioredis';
import { isRefusalOfReplica } from '../../shared/redis/redis_role.ts';
import { redisAddress } from '../../shared/redis/redis_address.ts';
import type { LeaseRecord, LeaseRequest } from './lease.ts';
import type { LeaseAddress, LeaseStore } from './lease_store.ts';

export const leaseKey = (name: string): string => `minutehand:lease:${name}`;

/**
 * KEYS: the row. ARGV: holder, kind, fence, beat, floor. The fence is at least the server's time, so that it rises too
 * when the server lost its data. Nothing expires: only the holders' clocks count.
 */
const SCRIPT = `
local row = redis.call('HMGET', KEYS[1], 'holder', 'fence', 'beat')
local holder, fence, beat = row[1] or '', tonumber(row[2] or 0), tonumber(row[3] or 0)
local me, kind, at = ARGV[1], ARGV[2], tonumber(ARGV[3])
local changed = false
if kind == 'take' then
  if fence == at and beat == tonumber(ARGV[4]) then
    local now = redis.call('TIME')
    fence = math.max(fence + 1, tonumber(ARGV[5]) + 1, now[1] * 1000 + math.floor(now[2] / 1000))
    holder, beat, changed = me, beat + 1, true
  end
elseif kind == 'raise' then
  if fence > 0 and fence == at then fence, changed = tonumber(ARGV[5]) + 1, true end
elseif kind ~= 'look' and holder == me and fence == at then
  if kind == 'renew' then beat = beat + 1 else holder = '' end
  changed = true
end
fence, beat = string.format('%.0f', fence), string.format('%.0f', beat)
if changed then redis.call('HSET', KEYS[1], 'holder', holder, 'fence', fence, 'beat', beat) end
return {holder, fence, beat}`;

/** No name of a lease: those have a colon. */
const SERVER_KEY = leaseKey('server');
/** KEYS: the row of the server. ARGV: the offered id. */
const SERVER_SCRIPT = `
local id = redis.call('HMGET', KEYS[1], 'id')[1]
if id then return id end
redis.call('HSET', KEYS[1], 'id', ARGV[1])
return ARGV[1]`;

const RETRY_MS = 50;

/** @throws MinutehandError CONFIG_INVALID */
export function openRedisLease(address: LeaseAddress): LeaseStore {
  return new RedisLease(address);
}

class RedisLease implements LeaseStore {
  readonly #address: LeaseAddress;
  readonly #redis: Redis;
  #problem = 'not connected';

  constructor(address: LeaseAddress) {
    this.#address = address;
    this.#redis = new Redis({
      ...redisAddress(address.url, null),
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      connectTimeout: Math.max(100, address.timeoutMs),
      disconnectTimeout: 50,
      retryStrategy: () => RETRY_MS,
      connectionName: 'minutehand-lease',
      protocol: 2,
    });
    this.#redis.on('error', (error: Error) => (this.#problem = error.message));
  }

  async exchange(request: LeaseRequest): Promise<LeaseRecord> {
    if (this.#redis.status !== 'ready') throw new Error(this.#problem);
    const { name, holder } = this.#address;
    const { kind } = request;
    const [at, beat] =
      kind === 'take' ? [request.seen.fence, request.seen.beat] : [kind === 'look' ? 0 : request.fence, 0];
    const floor = kind === 'take' || kind === 'raise' ? request.floor : 0;
    const row = await this.#redis
      .eval(SCRIPT, 1, leaseKey(name), holder, kind, at, beat, floor)
      .catch((error: unknown) => {
        if (error instanceof Error && isRefusalOfReplica(error.message)) this.reset();
        throw error;
      });
    const [owner, fence, counted] = row as [string, string, string];
    return { holder: owner, fence: Number(fence), beat: Number(counted) };
  }

  async clockMs(): Promise<number> {
    if (this.#redis.status !== 'ready') throw new Error(this.#problem);
    const [seconds, microseconds] = await this.#redis.time();
    return Number(seconds) * 1000 + Number(microseconds) / 1000;
  }

  async serverId(offered: string): Promise<string> {
    if (this.#redis.status !== 'ready') throw new Error(this.#problem);
    return (await this.#redis.eval(SERVER_SCRIPT, 1, SERVER_KEY, offered)) as string;
  }

  onLost(listener: () => void): void {
    this.#redis.on('close', listener);
  }

  reset(): void {
    this.#redis.stream?.destroy();
  }

  close(): Promise<void> {
    const { stream } = this.#redis;
    this.#redis.disconnect();
    stream?.destroy();
    return Promise.resolve();
  }
}
