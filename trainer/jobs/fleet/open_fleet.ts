import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeError, MinutehandError } from '../../../shared/errors.ts';
import type { Blobs } from '../../../shared/blob/blobs.ts';
import { openBlobs } from '../../../shared/blob/open_blobs.ts';
import type { HomePaths } from '../../../shared/home.ts';
import { maskSecrets } from '../../../shared/secrets.ts';
import { leaseOfTests } from '../../../shared/policy/environment.ts';
import type { Settings } from '../../../shared/policy/policy.ts';
import { embeddedQueue } from './embedded_queue.ts';
import { QUEUE_TIMING, type QueueTiming, type TaskQueue } from './task_queue.ts';

export const QUEUE_KINDS = ['embedded', 'bullmq'] as const;
export type QueueKind = (typeof QUEUE_KINDS)[number];

const ANSWERS_WITHIN_MS = 10_000;
/** Part of keys of Redis, and the name of a folder. */
const FLEET_NAME = /^[a-z0-9][a-z0-9_-]{0,39}$/;

export interface Fleet {
  readonly kind: QueueKind;
  /** Fleets of other names in the same Redis and bucket are not seen; null: the one without a name. */
  readonly name: string | null;
  /** Of the queue and of the blobs, without passwords. */
  readonly places: readonly [queue: string, blobs: string];
  readonly queue: TaskQueue;
  readonly blobs: Blobs;
  readonly leaseMs: number;
  close(): Promise<void>;
}

/** @returns null without MINUTEHAND_QUEUE @throws MinutehandError CONFIG_INVALID */
export function queueKind({ MINUTEHAND_QUEUE: kind }: NodeJS.ProcessEnv): QueueKind | null {
  if (kind === undefined || kind === '') return null;
  const known = QUEUE_KINDS.find((one) => one === kind);
  if (known !== undefined) return known;
  throw new MinutehandError('CONFIG_INVALID', {
    seen: `MINUTEHAND_QUEUE is ${JSON.stringify(kind)}`,
    expected: QUEUE_KINDS.join(' or '),
  });
}

/** @returns null without MINUTEHAND_FLEET @throws MinutehandError CONFIG_INVALID */
export function fleetName({ MINUTEHAND_FLEET: name }: NodeJS.ProcessEnv): string | null {
  if (name === undefined || name === '') return null;
  if (FLEET_NAME.test(name)) return name;
  throw new MinutehandError('CONFIG_INVALID', {
    seen: `MINUTEHAND_FLEET is ${JSON.stringify(name)}`,
    expected: 'up to 40 small letters, digits, - and _, such as research',
  });
}

/**
 * Queue and blobs as the environment names them.
 * @returns null without MINUTEHAND_QUEUE: trainings then use the threads of their process alone
 * @throws MinutehandError CONFIG_INVALID, FLEET_LIBRARY, QUEUE_UNREACHABLE
 */
export async function openFleet(
  { minutehand }: Settings,
  paths: Pick<HomePaths, 'home'>,
  env: NodeJS.ProcessEnv = process.env,
  answersWithinMs = ANSWERS_WITHIN_MS,
): Promise<Fleet | null> {
  const kind = queueKind(env);
  if (kind === null) return null;
  const name = fleetName(env);
  const folder = join(paths.home, 'cache', 'fleet');
  const place = env['MINUTEHAND_BLOBS'] || null;
  if (kind === 'bullmq' && place === null) {
    throw new MinutehandError('CONFIG_INVALID', {
      seen: 'MINUTEHAND_QUEUE is bullmq, and MINUTEHAND_BLOBS is not set',
      expected: 'a folder or bucket that all machines of the fleet reach',
    });
  }
  const timing = timingOf(env);
  // What one home keeps in its own folder is already its own.
  const inside = place === null || name === null ? null : `fleet-${name}`;
  const blobs = openBlobs(place ?? folder, env, inside);
  const { url, ca_file } = minutehand.transports.redis;
  const queue =
    kind === 'bullmq'
      ? (await loadBullmq()).bullmqQueue(url, ca_file, timing, name)
      : embeddedQueue(join(folder, 'queue.db'), timing);
  await answers(queue, url, answersWithinMs).catch(async (error: unknown) => {
    await queue.close();
    throw error;
  });
  return {
    kind,
    name,
    places: [kind === 'bullmq' ? withoutPassword(url) : join(folder, 'queue.db'), withoutPassword(place ?? folder)],
    queue,
    blobs,
    leaseMs: timing.leaseMs,
    close: () => queue.close(),
  };
}

/**
 * An optional package, and half a second that only a fleet pays.
 * @throws MinutehandError FLEET_LIBRARY
 */
async function loadBullmq(): Promise<typeof import('./bullmq_queue.ts')> {
  try {
    return await import('./bullmq_queue.ts');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new MinutehandError('FLEET_LIBRARY', { seen: describeError(cause).message, cause });
  }
}

/**
 * Afterward a queue may be away for as long as it likes; one that never answered is a mistake in the address.
 * @throws MinutehandError QUEUE_UNREACHABLE
 */
async function answers(queue: TaskQueue, url: string, withinMs: number): Promise<void> {
  const giveUp = new AbortController();
  const tooLate = sleep(withinMs, undefined, { signal: giveUp.signal }).then(() => {
    throw new MinutehandError('QUEUE_UNREACHABLE', {
      seen: `no answer of ${withoutPassword(url)} in ${withinMs / 1000} s`,
    });
  });
  try {
    await Promise.race([queue.leader(), tooLate]);
  } catch (error) {
    if (error instanceof MinutehandError) throw error;
    const seen = `${withoutPassword(url)}: ${describeError(error).message}`;
    throw new MinutehandError('QUEUE_UNREACHABLE', { seen, cause: error });
  } finally {
    giveUp.abort();
    tooLate.catch(() => undefined);
  }
}

/** Tests do not wait half a minute for a lost worker, nor for further attempts. */
function timingOf(env: NodeJS.ProcessEnv): QueueTiming {
  const leaseMs = leaseOfTests(env);
  if (leaseMs === null) return QUEUE_TIMING;
  const share = leaseMs / QUEUE_TIMING.leaseMs;
  return { ...QUEUE_TIMING, leaseMs, backoffMs: share * QUEUE_TIMING.backoffMs };
}

/** A path or an address as people may see it. */
function withoutPassword(place: string): string {
  if (!URL.canParse(place)) return maskSecrets(place);
  const url = new URL(place);
  url.username = '';
  url.password = '';
  return maskSecrets(url.href);
}
