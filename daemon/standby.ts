import { ACTIVE_POINTER } from '../shared/bundle/active_file.ts';
import { PointerMarks } from '../shared/bundle/pointer_marks.ts';
import { liveInstrumentSchema } from '../shared/bundle/direction/active_direction.ts';
import { featureSchema } from '../shared/bundle/feature_schema.ts';
import type { ModelSet, Quietly } from '../shared/bundle/model_set.ts';
import { MACHINE_SCHEDULER } from '../shared/clock.ts';
import { MACHINE_FILES } from '../shared/files.ts';
import { TIMEFRAMES } from '../shared/pair.ts';
import { shardOf, shardPairs } from '../shared/policy/policy.ts';
import type { DaemonPorts } from './daemon.ts';
import type { Bus } from '../shared/ports.ts';
import { ownerOf } from '../shared/owner/owner.ts';
import { unlessEnding } from '../shared/process/ending.ts';
import { waitForLock } from '../shared/process/home_lock.ts';
import type { DaemonProcessOptions } from './daemon_process_options.ts';
import { loadDirectionOffTheWay, loadOffTheWay } from './infer/model_loader.ts';
import { preloadModels } from './infer/model_preload.ts';
import { createRedisBus, redisBusOptions } from './publish/redis_bus.ts';
import { warmEngine } from './serve/serve.ts';

/** Interval at which a standby checks whether the lease is free. */
const LOCK_POLL_MS = 50;
const MODEL_POLL_MS = 500;

/** Resources that a daemon can prepare before it may touch journal, files and port. */
export interface Provisions {
  /** A connection to Redis over which nothing was sent; null = Redis is not used. */
  readonly bus: Bus | null;
  loadModels(folder: string, quietly: Quietly): Promise<ModelSet>;
}

export function loaderOf({ settings, shard }: DaemonProcessOptions): Provisions['loadModels'] {
  const { minutehand } = settings;
  const schema = featureSchema(minutehand.windows);
  // A shard of instruments alone verifies the models, too.
  const maxRows = Math.max(1, shardPairs(minutehand, shard).length);
  return (folder, quietly) => loadOffTheWay(folder, { schema, maxRows, engine: minutehand.inference.engine, quietly });
}

export function directionLoaderOf({
  settings,
  shard,
}: DaemonProcessOptions): NonNullable<DaemonPorts['loadDirection']> {
  const { instruments } = shardOf(settings.minutehand, shard);
  return (folder, timeframe, quietly) =>
    loadDirectionOffTheWay(folder, liveInstrumentSchema(TIMEFRAMES[timeframe]), instruments.length, quietly);
}

export function openBus({ settings, paths }: DaemonProcessOptions): Bus | null {
  const { redis } = settings.minutehand.transports;
  return redis.enabled === 'off' ? null : createRedisBus(redisBusOptions(redis, ownerOf(settings, paths)));
}

/** Result of waiting: the lease, and what was loaded meanwhile. */
export interface Succession {
  readonly unlock: () => void;
  readonly provisions: Provisions;
  /** To be called when the daemon has begun, or could not. */
  release(): void;
}

/**
 * Waits for the lease of the shard, with everything loaded that needs neither journal nor port. Of several standbys,
 * one holds the lock `standby_<shard>` and is the next; the others wait for that lock. The active daemon checks that
 * lock when it ends.
 * @param onWaiting called once, when this one is the next
 * @returns null when `ending` was aborted before
 * @throws MinutehandError HOME_UNUSABLE, ENGINE_MISSING, CONFIG_INVALID; the reason of `ending` when that was aborted
 * while models were loaded
 */
export async function awaitSuccession(
  options: DaemonProcessOptions,
  ending: AbortSignal,
  onWaiting: () => void,
): Promise<Succession | null> {
  const { paths, shard, settings } = options;
  warmEngine(settings.minutehand.transports.daemon.engine);
  const load = loaderOf(options);
  const preload = preloadModels({
    modelsFolder: paths.models,
    marks: new PointerMarks(paths.home, `daemon_${shard}`, ACTIVE_POINTER),
    pollMs: MODEL_POLL_MS,
    files: MACHINE_FILES,
    scheduler: MACHINE_SCHEDULER,
    load: (folder) => load(folder, (work) => Promise.resolve(work())),
  });
  let bus: Bus | null = null;
  let unlockNext: (() => void) | null = null;
  let unlock: (() => void) | null = null;
  try {
    bus = openBus(options);
    await unlessEnding(ending, preload.check());
    unlockNext = await waitForLock(paths.lock(`standby_${shard}`), LOCK_POLL_MS, ending);
    if (unlockNext !== null) {
      onWaiting();
      unlock = await waitForLock(paths.lock(`daemon_${shard}`), LOCK_POLL_MS, ending);
    }
  } finally {
    unlockNext?.();
    if (unlock === null) {
      preload.stop();
      await bus?.close();
    }
  }
  if (unlock === null) return null;
  return {
    unlock,
    provisions: { bus, loadModels: async (folder, quietly) => preload.take(folder) ?? (await load(folder, quietly)) },
    release: () => preload.stop(),
  };
}
