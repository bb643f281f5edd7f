import type { Redis } from 'ioredis';

/**
 * A connection outlives the role of its server: after a failover behind a proxy or a floating address, an old
 * connection still reaches the former primary, which now refuses writes, or silently serves old data. Only a new
 * connection reaches the new primary.
 */
const REFUSALS_OF_REPLICAS = ['READONLY', 'MASTERDOWN'];

/** @param words the error reply of Redis; scripts and ioredis may put other words before it */
export function isRefusalOfReplica(words: string): boolean {
  return REFUSALS_OF_REPLICAS.some((code) => words.includes(code));
}

const FIRST_PAUSE_MS = 10_000;
const MAX_PAUSE_MS = 300_000;

/** Limits reconnections to a server that stays a replica: after 10 s, 20 s … 5 min. */
export class ReplicaRetries {
  readonly #nowMs: () => number;
  #nextMs = -Infinity;
  #pauseMs = FIRST_PAUSE_MS;

  /** @param nowMs of a monotonic clock */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A write was refused by a replica. @returns whether to connect again now */
  refused(): boolean {
    const nowMs = this.#nowMs();
    if (nowMs < this.#nextMs) return false;
    this.#nextMs = nowMs + this.#pauseMs;
    this.#pauseMs = Math.min(2 * this.#pauseMs, MAX_PAUSE_MS);
    return true;
  }

  /** A write was accepted. */
  accepted(): void {
    this.#nextMs = -Infinity;
    this.#pauseMs = FIRST_PAUSE_MS;
  }
}

export type RedisRole = 'primary' | 'replica';

/** @returns null when the server does not say, or the user may not ask */
export async function roleOf(redis: Pick<Redis, 'info'>): Promise<RedisRole | null> {
  try {
    const info = await redis.info('replication');
    if (info.includes('role:master')) return 'primary';
    return info.includes('role:slave') ? 'replica' : null;
  } catch {
    return null;
  }
}
