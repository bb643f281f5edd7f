import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { leaseKey } from '../../daemon/lease/redis_lease.ts';
import { openLeaseStore } from '../../daemon/lease/open_lease_store.ts';
import type { LeaseRecord, LeaseRequest } from '../../daemon/lease/lease.ts';
import type { LeaseStore } from '../../daemon/lease/lease_store.ts';
import { forgetLease } from '../../daemon/lease/postgres_lease.ts';
import { describeError } from '../../shared/errors.ts';
import { MACHINE_FILES } from '../../shared/files.ts';
import type { HomePaths } from '../../shared/home.ts';
import { shardsOf, type Settings } from '../../shared/policy/policy.ts';
import { postgresNext } from '../../shared/postgres_causes.ts';
import { evictionProblem, infoField } from '../../shared/redis/redis_info.ts';
import { askingClient } from './doctor_redis.ts';
import { verifySignalOf } from '../../shared/signal/verify_instrument.ts';
import { pathInside } from '../../shared/path_name.ts';
import { maskSecrets } from '../../shared/secrets.ts';

const WAIT_MS = 3000;
const RETRY_MS = 20;
/** A standby takes over after at most so many durations, and must within so many bars. */
const TAKEOVER_DURATIONS = 1.5;
const TAKEOVER_BARS = 2;
/** Of the duration: a holder renews each fifth of it and waits a quarter for a response. */
const SLOW_ROUND_TRIP = 0.1;

export interface LeaseFinding {
  readonly verdict: 'ok' | 'warning' | 'error';
  readonly detail: string;
}

/**
 * Takes, renews and releases a lease of a scratch name (`doctor_…`) on the lease server and removes it; the rows of the
 * shards are only read. Clocks are not compared: only durations on each machine count.
 * @returns null where no lease is configured
 */
export async function checkLease(settings: Settings, paths: Pick<HomePaths, 'signals'>): Promise<LeaseFinding | null> {
  const { lease, market, feed } = settings.minutehand;
  const { url, seconds } = lease;
  if (url === null) return null;
  const shown = maskSecrets(url);
  try {
    const roundTripMs = await tryLease(url);
    const fences = await fencesOf(settings, url);
    const lost = lostFence(settings, paths, fences);
    if (lost !== null) return { verdict: 'error', detail: `${shown}: ${lost}` };
    const warnings = [
      TAKEOVER_DURATIONS * seconds * 1000 > TAKEOVER_BARS * feed.interval_ms &&
        `lease.seconds ${seconds}: a standby takes over after up to ${TAKEOVER_DURATIONS * seconds} s, later than ${TAKEOVER_BARS} bars; lower it`,
      roundTripMs > SLOW_ROUND_TRIP * seconds * 1000 &&
        `a response takes ${roundTripMs.toFixed(0)} ms, too long for lease.seconds ${seconds}; raise it`,
      isRedis(url) && (await redisWarning(url)),
    ].filter((text) => typeof text === 'string');
    const known = [...fences].map(
      ([shard, { fence, holder }]) => `${market}:${shard} fence ${fence}${holder === '' ? ', free' : ''}`,
    );
    const detail = `takes leases at ${shown} in ${roundTripMs.toFixed(1)} ms; ${known.join(', ')}`;
    return warnings.length === 0
      ? { verdict: 'ok', detail }
      : { verdict: 'warning', detail: `${detail}. ${warnings.join('; ')}` };
  } catch (error) {
    const words = maskSecrets(describeError(error).message);
    const causes = [error, (error as Error).cause] as ({ readonly code?: unknown } | undefined)[];
    const ofServer = isRedis(url) ? null : causes.map((one) => postgresNext(one?.code, '`lease.url`')).find(Boolean);
    const next = ofServer ?? 'Check `lease.url`, the server, the network and the rights of its user.';
    return { verdict: 'error', detail: `${shown}: ${words}. No daemon can publish. ${next}` };
  }
}

const isRedis = (url: string): boolean => !url.startsWith('postgres');

/** @returns milliseconds of one request */
async function tryLease(url: string): Promise<number> {
  const name = `doctor_${randomBytes(6).toString('hex')}`;
  const holder = 'minutehand doctor';
  const store = await openLeaseStore({ url, name, holder, timeoutMs: WAIT_MS });
  try {
    const seen = await ask(store, { kind: 'look' });
    const taken = await store.exchange({ kind: 'take', seen, floor: 0 });
    const sentMs = performance.now();
    const renewed = await store.exchange({ kind: 'renew', fence: taken.fence });
    const roundTripMs = performance.now() - sentMs;
    const released = await store.exchange({ kind: 'release', fence: taken.fence });
    if (taken.holder !== holder || renewed.beat <= taken.beat || released.holder !== '')
      throw new Error(`the server answers and does not keep a lease: ${JSON.stringify([taken, renewed, released])}`);
    return roundTripMs;
  } finally {
    await store.close();
    // A right to remove rows is not needed for a lease.
    await (isRedis(url) ? withRedis(url, (redis) => redis.del(leaseKey(name))) : forgetLease(url, name)).catch(
      () => undefined,
    );
  }
}

/** Waits for the connection. */
async function ask(store: LeaseStore, request: LeaseRequest): Promise<LeaseRecord> {
  const untilMs = performance.now() + WAIT_MS;
  for (;;)
    try {
      return await store.exchange(request);
    } catch (error) {
      if (performance.now() > untilMs) throw error;
      await sleep(RETRY_MS);
    }
}

/** Rows of the shards. */
async function fencesOf({ minutehand }: Settings, url: string): Promise<Map<string, LeaseRecord>> {
  const fences = new Map<string, LeaseRecord>();
  for (const { name } of shardsOf(minutehand)) {
    const address = { url, name: `${minutehand.market}:${name}`, holder: '', timeoutMs: WAIT_MS };
    const store = await openLeaseStore(address);
    try {
      fences.set(name, await ask(store, { kind: 'look' }));
    } finally {
      await store.close();
    }
  }
  return fences;
}

/** A consumer that has seen a higher fence than the server's refuses every later signal. */
function lostFence(
  { minutehand }: Settings,
  { signals }: Pick<HomePaths, 'signals'>,
  fences: ReadonlyMap<string, LeaseRecord>,
): string | null {
  for (const { name, pairs } of shardsOf(minutehand)) {
    const published = Math.max(
      0,
      ...pairs.map(({ id }) => publishedFence(id, join(pathInside(signals, id), 'signal.json'))),
    );
    const { fence } = fences.get(name)!;
    if (fence > 0 && fence < published)
      return `fence ${fence} of shard ${name} is below ${published}, which was published: consumers refuse signals with it. Use the server of before, or restore its data`;
  }
  return null;
}

function publishedFence(pairId: string, path: string): number {
  try {
    return verifySignalOf(pairId, MACHINE_FILES.read(path).toString('utf8')).fence ?? 0;
  } catch {
    return 0;
  }
}

/** @returns null when it keeps its data */
async function redisWarning(url: string): Promise<string | null> {
  const info = await withRedis(url, (redis) => redis.info()).catch(() => null);
  // A user without INFO.
  if (info === null) return null;
  const eviction = evictionProblem(info);
  if (eviction !== null) return eviction;
  const isPersistent = infoField(info, 'aof_enabled') === '1';
  return isPersistent ? null : 'it has no append-only file: after a restart the fence follows the clock of the server';
}

async function withRedis<Result>(url: string, use: (redis: Redis) => Promise<Result>): Promise<Result> {
  const redis = askingClient({ url, ca_file: null }, WAIT_MS);
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await use(redis);
  } finally {
    redis.disconnect();
  }
}
